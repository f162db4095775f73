// A command on its way, or a batch of them: accepted, not answered yet.
//
// It is answered exactly once, by its writer or by the deadline watch, whichever comes first; the stage decides who.
//     open --pin--> pinned --> answered     pinned: the round that holds it may be appended any moment, so a deadline
//      +---------------------------^        that passes now leaves the outcome unknown to the asker
// A batch has one stage: its commands are pinned together. What is known of some of them is kept until all are known or
// time is up; then those without an answer are told what the stage says.
// `stage` may be read and moved by any thread, `settle` and `expire` may be called by any; everything else belongs to
// whoever works on the command.
#pragma once

#include "commands/lanes/dispatcher.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace lanes
{
class pending
{
public:
    pending(submission what, std::function<void(answer)> done) : asked(std::move(what)), done_(std::move(done)) {}
    pending(batch what, std::function<void(std::vector<answer>)> done);

    // False: the deadline watch has answered it.
    bool pin();
    void unpin();
    // Answers the command at `nth` unless that has been done already.
    void settle(std::size_t nth, answer);
    // Every command that has no answer yet.
    void settle_rest(const answer&);
    // Answers that time is up, if it is and nothing else was answered. True: it was this call.
    bool expire(std::chrono::steady_clock::time_point now);
    bool is_answered() const { return stage_.load() == stage::answered; }
    bool is_settled(std::size_t nth) const;  // that one command
    // In a round of its own, or in none.
    bool goes_alone() const { return alone || asked.is_rehearsal; }

    // Its commands: one, or those of a batch in their order.
    std::size_t size() const { return 1 + others.size(); }
    const submission& asked_at(std::size_t nth) const { return nth == 0 ? asked : others[nth - 1].asked; }
    int& lost_races_at(std::size_t nth) { return nth == 0 ? lost_races : others[nth - 1].lost_races; }
    bool is_atomic() const { return together_ && together_->atomic; }

    submission asked;  // of a batch: the first
    int lost_races = 0;
    bool load_first = false;  // an optimistic attempt failed: load its receipt and all its streams before deciding
    bool alone = false;       // a round that held it could not be stored: it goes into one of its own

    struct other
    {
        submission asked;
        int lost_races = 0;
    };
    std::vector<other> others;  // of a batch: all but the first

private:
    enum class stage
    {
        open,
        pinned,
        answered
    };

    struct company
    {
        bool atomic = false;
        std::function<void(std::vector<answer>)> done;
        mutable std::mutex mutex;
        std::vector<std::optional<answer>> answers;  // guarded by mutex, as below
        std::size_t known = 0;
    };
    std::vector<answer> take_answers(const answer& of_the_rest);  // with the mutex

    std::atomic<stage> stage_{stage::open};
    std::function<void(answer)> done_;
    std::unique_ptr<company> together_;  // of a batch
};
}  // namespace lanes
