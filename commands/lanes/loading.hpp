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

private:
    void fetch_keys(std::span<const std::vector<event_log::recorded>>);
    loaded_stream fold(const stream_ref&, std::span<const event_log::recorded>) const;

    event_log::store* store_;
    event_log::keyring* keys_;
};
}  // namespace lanes
