// Reads what a round is missing: streams folded into states, and receipts, in one round trip.
//
// A stream is folded from its newest snapshot on, where there are any, else from its first event; its snapshots are
// made on the way. One of more than `window` events behind the snapshot takes a round trip for each so many, so that no
// statement outlives its deadline because a stream is long.
//
// Keys of personal values that the events need and the keyring does not have are fetched first, a call per tenant. A
// stream that cannot be folded (a damaged event, a lost upcaster) comes back unreadable and harms no other.
// One thread. Throws what the store throws.
#pragma once

#include "commands/lanes/kept_states.hpp"
#include "commands/lanes/standing.hpp"
#include "events/log/seal.hpp"
#include "events/log/store.hpp"

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace lanes
{
class snapshot_taker;

struct stream_wanted
{
    stream_ref stream;
    std::int64_t up_to_version = std::numeric_limits<std::int64_t>::max();
    std::int64_t after_version = 0;  // a walk shows the events behind it
};

// Where a stream stood at a time.
struct time_wanted
{
    stream_ref stream;
    schema::moment at;
    bool by_occurrence = false;  // by when things happened, which is told in any order; else by when it was recorded
};

struct loaded_stream
{
    standing now;
    event_log::position last;  // of its last event
};

// One event of a stream as people look back on it; good while it is looked at, the states for longer.
struct step
{
    const aggregate_type& type;
    const event_log::recorded& happened;  // as stored
    const event_log::recorded& newest;    // in its newest shape
    schema::opener* opener;
    std::shared_ptr<const void> before;  // null: there was nothing
    std::shared_ptr<const void> after;

    // The fact with personal values in clear; empty: of a type that the noun does not know.
    std::string data() const { return type.show(newest, opener); }
};

class loader
{
public:
    static constexpr std::int64_t window = 500;  // events of a stream read at once

    // Without snapshots every stream is folded from its first event. With a taker they are used here and made there.
    loader(event_log::store& store, event_log::keyring& keys, event_log::snapshots* snapshots = nullptr,
           snapshot_taker* taker = nullptr)
        : store_(&store), keys_(&keys), kept_(snapshots, keys), taker_(taker)
    {}

    struct found
    {
        std::vector<loaded_stream> streams;                       // in the order asked
        std::vector<std::optional<event_log::receipt>> receipts;  // in the order asked
        std::string fault;                                        // of the last unreadable stream, if any
    };
    found load(std::span<const stream_wanted>, std::span<const event_log::receipt_ask>);

    // The following hold a window of the stream in memory, and throw std::runtime_error when it cannot be folded.

    // A stream event by event, until the visitor has seen enough (false).
    void walk(const stream_wanted&, const std::function<bool(const step&)>&);
    // As it stood at a version; unborn when it has no such version.
    standing at_version(const stream_ref&, std::int64_t version);
    // As it stood after the last event, in the order of versions, that is not later than a time; unborn when all are.
    standing at_time(const time_wanted&);

    // Makes the keyring know what opens these events of one tenant: their values, and whoever sent them. It does so as
    // long as the answer is kept.
    [[nodiscard]] event_log::keyring::held learn_keys(std::span<const event_log::recorded>);
    // Of an event whose keys were learned and are held. Opening throws when it was damaged or moved.
    std::unique_ptr<schema::opener> opener_for(const event_log::recorded&) const;

private:
    using visitor = std::function<bool(const step&)>;

    // What a stream is folded from: its newest snapshots that fit, opened; else nothing.
    std::vector<folded> bases(std::span<const stream_wanted>);
    folded base(const stream_ref&, std::int64_t version_max);
    folded base(const time_wanted&);
    folded open(const stream_ref&, const std::optional<event_log::snapshot>&);

    // Goes on with what was read. False: that was all there is, or the visitor has seen enough.
    bool advance(const stream_wanted&, folded&, std::span<const event_log::recorded>, const visitor*) const;
    bool is_proven(const stream_ref&, folded&, std::span<const event_log::recorded>&) const;
    // Moves on by one event. False: the visitor has seen enough.
    bool evolve(const stream_ref&, folded&, const event_log::recorded&, const visitor*) const;
    void walk_on(const stream_wanted&, folded&, const visitor*);

    void fetch_keys(std::span<const std::vector<event_log::recorded>> streams);
    void fetch_keys(const uuid& tenant, std::span<const uuid> subjects);
    void learn_subjects(const uuid& tenant, std::vector<uuid> unknown);
    void learn_tenant(const uuid&);

    event_log::store* store_;
    event_log::keyring* keys_;
    kept_states kept_;
    snapshot_taker* taker_;
};
}  // namespace lanes
