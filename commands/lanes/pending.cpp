#include "commands/lanes/pending.hpp"

#include "commands/lanes/refusals.hpp"

namespace lanes
{
bool pending::pin()
{
    stage expected = stage::open;
    return stage_.compare_exchange_strong(expected, stage::pinned) || expected == stage::pinned;
}

void pending::unpin()
{
    stage expected = stage::pinned;
    stage_.compare_exchange_strong(expected, stage::open);
}

void pending::settle(answer what)
{
    if (stage_.exchange(stage::answered) != stage::answered)
        done_(std::move(what));
}

bool pending::expire(std::chrono::steady_clock::time_point now)
{
    if (now < asked.deadline)
        return false;
    stage seen = stage_.load();
    while (seen != stage::answered && !stage_.compare_exchange_weak(seen, stage::answered))
        continue;
    if (seen == stage::answered)
        return false;
    done_(unavailable(seen == stage::open ? applied::no : applied::unknown));
    return true;
}
}  // namespace lanes
