// A command on its way: accepted, not answered yet.
//
// It is answered exactly once, by its writer or by the deadline watch, whichever comes first; the stage decides who.
//     open --pin--> pinned --> answered     pinned: the round that holds it may be appended any moment, so a deadline
//      +---------------------------^        that passes now leaves the outcome unknown to the asker
// `stage` may be read and moved by any thread; everything else belongs to whoever works on the command.
#pragma once

#include "commands/lanes/dispatcher.hpp"

#include <atomic>
#include <chrono>
#include <functional>

namespace lanes
{
class pending
{
public:
    pending(submission what, std::function<void(answer)> done) : asked(std::move(what)), done_(std::move(done)) {}

    // False: the deadline watch has answered it.
    bool pin();
    void unpin();
    // Answers unless that has been done already.
    void settle(answer);
    // Answers that time is up, if it is and nothing else was answered. True: it was this call.
    bool expire(std::chrono::steady_clock::time_point now);
    bool is_answered() const { return stage_.load() == stage::answered; }
    // In a round of its own, or in none.
    bool goes_alone() const { return alone || asked.is_rehearsal; }

    submission asked;
    int lost_races = 0;
    bool load_first = false;  // an optimistic attempt failed: load its receipt and all its streams before deciding
    bool alone = false;       // a round that held it could not be stored: it goes into one of its own

private:
    enum class stage
    {
        open,
        pinned,
        answered
    };

    std::atomic<stage> stage_{stage::open};
    std::function<void(answer)> done_;
};
}  // namespace lanes
