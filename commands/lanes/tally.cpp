#include "commands/lanes/tally.hpp"

#include <utility>

namespace lanes
{
void tally::append_took(double seconds)
{
    const std::lock_guard lock(mutex_);
    if (append_seconds_.size() < durations_max)
        append_seconds_.push_back(seconds);
}

void tally::fault(std::string_view what)
{
    const std::lock_guard lock(mutex_);
    last_fault_ = what;
}

dispatcher::figures tally::take()
{
    dispatcher::figures now;
    now.rounds = rounds;
    now.commands = commands;
    now.events = events;
    now.conflicts = conflicts;
    now.reloads = reloads;
    now.cache_hits = cache_hits;
    now.cache_misses = cache_misses;
    now.busy = busy;
    now.expired = expired;
    now.broken = broken;
    const std::lock_guard lock(mutex_);
    now.append_seconds = std::exchange(append_seconds_, {});
    now.last_fault = last_fault_;
    return now;
}
}  // namespace lanes
