// How far the read models have come, lane by lane, and who waits for more.
//
// The runner says what it committed; a process without the runner learns it by polling the checkpoints while somebody
// waits (position_poll). A waiting reader costs neither a thread nor a connection: it leaves a call behind.
// All functions are thread-safe. Calls are made outside the lock, once, on the thread that brought the news.
#pragma once

#include "events/log/envelope.hpp"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <span>
#include <unordered_map>
#include <vector>

namespace projection
{
using event_log::position;

class positions
{
public:
    using ticket = std::uint64_t;
    using time_point = std::chrono::steady_clock::time_point;

    // Every projection shows the lane up to here. Lower than before is ignored.
    void reached(const position&);
    // What the store says, asked anew: lower than before when another process folds the lane again.
    void found(const position&);
    // A lane begins again (its rows are rebuilt in place): what was reached counts no more.
    void restart(std::int32_t lane);

    std::int64_t at(std::int32_t lane) const;
    bool has_reached(std::span<const position>) const;

    // Calls once when all of these are reached; at once (answering 0) when they are already.
    ticket when(std::vector<position>, std::function<void()>);
    // After it returns the call is not made any more, unless it is being made already.
    void cancel(ticket);

    // Blocks until all are reached; false at the deadline.
    bool wait_until(std::span<const position>, time_point deadline);

    // The lanes that somebody waits for.
    std::vector<std::int32_t> awaited() const;
    // Blocks until somebody waits or `stop_waiting` was called.
    void wait_for_waiters();
    void stop_waiting();

private:
    struct waiter
    {
        std::vector<position> all;
        std::function<void()> call;
    };
    bool has_reached_locked(std::span<const position>) const;

    mutable std::mutex mutex_;
    std::condition_variable somebody_waits_;
    std::unordered_map<std::int32_t, std::int64_t> reached_;
    std::map<ticket, waiter> waiting_;
    ticket last_ticket_ = 0;
    bool stopping_ = false;
};
}  // namespace projection
