#include "http/server/limiter.hpp"

#include <algorithm>

namespace http
{
namespace
{
constexpr std::int64_t minute_ns = 60'000'000'000;

std::int64_t nanoseconds(std::chrono::steady_clock::time_point at)
{
    return std::chrono::duration_cast<std::chrono::nanoseconds>(at.time_since_epoch()).count();
}

std::chrono::seconds whole_seconds(std::int64_t ns)
{
    return std::chrono::seconds{(std::max<std::int64_t>(ns, 0) + 999'999'999) / 1'000'000'000};
}

rate_verdict judge(std::int64_t arrival, std::int64_t now, std::int64_t interval)
{
    rate_verdict made;
    const std::int64_t next = std::max(arrival, now) + interval;
    made.allowed = next - now <= minute_ns;
    const std::int64_t ahead = (made.allowed ? next : std::max(arrival, now)) - now;
    made.remaining = std::max<std::int64_t>(0, (minute_ns - ahead) / interval);
    made.reset_after = whole_seconds(ahead);
    if (!made.allowed)
        made.retry_after = std::max(std::chrono::seconds{1}, whole_seconds(next - minute_ns - now));
    return made;
}
}  // namespace

rate_verdict gcra::take(std::int64_t per_minute, std::chrono::steady_clock::time_point now)
{
    const std::int64_t at = nanoseconds(now);
    const std::int64_t interval = minute_ns / std::max<std::int64_t>(per_minute, 1);
    std::int64_t arrival = arrival_ns_.load(std::memory_order_relaxed);
    for (;;)
    {
        const auto said = judge(arrival, at, interval);
        if (!said.allowed)
            return said;
        if (arrival_ns_.compare_exchange_weak(arrival, std::max(arrival, at) + interval, std::memory_order_relaxed))
            return said;
    }
}

rate_verdict gcra::peek(std::int64_t per_minute, std::chrono::steady_clock::time_point now) const
{
    return judge(arrival_ns_.load(std::memory_order_relaxed), nanoseconds(now),
                 minute_ns / std::max<std::int64_t>(per_minute, 1));
}

bool gcra::is_fresh(std::chrono::steady_clock::time_point now) const
{
    return arrival_ns_.load(std::memory_order_relaxed) <= nanoseconds(now);
}

address_limiter::address_limiter(std::int64_t per_minute, std::size_t entries_max)
    : per_minute_(per_minute), entries_max_(std::max<std::size_t>(entries_max, 1))
{}

rate_verdict address_limiter::take(std::string_view address, std::chrono::steady_clock::time_point now)
{
    const std::lock_guard lock{mutex_};
    return entry(address, now).take(per_minute_, now);
}

rate_verdict address_limiter::peek(std::string_view address, std::chrono::steady_clock::time_point now)
{
    const std::lock_guard lock{mutex_};
    const auto found = table_.find(std::string{address});
    return found == table_.end() ? rate_verdict{true, per_minute_, {}, {}} : found->second.peek(per_minute_, now);
}

std::size_t address_limiter::entries() const
{
    const std::lock_guard lock{mutex_};
    return table_.size();
}

// Requires mutex_. A full table first forgets those that have nothing to be remembered for, then anyone.
gcra& address_limiter::entry(std::string_view address, std::chrono::steady_clock::time_point now)
{
    std::string name{address};
    if (const auto found = table_.find(name); found != table_.end())
        return found->second;
    if (table_.size() >= entries_max_)
        std::erase_if(table_, [&](const auto& one) { return one.second.is_fresh(now); });
    if (table_.size() >= entries_max_)
        table_.erase(table_.begin());
    return table_[std::move(name)];
}
}  // namespace http
