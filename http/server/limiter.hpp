// How often somebody may ask: the generic cell rate algorithm, one moment in time per address or key.
//
// A cell conforms when the theoretical arrival time is no more than the burst ahead of now; a window of a minute's
// worth is the burst, so that n requests in one go are fine and then one every 60 s / n. Time is handed in. `gcra` is
// lock-free and shared by threads; `address_limiter` is a bounded table of them. Source: ITU-T I.371, annex A.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace http
{
struct rate_verdict
{
    bool allowed = true;
    std::int64_t remaining = 0;           // of the burst, after this request
    std::chrono::seconds retry_after{0};  // when not allowed: at least 1
    std::chrono::seconds reset_after{0};  // until the whole burst is there again
};

class gcra
{
public:
    // Counts one request against `per_minute` at `now`. A refused one costs nothing.
    rate_verdict take(std::int64_t per_minute, std::chrono::steady_clock::time_point now);
    // What `take` would say, without counting.
    rate_verdict peek(std::int64_t per_minute, std::chrono::steady_clock::time_point now) const;

    // Nothing is remembered any more that a fresh one would not know.
    bool is_fresh(std::chrono::steady_clock::time_point now) const;

private:
    std::atomic<std::int64_t> arrival_ns_{0};  // theoretical arrival time of the next cell, steady clock
};

class address_limiter
{
public:
    address_limiter(std::int64_t per_minute, std::size_t entries_max);

    rate_verdict take(std::string_view address, std::chrono::steady_clock::time_point now);
    rate_verdict peek(std::string_view address, std::chrono::steady_clock::time_point now);
    std::size_t entries() const;

private:
    gcra& entry(std::string_view address, std::chrono::steady_clock::time_point now);

    const std::int64_t per_minute_;
    const std::size_t entries_max_;
    mutable std::mutex mutex_;
    std::unordered_map<std::string, gcra> table_;  // guarded by mutex_
};
}  // namespace http
