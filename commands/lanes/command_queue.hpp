// The commands that wait for one writer, bounded by count and by bytes.
//
// Any thread may offer; one hand of the writer takes at a time. Expired commands leave the queue at once, so that a
// store that is down does not keep places occupied by commands nobody waits for.
#pragma once

#include "commands/lanes/pending.hpp"

#include <atomic>
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

    // Commands of a round that have to go into a later one, before all others; the bounds do not apply.
    void put_back(std::vector<command>);

    // What is waiting, up to the bounds, at least one; a command that goes alone comes alone. Waits for the first.
    // Nothing: closed, and nothing is left.
    std::vector<command> take(std::size_t commands_max, std::size_t bytes_max);
    // The same for a round that waits for the store anyway: waits while the store is busy until it is worth preparing
    // some. Nothing: the store is free and nothing waits, or the next one goes alone.
    std::vector<command> take_while(const std::atomic<bool>& busy, std::size_t commands_max, std::size_t bytes_max);
    void wait_while(const std::atomic<bool>& busy);
    // `busy` has changed.
    void wake();

    // Answers and removes what is past its deadline; how many that were.
    std::size_t expire(std::chrono::steady_clock::time_point now);
    void close();
    std::size_t size() const;

    static std::size_t weight(const command& c) { return c->asked.bytes + overhead_bytes; }

private:
    std::vector<command> take_some(std::size_t commands_max, std::size_t bytes_max);

    // A wake-up costs as much as deciding a command or two.
    static constexpr std::size_t gathered_min = 8;
    static constexpr std::size_t nobody_waits = static_cast<std::size_t>(-1);
    static constexpr std::size_t overhead_bytes = 1'024;  // the submission itself, closures included

    const std::size_t commands_max_;
    const std::size_t bytes_max_;

    mutable std::mutex mutex_;
    std::condition_variable filled_;
    std::deque<command> waiting_;  // guarded by mutex_, as all below
    std::size_t bytes_ = 0;
    bool closed_ = false;
    bool finished_ = false;
    std::size_t wake_at_ = nobody_waits;  // so many commands are what the taker waits for
};
}  // namespace lanes
