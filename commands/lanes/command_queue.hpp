// The commands that wait for one writer, bounded by count and by bytes.
//
// Tenants take turns: of each tenant that waits one command or batch, in the order in which it came, then the next
// tenant. So one that sends much waits behind itself, and any other one behind at most one batch of each. None fills
// the queue alone (`queue_share.hpp`): one that floods is refused while others are taken.
//
// Any thread may offer; the writer's preparing thread takes. Expired commands leave the queue at once, so that a
// store that is down does not keep places occupied by commands nobody waits for.
#pragma once

#include "commands/lanes/pending.hpp"
#include "commands/lanes/queue_share.hpp"
#include "schemas/uuid.hpp"

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace lanes
{
using command = std::shared_ptr<pending>;

class command_queue
{
public:
    command_queue(std::size_t commands_max, std::size_t bytes_max) : bounds_{commands_max, bytes_max} {}

    // False: full, or its tenant's share is, or closed.
    bool offer(command);
    // From a sibling writer: already accepted, so the bounds do not apply. False: closed and empty, its writer is gone.
    bool forward(command);

    // Commands of a round that have to go into a later one, before all others; the bounds do not apply. Wakes nobody.
    void put_back(std::vector<command>);

    // What the taker can do with commands just now.
    struct room
    {
        std::size_t commands_max = 0;  // 0: nothing, it waits for a nudge
        std::size_t bytes_max = 0;
        bool joins = false;    // a round is there already: what goes alone stays
        bool hurries = false;  // the store is free: a single command is worth taking
        bool may_end = false;  // nothing is on its way that could come back here
    };
    // Waits until there is enough for the room, a nudge comes, or the queue is over. A command that goes alone comes
    // alone; a batch comes whole. May answer nothing.
    std::vector<command> take(const room&);
    // The taker is to look around.
    void nudge();
    // Closed, and the taker has found nothing left.
    bool is_over() const;

    // Answers and removes what is past its deadline; how many that were.
    std::size_t expire(std::chrono::steady_clock::time_point now);
    void close();
    std::size_t size() const;

    static std::size_t weight(const command&);

private:
    bool has_for(const room&, std::size_t enough) const;
    bool joins(const room&, const command&) const;
    std::vector<command> take_some(const room&);

    // Of those that take turns: what was put back counts to the whole alone.
    queue_load held_by(const schema::uuid& tenant) const;
    void put(command);
    const command& next() const;
    command take_next();
    template <class Kept>
    std::vector<command> take_all_but(Kept);

    // A wake-up costs as much as deciding a command or two.
    static constexpr std::size_t gathered_min = 8;
    static constexpr std::size_t nobody_waits = static_cast<std::size_t>(-1);
    static constexpr std::size_t overhead_bytes = 1'024;  // the submission itself, closures included

    struct turn
    {
        std::deque<command> commands;
        std::size_t bytes = 0;
    };

    const queue_load bounds_;

    mutable std::mutex mutex_;
    std::condition_variable filled_;
    std::deque<command> back_;  // guarded by mutex_, as all below: those that come before all others
    std::unordered_map<schema::uuid, turn> waiting_;  // none is empty
    std::deque<schema::uuid> order_;                  // of those that wait, the next one first
    queue_load all_;                                  // of all of them
    bool closed_ = false;
    bool is_over_ = false;
    bool nudged_ = false;
    std::size_t wake_at_ = nobody_waits;  // so many commands are what the taker waits for
};
}  // namespace lanes
