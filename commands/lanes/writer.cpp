#include "commands/lanes/writer.hpp"

#include <utility>

namespace lanes
{
writer::writer(const writer_config& config, workbench bench, const event_log::store_config& where)
    : round_commands_max_(config.round_commands_max)
    , round_bytes_max_(config.round_bytes_max)
    , queue_(config.queue_commands_max, config.queue_bytes_max)
    , bench_(std::move(bench))
    , sides_{side{where}, side{where}}
{}

void writer::run(std::size_t hand)
{
    side& own = sides_[hand];
    for (;;)
    {
        std::unique_lock turn(turn_);
        std::vector<command> first = queue_.take(round_commands_max_, round_bytes_max_);
        if (first.empty())
            return;
        // A command whose company could not be stored shows alone whose fault that was.
        const bool may_grow = !std::exchange(first.front()->alone, false);
        carry_out(own, std::move(turn), std::move(first), may_grow);
    }
}

void writer::carry_out(side& own, std::unique_lock<std::mutex> turn, std::vector<command> first, bool may_grow)
{
    std::unique_lock desk(desk_);
    round now(bench_, own.store);
    desk.unlock();
    take_in(own, now, std::move(first));
    if (may_grow)
        grow_until_store_is_free(own, now);
    queue_.wait_while(store_is_busy_);

    desk.lock();
    now.depart();
    desk.unlock();
    store_is_busy_ = true;
    turn.unlock();

    now.append();
    store_is_busy_ = false;
    queue_.wake();

    desk.lock();
    now.keep_confirmed();
    desk.unlock();
    now.answer_all();
    queue_.put_back(now.take_carried());
    const std::lock_guard lock(mutex_);
    own.at_work.clear();
}

void writer::take_in(side& own, round& now, std::vector<command> commands)
{
    {
        const std::lock_guard lock(mutex_);
        own.at_work.insert(own.at_work.end(), commands.begin(), commands.end());
    }
    const std::lock_guard desk(desk_);
    now.prepare(std::move(commands));
}

void writer::grow_until_store_is_free(side& own, round& now)
{
    for (bool busy = true; busy && has_room(now);)
    {
        busy = store_is_busy_;
        std::vector<command> more =
            queue_.take_while(store_is_busy_, round_commands_max_ - now.commands(), round_bytes_max_ - now.bytes());
        if (more.empty())
            return;
        take_in(own, now, std::move(more));
    }
}

bool writer::has_room(const round& now) const
{
    return !now.is_over() && now.commands() < round_commands_max_ && now.bytes() < round_bytes_max_;
}

void writer::expire(std::chrono::steady_clock::time_point now)
{
    bench_.counts.expired += queue_.expire(now);
    const std::lock_guard lock(mutex_);
    for (const side& each : sides_)
        for (const command& one : each.at_work)
            bench_.counts.expired += one->expire(now) ? 1 : 0;
}
}  // namespace lanes
