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
        wake = writer_waits_;
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

bool command_queue::take(std::vector<command>& into, std::size_t commands_max, std::size_t bytes_max)
{
    std::size_t bytes = 0;
    for (const command& c : into)
        bytes += weight(c);

    std::unique_lock lock(mutex_);
    if (into.empty())
    {
        writer_waits_ = true;
        filled_.wait(lock, [&] { return closed_ || !waiting_.empty(); });
        writer_waits_ = false;
    }
    while (!waiting_.empty() && into.size() < commands_max &&
           (into.empty() || bytes + weight(waiting_.front()) <= bytes_max))
    {
        bytes += weight(waiting_.front());
        bytes_ -= weight(waiting_.front());
        into.push_back(std::move(waiting_.front()));
        waiting_.pop_front();
    }
    finished_ = into.empty();
    return !into.empty();
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
