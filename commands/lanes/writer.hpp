// One lane writer: two hands, a queue, and the aggregates of its lanes.
//
// A hand is a thread with a connection of its own. While one has its round in the store, the other takes in what
// arrives and prepares the next round, which leaves the moment the store is free: so a round holds all that arrived
// while the one before was written, and no core waits for a disk. Rounds of a writer never overtake each other.
//
// Three locks, always taken in this order: the turn (who prepares), the desk (what the writer keeps, in `workbench`)
// and the queue's own. The store is entered with none of them.
#pragma once

#include "commands/lanes/command_queue.hpp"
#include "commands/lanes/round.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <mutex>
#include <vector>

namespace lanes
{
class writer
{
public:
    static constexpr std::size_t hands = 2;

    writer(const writer_config&, workbench, const event_log::store_config&);

    // A hand's thread: works until the queue is closed and everything in it is answered.
    void run(std::size_t hand);

    command_queue& queue() { return queue_; }
    // Answers what is past its deadline, waiting or at work. Any thread.
    void expire(std::chrono::steady_clock::time_point now);

private:
    struct side
    {
        explicit side(const event_log::store_config& where) : store(where) {}

        event_log::store store;        // its hand only
        std::vector<command> at_work;  // guarded by mutex_
    };

    // The whole way of one round; whether it may take more in while the store is busy. Ends the turn. What is carried
    // goes back into the queue.
    void carry_out(side&, std::unique_lock<std::mutex> turn, std::vector<command> first, bool may_grow);
    void take_in(side&, round&, std::vector<command>);
    bool has_room(const round&) const;
    void grow_until_store_is_free(side&, round&);

    const std::size_t round_commands_max_;
    const std::size_t round_bytes_max_;
    command_queue queue_;

    std::mutex turn_;
    std::mutex desk_;
    workbench bench_;  // guarded by desk_, but for what is shared by reference
    std::atomic<bool> store_is_busy_{false};

    std::mutex mutex_;
    std::array<side, hands> sides_;
};
}  // namespace lanes
