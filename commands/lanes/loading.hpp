// Reads what a round is missing: streams folded into states, and receipts, in one round trip.
//
// Keys of personal values that the events need and the keyring does not have are fetched first, a call per tenant. A
// stream that cannot be folded (a damaged event, a lost upcaster) comes back unreadable and harms no other.
// One thread. Throws what the store throws.
#pragma once

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
struct stream_wanted
{
    stream_ref stream;
    std::int64_t up_to_version = std::numeric_limits<std::int64_t>::max();
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
    loader(event_log::store& store, event_log::keyring& keys) : store_(&store), keys_(&keys) {}

    struct found
    {
        std::vector<loaded_stream> streams;                       // in the order asked
        std::vector<std::optional<event_log::receipt>> receipts;  // in the order asked
        std::string fault;                                        // of the last unreadable stream, if any
    };
    found load(std::span<const stream_wanted>, std::span<const event_log::receipt_ask>);

    // A stream from its birth, event by event, until the visitor has seen enough (false). Holds a window of the stream
    // in memory. Throws std::runtime_error when it cannot be folded.
    void walk(const stream_wanted&, const std::function<bool(const step&)>&);

    // Makes the keyring know what opens these events of one tenant: their values, and whoever sent them.
    void learn_keys(std::span<const event_log::recorded>);
    // Of an event whose keys were learned. Opening throws when it was damaged or moved.
    std::unique_ptr<schema::opener> opener_for(const event_log::recorded&) const;

private:
    void fetch_keys(std::span<const std::vector<event_log::recorded>>);
    void learn_subjects(const uuid& tenant, std::vector<uuid> unknown);
    void learn_tenant(const uuid&);
    loaded_stream fold(const stream_ref&, std::span<const event_log::recorded>) const;
    // Moves the state on by one event.
    std::shared_ptr<const void> evolve(const stream_ref&, const std::shared_ptr<const void>& state,
                                       std::int64_t version, const event_log::recorded&,
                                       const std::function<bool(const step&)>*, bool& goes_on) const;

    event_log::store* store_;
    event_log::keyring* keys_;
};
}  // namespace lanes
