// What operators ask for under /api/admin by the command of that name, in a process of its own.
//
// A rebuild or a comparison takes minutes and memory, and folds events that may crash whoever folds them: it runs as
// this same program with the settings that the server was started with, so a request only begins it, the next one asks
// how it stands, and the answer is what the command line prints. One run of each command at a time; of the newest the
// end is kept until the next begins or the server ends. What has a time of its own is ended when that is over. An end
// before its time, and destruction, ask the process and all that it started to stop, as the first signal does, and
// insist after `stop_patience`; what a rebuild has done by then is gone on with. A server that is killed leaves its
// work to end by itself. What is only read is waited for, for a short time of its own. Any thread.
#pragma once

#include "schemas/time.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace cli
{
struct admin_work_config
{
    std::size_t answer_bytes_max = 16 * 1024 * 1024;        // a larger answer is not kept: a problem says so
    std::size_t errors_bytes_max = 64 * 1024;               // of what a command says beside it, the last is kept
    std::chrono::milliseconds looking_time_max{1'800'000};  // of what changes nothing: an audit, a comparison
    std::chrono::milliseconds reading_time_max{10'000};     // of what one request waits for
};

class admin_work
{
public:
    static constexpr std::chrono::milliseconds stop_patience{5'000};
    static constexpr std::chrono::milliseconds reading_patience{500};  // likewise, of what is only read

    enum class bound
    {
        none,
        looking  // by `looking_time_max`
    };
    struct begun
    {
        std::string by;
        schema::moment at;
    };

    // `settings`: flags with which a command sees the settings of this server.
    admin_work(admin_work_config, std::vector<std::string> settings, const schema::clock&);
    ~admin_work();

    // `command`: "projection/rebuild", static text of the table of operations. Nothing: it was begun; else what is at
    // work already. Throws std::system_error when there is no process to be had.
    std::optional<begun> start(const std::string& command, const std::vector<std::string>& words, const std::string& by,
                               bound);

    // How a command ended that was waited for.
    struct told
    {
        int exit = 0;
        std::string answer;                  // as it was printed, without the line's end
        std::optional<std::string> problem;  // JSON, where the command said one
        bool is_too_large = false;           // and so not whole
        bool is_too_long = false;            // it was ended for its time
    };

    // Runs what only reads ({"tenant", "show", "--json", …}) to its end, or to `reading_time_max`, or until the server
    // stops, which kills it. Throws as `start` does.
    told read(const std::vector<std::string>& command, std::stop_token stopping) const;

    const admin_work_config& config() const;

    // What is known of a command by others than this process.
    struct known
    {
        std::string state = "none";
        std::optional<std::string> started_at, ended_at;
        std::optional<std::string> versions;  // JSON; nothing: the command has no such member

        bool is_under_way() const { return state == "running" || state == "interrupted"; }
    };

    // {"command", "state": none, running or ended, "started_at", "ended_at", "by", "exit", "answer", "problem"}: JSON.
    // Of the newest run of this process; where there is none, or a later one is under way, what is known otherwise.
    // `versions` is always told.
    std::string state(const std::string& command, const known& otherwise) const;

private:
    struct implementation;
    std::unique_ptr<implementation> self_;
};
}  // namespace cli
