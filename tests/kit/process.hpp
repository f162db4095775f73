// A child process under test: the real binary, a database server, a broker.
//
// Output goes to files, so a child never blocks on a pipe nobody reads and a failed test can show what was said. The
// child leads a process group of its own and is killed with the object; should the test program die, the keeper kills
// it. One object serves one thread, except kill(), which any thread may call.
#pragma once

#include "tests/kit/eventually.hpp"
#include "tests/kit/paths.hpp"

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace kit
{
struct launch
{
    std::filesystem::path program;
    std::vector<std::string> arguments;
    std::map<std::string, std::string> environment;  // on top of the test program's own; an empty value unsets
    std::filesystem::path directory;                 // where it runs; empty: where the test program runs
    std::filesystem::path output;                    // file for stdout; empty: one of the object's own
    std::filesystem::path errors;                    // file for stderr; empty: one of the object's own
    std::string user;                                // runs as this user when the test program is root
    std::string last_signal = "KILL";                // what the keeper sends when the test program has died
};

// How a process ended: by itself or by a signal.
struct ending
{
    int exit_code = -1;  // -1 when a signal ended it
    int signal = 0;      // 0 when it ended by itself
    friend bool operator==(const ending&, const ending&) = default;
};

class process
{
public:
    // Returns once the program runs; throws when it cannot be executed.
    explicit process(launch);
    ~process();
    process(const process&) = delete;
    process& operator=(const process&) = delete;

    pid_t pid() const { return pid_; }
    bool running();

    // Nothing happens when it has ended already.
    void kill(int signal);

    // Nothing when it still runs at the deadline.
    std::optional<ending> wait(milliseconds deadline = eventually_default);

    // What it has written so far.
    std::string output() const;
    std::string errors() const;

private:
    temporary_directory files_;
    std::filesystem::path output_;
    std::filesystem::path errors_;
    pid_t pid_ = -1;
    std::optional<ending> ended_;
};

// Runs a program to its end and returns how it ended and what it wrote; throws and kills it at the deadline.
struct finished
{
    ending end;
    std::string output;
    std::string errors;
};
finished run(launch, milliseconds deadline = milliseconds{30'000});

// Direct children of a process, from /proc.
std::vector<pid_t> children_of(pid_t);
}  // namespace kit
