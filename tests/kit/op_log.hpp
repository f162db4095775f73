// What a load of commands was told, checked afterwards against what the log holds.
//
// An operation may take several attempts (the same Idempotency-Key, sent again); each has a mark of its own in the
// request id of its events' meta. What `check` verifies: an attempt that was refused is nowhere in the log; an
// operation that was answered "done" is there exactly once, through one of its attempts; one whose outcome stayed
// unknown is there once or not at all; nothing is there that nobody asked for. Beside that: seq without a hole per
// lane, version without a hole per stream. Any thread may note; checking is for one, when the load is over.
#pragma once

#include "tests/kit/database.hpp"

#include <cstddef>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace kit
{
class op_log
{
public:
    enum class outcome
    {
        none,       // not answered yet
        done,       // a 2xx that changed something, or the replay of one
        unchanged,  // a 2xx that changed nothing
        refused,    // a definite error: nothing happened
        unknown     // nobody can tell
    };

    // `prefix` begins the request ids of this load: letters and digits. An operation that is done writes `events`
    // events.
    explicit op_log(std::string prefix, int events = 1) : prefix_(std::move(prefix)), events_(events) {}

    // The mark of one more attempt at the operation, whose name holds letters and digits.
    std::string attempt(const std::string& operation);
    void note(const std::string& mark, outcome);

    std::size_t count(outcome) const;

    // Everything that is not as it should be, a sentence each; empty: all is well.
    std::vector<std::string> check(const database&) const;

private:
    using attempts = std::vector<outcome>;

    void check_operation(const std::string& name, const attempts&, const std::map<std::string, int>& written,
                         std::vector<std::string>& problems) const;

    const std::string prefix_;
    const int events_;
    mutable std::mutex mutex_;
    std::map<std::string, attempts> operations_;  // guarded by mutex_
};
}  // namespace kit
