// The read models compared with the log: every row, its terms and every total folded again from the first event, byte
// for byte.
//
// Reads only. Works lane by lane and holds one lane's folded rows in memory; appended ones are compared batch by batch
// while the log is read, and those that should not be there are looked for page by page. The runner may be at work
// meanwhile: a lane whose position moves during the comparison is compared again at its new position.
#pragma once

#include "events/feed/feed.hpp"
#include "events/log/seal.hpp"
#include "projections/runner/row_store.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace projection
{
struct verify_config
{
    row_store_config rows;
    event_log::store_config keys;  // where subject keys are read
    std::function<std::unique_ptr<event_feed::feed>()> feed;
    std::vector<std::int32_t> lanes;
    std::size_t differences_max = 100;  // named; all are counted
    int attempts_max = 20;              // per lane, while it moves
};

struct difference
{
    enum class kind
    {
        missing,     // the log says there is such a row
        unexpected,  // the log knows nothing of this row
        other        // both, and they are not the same
    };
    kind what;
    std::string projection;
    std::int32_t lane = 0;
    uuid tenant;
    std::string key;  // the row's id, "id/terms", "counter/bucket" of a total, the seq of an appended row
};

struct verified
{
    std::vector<difference> differences;
    std::uint64_t different = 0;
    std::uint64_t events = 0, rows = 0, terms = 0, totals = 0;
    explicit operator bool() const { return different == 0; }
};

// A lane never stood still long enough.
struct never_still : std::runtime_error
{
    using runtime_error::runtime_error;
};

verified verify(const verify_config&, std::span<const definition* const>, event_log::keyring&);
}  // namespace projection
