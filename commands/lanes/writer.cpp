#include "commands/lanes/writer.hpp"

#include <utility>

namespace lanes
{
writer::writer(const writer_config& config, workbench bench)
    : round_commands_max_(config.round_commands_max)
    , round_bytes_max_(config.round_bytes_max)
    , queue_(config.queue_commands_max, config.queue_bytes_max)
    , bench_(std::move(bench))
{}

void writer::run()
{
    std::vector<command> commands;
    while (queue_.take(commands, round_commands_max_, round_bytes_max_))
    {
        {
            const std::lock_guard lock(mutex_);
            at_work_ = commands;
        }
        commands = round(bench_).run(std::move(commands));
        run_alone(commands);
        const std::lock_guard lock(mutex_);
        at_work_.clear();
    }
}

void writer::run_alone(std::vector<command>& carried)
{
    std::vector<command> together;
    for (command& each : carried)
    {
        if (!std::exchange(each->alone, false))
        {
            together.push_back(std::move(each));
            continue;
        }
        for (command& again : round(bench_).run({std::move(each)}))
            together.push_back(std::move(again));
    }
    carried = std::move(together);
}

void writer::expire(std::chrono::steady_clock::time_point now)
{
    bench_.counts.expired += queue_.expire(now);
    const std::lock_guard lock(mutex_);
    for (const command& each : at_work_)
        bench_.counts.expired += each->expire(now) ? 1 : 0;
}
}  // namespace lanes
