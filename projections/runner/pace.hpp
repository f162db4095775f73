// How much the runner takes in one turn, so that no lane's backlog holds up for long what comes in others.
//
// A turn is read, folded and committed as a whole: what arrives meanwhile waits for its end, in whichever lane. So a
// turn that took longer than it should is followed by a smaller one, and one that was filled sooner by a larger one.
// Where smaller turns take hardly less time (each commit waits for a slow disk), they only make everything later, and
// grow again. Pure; serves one thread.
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
        const seconds lasted = std::max(seconds{time}, seconds{1e-6});
        const double fitting = static_cast<double>(most_of_a_lane) * (seconds{config_.turn} / lasted);
        const auto fits = static_cast<std::size_t>(std::min(fitting, 1e9));
        const bool is_long = lasted > config_.turn;
        const bool was_cut_in_vain = is_long && before_cut_.count() > 0 && lasted > 0.75 * before_cut_;
        if (was_cut_in_vain)
            events_ *= 2;
        else if (is_long)
            events_ = fits;
        else if (most_of_a_lane >= events_)
            events_ = std::min(2 * events_, fits);
        before_cut_ = is_long && !was_cut_in_vain ? lasted : seconds{};
        events_ = std::clamp(events_, config_.events_min, config_.events_max);
    }

private:
    using seconds = std::chrono::duration<double>;

    const pace_config config_;
    std::size_t events_;
    seconds before_cut_{};  // that the turn took for which the next one was made smaller; 0: it was not
};
}  // namespace projection
