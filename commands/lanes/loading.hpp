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
#include <limits>
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

// One event of a stream as people look back on it.
struct step
{
    event_log::recorded happened;  // as stored
    std::string data;              // in its newest shape, personal values in clear; empty: of an unknown type
    std::string before;            // the item before it; empty: there was none
    std::string after;
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

    // A stream from its birth, event by event. Throws std::runtime_error when it cannot be folded.
    std::vector<step> history(const stream_wanted&);

private:
    void fetch_keys(std::span<const std::vector<event_log::recorded>>);
    loaded_stream fold(const stream_ref&, std::span<const event_log::recorded>, std::vector<step>* = nullptr) const;

    event_log::store* store_;
    event_log::keyring* keys_;
};
}  // namespace lanes
