// The commands that wait for one writer, bounded by count and by bytes.
//
// Any thread may offer; one writer takes. Expired commands leave the queue at once, so that a store that is down does
// not keep places occupied by commands nobody waits for.
#pragma once

#include "commands/lanes/pending.hpp"

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

namespace lanes
{
using command = std::shared_ptr<pending>;

class command_queue
{
public:
    command_queue(std::size_t commands_max, std::size_t bytes_max) : commands_max_(commands_max), bytes_max_(bytes_max)
    {}

    // False: full, or closed.
    bool offer(command);
    // From a sibling writer: already accepted, so the bounds do not apply. False: closed and empty, its writer is gone.
    bool forward(command);

    // Appends what is waiting to `into`, up to the bounds given for all of `into`; waits for the first unless `into`
    // has some already. False: closed, and nothing is left.
    bool take(std::vector<command>& into, std::size_t commands_max, std::size_t bytes_max);

    // Answers and removes what is past its deadline; how many that were.
    std::size_t expire(std::chrono::steady_clock::time_point now);
    void close();
    std::size_t size() const;

    static std::size_t weight(const command& c) { return c->asked.bytes + overhead_bytes; }

private:
    static constexpr std::size_t overhead_bytes = 1'024;  // the submission itself, closures included

    const std::size_t commands_max_;
    const std::size_t bytes_max_;

    mutable std::mutex mutex_;
    std::condition_variable filled_;
    std::deque<command> waiting_;  // guarded by mutex_, as all below
    std::size_t bytes_ = 0;
    bool closed_ = false;
    bool finished_ = false;
    bool writer_waits_ = false;
};
}  // namespace lanes
