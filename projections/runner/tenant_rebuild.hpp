// One tenant's rows of one read model made anew from the log, in place, beside whoever serves its lane.
//
// Rows, words and totals of the tenant are replaced in one transaction that takes a step of the projection and grows
// its generation: the server finds its step taken, reads its positions anew and drops its cache. Keys that are stopped
// stay so at their event; `parked replay` frees them. The log is read first, and what came meanwhile at each further
// try, so that the transaction itself is short; while it is written, the lane waits. Holds the tenant's rows in memory.
// Not for appended rows. Serves one thread.
#pragma once

#include "events/feed/feed.hpp"
#include "projections/runner/personal_keys.hpp"
#include "projections/runner/row_store.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace projection
{
struct tenant_rebuild_parts
{
    row_store& rows;  // open
    event_feed::feed& feed;
    personal_keys& keys;
    std::chrono::milliseconds patience{30'000};  // with a lane that moves on each time
};

struct tenant_rebuilt
{
    bool is_done = false;  // false: the lane moved on each time, and nothing was written
    std::uint64_t events = 0;
    std::size_t rows = 0;
    std::size_t stopped_keys = 0;
};

// Throws store_failed, event_log::unreachable and what the feed throws; then nothing was written, or all of it.
tenant_rebuilt rebuild_tenant(const tenant_rebuild_parts&, const definition&, const uuid& tenant, std::int32_t lane);
}  // namespace projection
