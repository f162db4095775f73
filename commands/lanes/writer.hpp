// One lane writer: a thread that prepares and answers, a thread that stores, a queue, and the aggregates of its lanes.
//
// While the store has one round, the next is prepared and takes in what arrives; it leaves the moment the store is
// free, carried by the thread that has just come back, so that no waking stands between two rounds. Rounds of a writer
// never overtake each other: one is prepared, one is in the store, those that came back are answered in their order.
//
// A rehearsal never reaches the storing thread: it is judged by the preparing one, between two looks at the queue.
//
// Locks, always taken in this order: the desk (what the writer keeps, and the rounds), then the queue's own or the
// watch's. The store is entered with none of them, but for loading what a round is missing.
#pragma once

#include "commands/lanes/command_queue.hpp"
#include "commands/lanes/round.hpp"

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

namespace lanes
{
class writer
{
public:
    writer(const writer_config&, workbench, const event_log::store_config&);

    // A thread each; they end when the queue is closed and everything in it is answered.
    void prepare_rounds();
    void append_rounds();

    command_queue& queue() { return queue_; }
    // Answers what is past its deadline, waiting or at work. Any thread.
    void expire(std::chrono::steady_clock::time_point now);

private:
    command_queue::room room_now();
    void take_in(std::vector<command>);
    void rehearse(command);
    void answer_returned();
    std::unique_ptr<round> take_returned();

    const std::size_t round_commands_max_;
    const std::size_t round_bytes_max_;
    command_queue queue_;
    event_log::store loads_;    // the preparing thread's
    event_log::store appends_;  // the storing thread's

    std::mutex desk_;
    std::condition_variable ready_;  // a round for the store, or the end
    workbench bench_;                // guarded by desk_, as all below, but for what is shared by reference
    std::unique_ptr<round> prepared_;
    bool may_grow_ = false;  // `prepared_` may
    bool store_is_busy_ = false;
    std::deque<std::unique_ptr<round>> returned_;
    bool is_ending_ = false;

    std::mutex watched_;
    std::deque<std::vector<command>> at_work_;  // guarded by watched_, as below; a list per round, the oldest first
    command rehearsing_;
};
}  // namespace lanes
