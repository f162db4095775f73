// Long work that operators ask for under /api/admin: the command of that name, in a process of its own.
//
// A rebuild or a comparison takes minutes and memory, and folds events that may crash whoever folds them: it runs as
// this same program with the settings that the server was started with, so a request only begins it, the next one asks
// how it stands, and the answer is what the command line prints. One run of each command at a time; of the newest the
// end is kept until the next begins or the server ends. Destruction asks what is at work to stop, as the first signal
// does, and insists after `stop_patience`; what a rebuild has done by then is gone on with. A server that is killed
// leaves its work to end by itself. Any thread.
#pragma once

#include "schemas/time.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace cli
{
class admin_work
{
public:
    static constexpr std::size_t answer_bytes_max = 16 * 1024 * 1024;  // then the answer is not kept
    static constexpr std::chrono::milliseconds stop_patience{5'000};

    // `settings`: flags with which a command sees the settings of this server.
    admin_work(std::vector<std::string> settings, const schema::clock&);
    ~admin_work();

    // `command`: "projection/rebuild", static text of the table of operations. False: it is at work already. Throws
    // std::system_error when there is no process to be had.
    bool start(const std::string& command, const std::vector<std::string>& words, const std::string& by);

    // {"command", "state": none, running or ended, "started_at", "ended_at", "by", "exit", "answer", "problem"}: JSON.
    std::string state(const std::string& command) const;

private:
    struct implementation;
    std::unique_ptr<implementation> self_;
};
}  // namespace cli
