// What the writers of a process count for the metrics. Any thread.
#pragma once

#include "commands/lanes/dispatcher.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace lanes
{
class tally
{
public:
    std::atomic<std::uint64_t> rounds{0}, commands{0}, events{0}, conflicts{0}, reloads{0}, cache_hits{0},
        cache_misses{0}, busy{0}, expired{0}, broken{0};

    void append_took(double seconds);
    void fault(std::string_view what);

    // Counters run on; the durations start anew.
    dispatcher::figures take();

private:
    static constexpr std::size_t durations_max = 16'384;

    std::mutex mutex_;
    std::vector<double> append_seconds_;  // guarded by mutex_, as below
    std::string last_fault_;
};
}  // namespace lanes
