// One command's way through one round: what it looked at, what was decided, what it wrote, and where its part stands.
#pragma once

#include "commands/lanes/command_queue.hpp"
#include "commands/lanes/standing.hpp"
#include "commands/lanes/working_set.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lanes
{
// A stream that a command moved on, and how it stands after it.
struct moved
{
    stream_ref stream;
    standing now;
};

// A fact with its place in the log.
struct placed
{
    const fact* what = nullptr;
    uuid event_id;
    std::int64_t version = 0;
};

struct entry
{
    enum class course
    {
        undecided,
        accepted,
        refused,
        withheld,  // of an atomic batch: a sibling is refused, and both are answered once that is known to be true
        replayed,  // answered from a receipt
        carried,   // again in a later round
        done       // answered
    };

    explicit entry(command c, std::size_t in_batch = 0) : what(std::move(c)), nth(in_batch) {}

    const submission& asked() const { return what->asked_at(nth); }
    bool is_open() const { return at == course::undecided; }

    command what;
    std::size_t nth = 0;     // of a batch
    std::size_t index = 0;   // among the round's entries
    std::int32_t group = 0;  // its siblings' in an atomic batch; 0: it stands for itself
    std::int32_t lane = 0;
    std::optional<event_log::new_tenant> born;
    course at = course::undecided;

    // Receipt.
    bool receipt_known = false;
    std::optional<event_log::receipt> receipt;

    // Decision; `looked` is complete once `missing` is empty.
    std::optional<decided> choice;
    std::vector<sighting> looked;
    std::vector<stream_ref> missing;
    bool assumed_unborn = false;
    bool waits_for_flight = false;  // carried, because what it looked at is being moved on

    // What an accepted decision did to the round.
    std::vector<placed> facts;
    std::vector<moved> moves;
    standing shown;

    std::optional<event_log::command_part> written;  // what the store is to check and to append for it
    std::size_t part = 0;                            // its place in the append
    bool is_appended = false;                        // its part went to the store
    bool is_in_log = false;                          // its events are committed
};
}  // namespace lanes
