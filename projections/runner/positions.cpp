// A map of positions and a list of calls under one mutex.
#include "projections/runner/positions.hpp"

#include <algorithm>
#include <memory>

namespace projection
{
void positions::reached(const position& now)
{
    std::vector<std::function<void()>> calls;
    {
        const std::lock_guard lock{mutex_};
        auto& before = reached_[now.lane];
        if (before >= now.seq)
            return;
        before = now.seq;
        for (auto each = waiting_.begin(); each != waiting_.end();)
        {
            if (has_reached_locked(each->second.all))
            {
                calls.push_back(std::move(each->second.call));
                each = waiting_.erase(each);
            }
            else
                ++each;
        }
    }
    for (const auto& call : calls)
        call();
}

void positions::found(const position& now)
{
    if (now.seq < at(now.lane))
        restart(now.lane);
    reached(now);
}

void positions::restart(std::int32_t lane)
{
    const std::lock_guard lock{mutex_};
    reached_.erase(lane);
}

std::int64_t positions::at(std::int32_t lane) const
{
    const std::lock_guard lock{mutex_};
    const auto found = reached_.find(lane);
    return found == reached_.end() ? 0 : found->second;
}

bool positions::has_reached(std::span<const position> all) const
{
    const std::lock_guard lock{mutex_};
    return has_reached_locked(all);
}

bool positions::has_reached_locked(std::span<const position> all) const
{
    return std::ranges::all_of(all, [&](const position& wanted) {
        const auto found = reached_.find(wanted.lane);
        return wanted.seq <= (found == reached_.end() ? 0 : found->second);
    });
}

positions::ticket positions::when(std::vector<position> all, std::function<void()> call)
{
    {
        const std::lock_guard lock{mutex_};
        if (!has_reached_locked(all))
        {
            waiting_.emplace(++last_ticket_, waiter{std::move(all), std::move(call)});
            somebody_waits_.notify_all();
            return last_ticket_;
        }
    }
    call();
    return 0;
}

void positions::cancel(ticket given)
{
    const std::lock_guard lock{mutex_};
    waiting_.erase(given);
}

bool positions::wait_until(std::span<const position> all, time_point deadline)
{
    struct bell
    {
        std::mutex mutex;
        std::condition_variable rung;
        bool has_rung = false;
    };
    const auto shared = std::make_shared<bell>();
    const ticket held = when({all.begin(), all.end()}, [shared] {
        const std::lock_guard lock{shared->mutex};
        shared->has_rung = true;
        shared->rung.notify_all();
    });
    std::unique_lock lock{shared->mutex};
    const bool came = shared->rung.wait_until(lock, deadline, [&] { return shared->has_rung; });
    lock.unlock();
    if (!came)
        cancel(held);
    return came;
}

std::vector<std::int32_t> positions::awaited() const
{
    const std::lock_guard lock{mutex_};
    std::vector<std::int32_t> lanes;
    for (const auto& [_, waiting] : waiting_)
        for (const auto& wanted : waiting.all)
            lanes.push_back(wanted.lane);
    std::ranges::sort(lanes);
    lanes.erase(std::ranges::unique(lanes).begin(), lanes.end());
    return lanes;
}

void positions::wait_for_waiters()
{
    std::unique_lock lock{mutex_};
    somebody_waits_.wait(lock, [&] { return stopping_ || !waiting_.empty(); });
}

void positions::stop_waiting()
{
    const std::lock_guard lock{mutex_};
    stopping_ = true;
    somebody_waits_.notify_all();
}
}  // namespace projection
