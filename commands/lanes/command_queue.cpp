#include "commands/lanes/command_queue.hpp"

#include <algorithm>

namespace lanes
{
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
        if (finished_)
            return false;
        bytes_ += weight(c);
        waiting_.push_back(std::move(c));
    }
    filled_.notify_one();
    return true;
}

void command_queue::put_back(std::vector<command> carried)
{
    if (carried.empty())
        return;
    {
        const std::lock_guard lock(mutex_);
        for (const command& c : carried)
            bytes_ += weight(c);
        waiting_.insert(waiting_.begin(), std::make_move_iterator(carried.begin()),
                        std::make_move_iterator(carried.end()));
    }
    filled_.notify_one();
}

std::vector<command> command_queue::take(std::size_t commands_max, std::size_t bytes_max)
{
    std::unique_lock lock(mutex_);
    wake_at_ = 1;
    filled_.wait(lock, [&] { return closed_ || !waiting_.empty(); });
    wake_at_ = nobody_waits;
    std::vector<command> taken = take_some(commands_max, bytes_max);
    finished_ = taken.empty();
    return taken;
}

std::vector<command> command_queue::take_while(const std::atomic<bool>& busy, std::size_t commands_max,
                                               std::size_t bytes_max)
{
    std::unique_lock lock(mutex_);
    wake_at_ = gathered_min;
    filled_.wait(lock, [&] { return !busy || waiting_.size() >= gathered_min; });
    wake_at_ = nobody_waits;
    if (waiting_.empty() || waiting_.front()->alone)
        return {};
    return take_some(commands_max, bytes_max);
}

void command_queue::wait_while(const std::atomic<bool>& busy)
{
    std::unique_lock lock(mutex_);
    filled_.wait(lock, [&] { return !busy; });
}

void command_queue::wake()
{
    {
        const std::lock_guard lock(mutex_);  // else it could fall between the taker's look and its sleep
    }
    filled_.notify_one();
}

std::vector<command> command_queue::take_some(std::size_t commands_max, std::size_t bytes_max)
{
    std::vector<command> taken;
    std::size_t bytes = 0;
    while (!waiting_.empty() && taken.size() < commands_max)
    {
        command& next = waiting_.front();
        const bool is_first = taken.empty();
        if (!is_first && (next->alone || bytes + weight(next) > bytes_max))
            break;
        bytes += weight(next);
        bytes_ -= weight(next);
        taken.push_back(std::move(next));
        waiting_.pop_front();
        if (taken.back()->alone)
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
