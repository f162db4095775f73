// Read models held against the log, a bounded slice at a time, without stopping anybody.
//
// A slice is one transaction with one snapshot, which sees a projection's position, the events of some streams of one
// tenant up to it, and their rows: the streams are folded again and compared byte for byte, whoever is at work
// meanwhile. Rows that are appended, one per event, are held against a lane's events along the log instead, and then
// the log against the rows. Reads only, as clientflow_app for the log and as clientflow_projector for the rows. Serves
// one thread; throws store_failed and what the event store throws.
#pragma once

#include "events/log/seal.hpp"
#include "events/log/store.hpp"
#include "projections/runner/row_store.hpp"

#include <array>
#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace projection
{
struct row_audit_config
{
    row_store_config rows;            // without a role: it takes one on where it must
    event_log::store_config keys;     // where subject keys are read
    std::size_t events_max = 200;     // of one slice; one stream is always read whole
    std::size_t rows_max = 500;       // of one slice
    std::int64_t count_max = 20'000;  // events of one look at a lane
    std::size_t lines_max = 1'000;    // events, or rows, of one look at rows that are appended
    std::size_t places_max =
        2'000'000;  // of one tenant's events that are remembered; who has more is sought in its lane
};

// A difference between the log and what is derived from it.
struct row_difference
{
    enum class kind
    {
        missing,     // the log says there is such a row or total
        unexpected,  // the log knows nothing of it
        other        // both, and they are not the same
    };
    kind what = kind::other;
    row_key key;
    std::string total;          // "task.status/todo"; empty: a row
    bool is_of_terms = false;   // not the row, but the words by which it is found
    std::int64_t last_seq = 0;  // of the row's newest event in the log, at most where the projection stands
};

// One row of those that are appended: a tenant's, at its event's place in the lane.
struct line_key
{
    uuid tenant;
    std::int64_t seq = 0;
    friend auto operator<=>(const line_key&, const line_key&) = default;
};

// One projection in one lane, as its newest checkpoint says.
struct audited_position
{
    const definition* of = nullptr;
    std::int32_t lane = 0;
    std::int64_t step = 0;  // 0: there is none
    std::int64_t seq = 0;
    std::int64_t head = 0;      // of the lane in the log
    double behind_seconds = 0;  // age of the oldest event that is not shown
    bool is_beyond_log = false;
    bool is_of_other_event = false;  // the log holds another event there than the checkpoint says
};

struct audited_lane
{
    std::int32_t lane = 0;
    std::int64_t head = 0;
    std::int64_t counted_to = 0;            // every seq up to here is there
    std::optional<std::int64_t> first_gap;  // the first seq that is not
};

struct audited_tenant
{
    uuid tenant;
    std::int32_t lane = 0;
};

// A version that is being built, by whoever does.
struct standing_build
{
    std::string projection;
    double moved_at = 0;  // seconds since 1970: when its building was last seen to move
};

struct standing_builds
{
    std::vector<standing_build> builds;
    std::int64_t workers = 0;  // sessions that build
};

// Keys that projections have stopped at and nobody has given up, of all versions.
struct stopped_keys
{
    std::int64_t count = 0;
    double oldest = 0;  // seconds since 1970; 0: there is none
};

// What a slice saw. The digests chain from slice to slice, begun with zeros: equal at the end of a tenant if all its
// rows are what the log says.
struct row_slice
{
    std::vector<row_difference> differences;
    std::uint64_t events = 0, rows = 0;
    std::optional<uuid> next;              // the next slice begins behind it; nothing: the tenant is through
    bool is_foldable_by_stream = true;     // false: rows of this projection are no streams; nothing was compared
    std::optional<uuid> stream_with_hole;  // its versions do not count 1, 2, 3, …
};

using digest = std::array<std::uint8_t, 32>;
struct row_digests
{
    digest wanted{}, found{};
};

// What was seen of one tenant's appended rows. `found` chains the log's own bytes where a row is the same: PostgreSQL
// has compared it, and it was not read.
struct line_tally
{
    std::uint64_t events = 0, rows = 0;  // as many of one as of the other
    row_digests digests;
};
using line_tallies = std::map<uuid, line_tally>;

struct line_slice
{
    std::vector<row_difference> differences;  // `last_seq` is the row's place
    std::optional<std::int64_t> next;         // the next slice begins behind it; nothing: the lane is through
};

struct stored_line_slice
{
    std::vector<row_difference> differences;
    std::optional<line_key> next;
};

class row_audit
{
public:
    row_audit(row_audit_config, event_log::keyring&);
    ~row_audit();

    void open();
    bool is_open() const;

    std::vector<audited_tenant> tenants();
    std::vector<audited_position> positions(std::span<const definition* const>);
    std::vector<std::int32_t> lanes();
    stopped_keys stopped();
    standing_builds builds();
    // Counts on from `after`, `count_max` events at most.
    audited_lane count(std::int32_t lane, std::int64_t after);

    // Of folded rows.
    row_slice rows(const definition&, const audited_tenant&, const uuid& after, row_digests&);
    // Of appended rows: those that a lane's events have, all tenants' at once; and those that no event has.
    line_slice lines(const definition&, std::int32_t lane, std::int64_t after, line_tallies&);
    stored_line_slice unexpected_lines(const definition&, std::int32_t lane, const line_key& after, line_tallies&);
    // Of one tenant alone. Where its events lie, as far as the projection stands; nothing: they are too many. Then
    // those that `lines_max` of these places have, and those that no event has: `next` is the tenant's.
    std::optional<std::vector<line_key>> places(const definition&, const audited_tenant&);
    line_slice lines_at(const definition&, std::int32_t lane, std::span<const line_key>, line_tallies&);
    stored_line_slice unexpected_lines_of(const definition&, const audited_tenant&, std::int64_t after, line_tallies&);
    // The lane's last seq; nothing is counted.
    audited_lane look_at_head(std::int32_t lane);
    // All totals of a tenant against all its rows, in one snapshot; cheap beside folding, but not bounded.
    std::vector<row_difference> totals(const definition&, const audited_tenant&);

private:
    struct implementation;
    std::unique_ptr<implementation> self_;
};
}  // namespace projection
