#include "commands/lanes/command_queue.hpp"

#include <algorithm>

namespace lanes
{
std::size_t command_queue::weight(const command& c)
{
    std::size_t bytes = 0;
    for (std::size_t nth = 0; nth < c->size(); ++nth)
        bytes += c->asked_at(nth).bytes + overhead_bytes;
    return bytes;
}

bool command_queue::offer(command c)
{
    bool wake = false;
    {
        const std::lock_guard lock(mutex_);
        if (closed_ || waiting_.size() >= commands_max_ || (bytes_ + weight(c) > bytes_max_ && !waiting_.empty()))
            return false;
        bytes_ += weight(c);
        waiting_.push_back(std::move(c));
        wake = waiting_.size() >= wake_at_;
    }
    if (wake)
        filled_.notify_one();
    return true;
}

bool command_queue::forward(command c)
{
    {
        const std::lock_guard lock(mutex_);
        if (is_over_)
            return false;
        bytes_ += weight(c);
        waiting_.push_back(std::move(c));
    }
    filled_.notify_one();
    return true;
}

void command_queue::put_back(std::vector<command> carried)
{
    const std::lock_guard lock(mutex_);
    for (const command& c : carried)
        bytes_ += weight(c);
    waiting_.insert(waiting_.begin(), std::make_move_iterator(carried.begin()), std::make_move_iterator(carried.end()));
}

std::vector<command> command_queue::take(const room& free)
{
    const std::size_t enough = free.hurries ? 1 : gathered_min;
    std::unique_lock lock(mutex_);
    wake_at_ = free.commands_max > 0 ? enough : nobody_waits;
    filled_.wait(lock, [&] { return nudged_ || has_for(free, enough) || (closed_ && free.may_end); });
    wake_at_ = nobody_waits;
    nudged_ = false;
    if (has_for(free, enough))
        return take_some(free);
    is_over_ = closed_ && free.may_end && waiting_.empty();
    return {};
}

bool command_queue::has_for(const room& free, std::size_t enough) const
{
    return free.commands_max > 0 && waiting_.size() >= enough && (!free.joins || joins(free, waiting_.front()));
}

// A round that is there already takes what it has room for: a batch may be larger than that.
bool command_queue::joins(const room& free, const command& next) const
{
    return !next->alone && next->size() <= free.commands_max;
}

void command_queue::nudge()
{
    {
        const std::lock_guard lock(mutex_);
        nudged_ = true;
    }
    filled_.notify_one();
}

bool command_queue::is_over() const
{
    const std::lock_guard lock(mutex_);
    return is_over_;
}

std::vector<command> command_queue::take_some(const room& free)
{
    std::vector<command> taken;
    std::size_t bytes = 0;
    std::size_t count = 0;
    while (!waiting_.empty() && count < free.commands_max)
    {
        command& next = waiting_.front();
        const bool is_first = taken.empty();
        const bool fits = count + next->size() <= free.commands_max && bytes + weight(next) <= free.bytes_max;
        if (!is_first && (next->goes_alone() || !fits))
            break;
        count += next->size();
        bytes += weight(next);
        bytes_ -= weight(next);
        taken.push_back(std::move(next));
        waiting_.pop_front();
        if (taken.back()->goes_alone())
            break;
    }
    return taken;
}

std::size_t command_queue::expire(std::chrono::steady_clock::time_point now)
{
    const auto has_time = [&](const command& c) { return now < c->asked.deadline; };
    std::vector<command> late;
    {
        const std::lock_guard lock(mutex_);
        if (std::all_of(waiting_.begin(), waiting_.end(), has_time))
            return 0;
        const auto from = std::stable_partition(waiting_.begin(), waiting_.end(), has_time);
        late.assign(std::make_move_iterator(from), std::make_move_iterator(waiting_.end()));
        waiting_.erase(from, waiting_.end());
        for (const command& c : late)
            bytes_ -= weight(c);
    }
    for (const command& c : late)
        c->expire(now);
    return late.size();
}

void command_queue::close()
{
    {
        const std::lock_guard lock(mutex_);
        closed_ = true;
    }
    filled_.notify_all();
}

std::size_t command_queue::size() const
{
    const std::lock_guard lock(mutex_);
    return waiting_.size();
}
}  // namespace lanes
