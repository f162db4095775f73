// How much the runner takes in one turn, so that no lane's backlog holds up for long what comes in others.
//
// A turn is read, folded and committed as a whole: what arrives meanwhile waits for its end, in whichever lane. So a
// turn that took longer than it should is followed by a smaller one, and one that was filled in half the time by a
// larger one. Pure; serves one thread.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>

namespace projection
{
struct pace_config
{
    std::chrono::milliseconds turn{150};
    std::size_t events_min = 200;    // per lane and turn, however long they take
    std::size_t events_max = 5'000;  // likewise, however short
};

class pace
{
public:
    explicit pace(const pace_config& config) : config_(config), events_(config.events_max) {}

    // Per lane, in the next turn.
    std::size_t events() const { return events_; }

    // The last turn took so many of the lane with the most.
    void took(std::size_t most_of_a_lane, std::chrono::steady_clock::duration time)
    {
        using fraction = std::chrono::duration<double>;
        const double share = fraction{config_.turn} / std::max(fraction{time}, fraction{1e-6});
        const auto would_fit = static_cast<std::size_t>(std::min(static_cast<double>(most_of_a_lane) * share, 1e9));
        if (share < 1)
            events_ = would_fit;
        else if (share > 2 && most_of_a_lane >= events_)
            events_ *= 2;
        events_ = std::clamp(events_, config_.events_min, config_.events_max);
    }

private:
    const pace_config config_;
    std::size_t events_;
};
}  // namespace projection
