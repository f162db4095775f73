// Stopped keys folded again: after a mended fold or a newer build, the key's row is made anew from the log.
//
// Works beside whoever serves the lane: row, totals, the freed key and one step of the projection are one transaction,
// and the server that finds its step taken reads everything of the lane anew. Nothing else of the lane changes. The key
// stays stopped, and nothing is written, when its events still cannot be folded. Serves one thread.
#pragma once

#include "events/log/store.hpp"
#include "projections/runner/personal_keys.hpp"
#include "projections/runner/row_store.hpp"

#include <chrono>
#include <cstddef>
#include <string>

namespace projection
{
struct replayed
{
    enum class end
    {
        freed,
        still_stopped,  // `cause` says why
        not_parked,     // it was freed meanwhile
        lane_too_busy   // the lane moved on each time: nothing was written, try again
    };
    end what = end::freed;
    std::string cause;
    std::size_t events = 0;
};

struct replay_parts
{
    row_store& rows;  // open
    event_log::store& log;
    personal_keys& keys;
    std::chrono::milliseconds patience{30'000};  // with a lane that moves on each time
};

// Throws store_failed and event_log::unreachable; then nothing was written, or it can be seen by looking whether the
// key is still stopped.
replayed replay(const replay_parts&, const parked_key&);
}  // namespace projection
