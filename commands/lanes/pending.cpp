#include "commands/lanes/pending.hpp"

#include "commands/lanes/refusals.hpp"
#include "schemas/assertion.hpp"

#include <utility>

namespace lanes
{
pending::pending(batch what, std::function<void(std::vector<answer>)> done) : together_(std::make_unique<company>())
{
    CF_ASSERT(!what.commands.empty());
    together_->atomic = what.atomic;
    together_->done = std::move(done);
    together_->answers.resize(what.commands.size());
    asked = std::move(what.commands.front());
    others.reserve(what.commands.size() - 1);
    for (std::size_t i = 1; i < what.commands.size(); ++i)
        others.push_back({std::move(what.commands[i])});
}

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

void pending::settle(std::size_t nth, answer what)
{
    if (!together_)
    {
        if (stage_.exchange(stage::answered) != stage::answered)
            done_(std::move(what));
        return;
    }
    std::vector<answer> all;
    {
        const std::lock_guard lock(together_->mutex);
        if (together_->answers[nth])
            return;
        together_->answers[nth] = std::move(what);
        if (++together_->known < size() || stage_.exchange(stage::answered) == stage::answered)
            return;
        all = take_answers({});
    }
    together_->done(std::move(all));
}

void pending::settle_rest(const answer& what)
{
    for (std::size_t nth = 0; nth < size(); ++nth)
        settle(nth, what);
}

bool pending::is_settled(std::size_t nth) const
{
    if (!together_)
        return is_answered();
    const std::lock_guard lock(together_->mutex);
    return together_->answers[nth].has_value();
}

std::vector<answer> pending::take_answers(const answer& of_the_rest)
{
    std::vector<answer> all;
    all.reserve(together_->answers.size());
    for (std::optional<answer>& each : together_->answers)
    {
        if (!each)
            each = of_the_rest;
        all.push_back(std::move(*each));
    }
    return all;
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
    const answer late = unavailable(seen == stage::open ? applied::no : applied::unknown);
    if (!together_)
    {
        done_(late);
        return true;
    }
    std::vector<answer> all;
    {
        const std::lock_guard lock(together_->mutex);
        all = take_answers(late);
    }
    together_->done(std::move(all));
    return true;
}
}  // namespace lanes
