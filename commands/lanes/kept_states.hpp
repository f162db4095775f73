// Streams folded part of the way, and their states as snapshots on the disk (events/log/snapshots.hpp).
//
// A state that personal values went into is sealed with the key of each subject that they belong to, so that nothing of
// it can be read once one of the keys is gone; it is then folded anew from a log that has forgotten, too. A value that
// read as forgotten when it was folded is not in the state, and its subject is not among them.
// One thread; the snapshots behind it are shared.
#pragma once

#include "commands/lanes/standing.hpp"
#include "events/log/seal.hpp"
#include "events/log/snapshots.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace lanes
{
// A stream up to one of its events.
struct folded
{
    std::shared_ptr<const void> state;  // null: unborn
    event_log::head at;
    event_log::position last;      // of the last event; not known of a snapshot before it is proven
    schema::moment recorded_at;    // likewise the last event's
    schema::moment occurred_max;   // of all events
    std::vector<uuid> subjects{};  // whose personal values are in the state, in order
    bool is_unproven = false;      // out of a snapshot, and the log was not asked for its last event yet
};

class kept_states
{
public:
    // None: nothing is found and nothing kept.
    kept_states(event_log::snapshots* where, event_log::keyring& keys) : where_(where), keys_(&keys) {}

    // The newest at or below a version, still closed.
    std::optional<event_log::snapshot> newest(const stream_ref&, std::int64_t version_max) const;
    // Opens one whose subjects' keys were learned, or looked for. Nothing: it cannot be used, and is gone.
    std::optional<folded> open(const stream_ref&, const event_log::snapshot&) const;
    // The log has another event where this one ends: none of the stream's snapshots is worth anything.
    void refute(const stream_ref&) const;

    // Keeps the state when it is time for it.
    void keep(const stream_ref&, const folded&) const;
    void count_used() const;

private:
    event_log::snapshots* where_;
    event_log::keyring* keys_;
};
}  // namespace lanes
