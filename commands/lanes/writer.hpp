// One lane writer: a thread with its own connection, its own queue and the aggregates of its lanes.
#pragma once

#include "commands/lanes/command_queue.hpp"
#include "commands/lanes/round.hpp"

#include <chrono>
#include <mutex>
#include <vector>

namespace lanes
{
class writer
{
public:
    writer(const writer_config&, workbench);

    // The thread's body: works until the queue is closed and everything in it is answered.
    void run();

    command_queue& queue() { return queue_; }
    // Answers what is past its deadline, waiting or at work. Any thread.
    void expire(std::chrono::steady_clock::time_point now);

private:
    void run_alone(std::vector<command>& carried);

    const std::size_t round_commands_max_;
    const std::size_t round_bytes_max_;
    command_queue queue_;
    workbench bench_;  // the writer's thread only, but its counts

    std::mutex mutex_;
    std::vector<command> at_work_;  // guarded by mutex_
};
}  // namespace lanes
