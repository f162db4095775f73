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
        if (closed_ || !has_room(bounds_, all_, held_by(c->asked.tenant), weight(c)))
            return false;
        put(std::move(c));
        wake = all_.commands >= wake_at_;
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
        put(std::move(c));
    }
    filled_.notify_one();
    return true;
}

void command_queue::put_back(std::vector<command> carried)
{
    const std::lock_guard lock(mutex_);
    for (const command& c : carried)
        all_.bytes += weight(c);
    all_.commands += carried.size();
    back_.insert(back_.begin(), std::make_move_iterator(carried.begin()), std::make_move_iterator(carried.end()));
}

queue_load command_queue::held_by(const schema::uuid& tenant) const
{
    const auto own = waiting_.find(tenant);
    return own == waiting_.end() ? queue_load{} : queue_load{own->second.commands.size(), own->second.bytes};
}

void command_queue::put(command c)
{
    const auto tenant = c->asked.tenant;
    const auto [own, is_new] = waiting_.try_emplace(tenant);
    if (is_new)
        order_.push_back(tenant);
    own->second.bytes += weight(c);
    all_.bytes += weight(c);
    ++all_.commands;
    own->second.commands.push_back(std::move(c));
}

// REQUIRES: something waits.
const command& command_queue::next() const
{
    return back_.empty() ? waiting_.find(order_.front())->second.commands.front() : back_.front();
}

command command_queue::take_next()
{
    command taken = next();
    all_.bytes -= weight(taken);
    --all_.commands;
    if (!back_.empty())
    {
        back_.pop_front();
        return taken;
    }
    const auto own = waiting_.find(order_.front());
    order_.pop_front();
    own->second.commands.pop_front();
    own->second.bytes -= weight(taken);
    if (own->second.commands.empty())
        waiting_.erase(own);
    else
        order_.push_back(own->first);
    return taken;
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
    is_over_ = closed_ && free.may_end && all_.commands == 0;
    return {};
}

bool command_queue::has_for(const room& free, std::size_t enough) const
{
    return free.commands_max > 0 && all_.commands >= enough && (!free.joins || joins(free, next()));
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
    while (all_.commands > 0 && count < free.commands_max)
    {
        const command& first = next();
        const bool is_first = taken.empty();
        const bool fits = count + first->size() <= free.commands_max && bytes + weight(first) <= free.bytes_max;
        if (!is_first && (first->goes_alone() || !fits))
            break;
        count += first->size();
        bytes += weight(first);
        taken.push_back(take_next());
        if (taken.back()->goes_alone())
            break;
    }
    return taken;
}

// Out of all that wait, in no order that matters.
template <class Kept>
std::vector<command> command_queue::take_all_but(Kept kept)
{
    std::vector<command> taken;
    // Answers the bytes that left.
    const auto part = [&](std::deque<command>& of) {
        std::size_t bytes = 0;
        if (std::all_of(of.begin(), of.end(), kept))
            return bytes;
        const auto from = std::stable_partition(of.begin(), of.end(), kept);
        for (auto each = from; each != of.end(); ++each)
            bytes += weight(*each);
        taken.insert(taken.end(), std::make_move_iterator(from), std::make_move_iterator(of.end()));
        of.erase(from, of.end());
        return bytes;
    };
    all_.bytes -= part(back_);
    std::erase_if(order_, [&](const schema::uuid& tenant) {
        const auto own = waiting_.find(tenant);
        const auto bytes = part(own->second.commands);
        own->second.bytes -= bytes;
        all_.bytes -= bytes;
        if (!own->second.commands.empty())
            return false;
        waiting_.erase(own);
        return true;
    });
    all_.commands -= taken.size();
    return taken;
}

std::size_t command_queue::expire(std::chrono::steady_clock::time_point now)
{
    std::vector<command> late;
    {
        const std::lock_guard lock(mutex_);
        late = take_all_but([&](const command& c) { return now < c->asked.deadline; });
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
    return all_.commands;
}
}  // namespace lanes
