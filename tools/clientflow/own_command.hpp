// A command of this same program in a process of its own, begun and heard to its end.
//
// The child has nothing of this process but its two outputs, no socket and no blocked signal, and leads a process group
// of its own. Whoever begins one reaps it, with waitpid. Any thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace cli
{
// Owns a file descriptor; -1: none.
class descriptor
{
public:
    explicit descriptor(int fd = -1) : fd_(fd) {}
    descriptor(descriptor&& from) noexcept;
    descriptor& operator=(descriptor&& from) noexcept;
    ~descriptor();
    int get() const { return fd_; }

private:
    int fd_;
};

struct own_command
{
    pid_t child = 0;
    descriptor out, errors;  // where it is read
};

// `words` begin with the program's name. Throws std::system_error when there is no process to be had.
own_command begin_own_command(const std::vector<std::string>& words);

struct hearing_bounds
{
    std::size_t answer_bytes_max = 0;                   // beyond: is_too_large, and the beginning is kept
    std::size_t errors_bytes_max = 0;                   // the last is kept: there a command says why it failed
    std::optional<std::chrono::milliseconds> time_max;  // then it is asked to end
    std::chrono::milliseconds patience{};               // and after as long again made to
};

struct heard
{
    std::string answer;
    std::string errors;
    bool is_too_large = false;
    bool is_too_long = false;  // it was ended for its time
};

// Reads both outputs to their ends. `signal` is called with SIGTERM, then SIGKILL, once the time is over.
heard hear_out(const own_command&, const hearing_bounds&, const std::function<void(int)>& signal);

// Of waitpid's status: what the command line ends with, or 128 and the signal.
int exit_of(int status);

// JSON as it came, without the line's end; nothing: it is none.
std::optional<std::string> document_in(std::string_view text);

// What a command has said of its failure: the last line that is an object. What follows it are words of whoever ends a
// process.
std::optional<std::string> problem_in(std::string_view said);
}  // namespace cli
