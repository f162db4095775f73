#include "commands/lanes/writer.hpp"

#include <iterator>
#include <utility>

namespace lanes
{
writer::writer(const writer_config& config, workbench bench, const event_log::store_config& where)
    : round_commands_max_(config.round_commands_max)
    , round_bytes_max_(config.round_bytes_max)
    , queue_(config.queue_commands_max, config.queue_bytes_max)
    , loads_(where)
    , appends_(where)
    , bench_(std::move(bench))
{}

void writer::prepare_rounds()
{
    while (!queue_.is_over())
    {
        std::vector<command> more = queue_.take(room_now());
        answer_returned();
        if (!more.empty() && more.front()->asked.is_rehearsal)
            rehearse(std::move(more.front()));
        else if (!more.empty())
            take_in(std::move(more));
    }
    {
        const std::lock_guard desk(desk_);
        is_ending_ = true;
    }
    ready_.notify_one();
}

command_queue::room writer::room_now()
{
    const std::lock_guard desk(desk_);
    command_queue::room free;
    free.hurries = !store_is_busy_ && !prepared_;
    free.may_end = free.hurries && returned_.empty();
    free.joins = prepared_ != nullptr;
    free.commands_max = round_commands_max_;
    free.bytes_max = round_bytes_max_;
    if (!prepared_)
        return free;
    const bool is_full = prepared_->commands() >= round_commands_max_ || prepared_->bytes() >= round_bytes_max_;
    const bool takes_more = may_grow_ && !is_full && !prepared_->is_over();
    free.commands_max = takes_more ? round_commands_max_ - prepared_->commands() : 0;
    free.bytes_max = takes_more ? round_bytes_max_ - prepared_->bytes() : 0;
    return free;
}

void writer::take_in(std::vector<command> commands)
{
    const std::lock_guard desk(desk_);
    if (!prepared_)
    {
        prepared_ = std::make_unique<round>(bench_, loads_, appends_);
        // A command whose company could not be stored shows alone whose fault that was.
        may_grow_ = !commands.front()->alone;
        const std::lock_guard lock(watched_);
        at_work_.push_back(commands);
    }
    else
    {
        const std::lock_guard lock(watched_);
        at_work_.back().insert(at_work_.back().end(), commands.begin(), commands.end());
    }
    prepared_->prepare(std::move(commands));
    ready_.notify_one();
}

void writer::rehearse(command asked)
{
    std::unique_lock desk(desk_);
    {
        const std::lock_guard lock(watched_);
        rehearsing_ = asked;
    }
    round now(bench_, loads_, loads_);
    now.prepare({std::move(asked)});
    desk.unlock();
    now.append();
    desk.lock();
    now.keep_confirmed();
    desk.unlock();
    now.answer_all();
    queue_.put_back(now.take_carried());
    const std::lock_guard lock(watched_);
    rehearsing_.reset();
}

void writer::append_rounds()
{
    std::unique_lock desk(desk_);
    for (;;)
    {
        ready_.wait(desk, [&] { return prepared_ || is_ending_; });
        if (!prepared_)
            return;
        std::unique_ptr<round> now = std::move(prepared_);
        now->depart();
        queue_.put_back(now->take_waiting_for_flight());
        store_is_busy_ = true;
        desk.unlock();
        queue_.nudge();  // to answer what came back, and to begin the next
        now->append();
        desk.lock();
        store_is_busy_ = false;
        returned_.push_back(std::move(now));
        if (!prepared_)
            queue_.nudge();
    }
}

void writer::answer_returned()
{
    while (const std::unique_ptr<round> now = take_returned())
    {
        now->answer_all();
        queue_.put_back(now->take_carried());
        const std::lock_guard lock(watched_);
        at_work_.pop_front();
    }
}

// What it confirmed is kept before anybody hears of it.
std::unique_ptr<round> writer::take_returned()
{
    const std::lock_guard desk(desk_);
    if (returned_.empty())
        return nullptr;
    std::unique_ptr<round> now = std::move(returned_.front());
    returned_.pop_front();
    now->keep_confirmed();
    return now;
}

void writer::expire(std::chrono::steady_clock::time_point now)
{
    bench_.counts.expired += queue_.expire(now);
    const std::lock_guard lock(watched_);
    for (const std::vector<command>& each : at_work_)
        for (const command& one : each)
            bench_.counts.expired += one->expire(now) ? 1 : 0;
    if (rehearsing_)
        bench_.counts.expired += rehearsing_->expire(now) ? 1 : 0;
}
}  // namespace lanes
