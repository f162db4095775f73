// One batch of events folded over rows in memory: the pure middle of the runner, of a rebuild and of a comparison.
//
// The order of use: `add` every event, in the order of the log; load the rows that `wanted` names; `fold`; then take
// `changed` rows, `totals` and `stopped` keys. Nothing here does IO. A fold that throws stops its key at that event:
// the row stays as the events before made it, later events of the key are left alone, and every other key goes on.
// Serves one thread; holds the events by reference until it is cleared.
#pragma once

#include "projections/runner/definition.hpp"
#include "projections/runner/terms.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <vector>

namespace projection
{
struct parked_key
{
    const definition* of = nullptr;
    std::int32_t lane = 0;
    row_key key;
    std::int64_t from_seq = 0;
    std::string cause;
    std::string kind;           // a stored word, see below
    bool is_discarded = false;  // an operator does without it
};

// Why keys are stopped. Stored: additions only.
namespace parked_by
{
inline constexpr const char *cannot_decode = "cannot_decode", *unknown_type = "unknown_type",
                            *fold_threw = "fold_threw", *refused_by_store = "refused_by_store", *crashed = "crashed",
                            *hung = "hung";
}

struct total_key
{
    uuid tenant;
    std::string counter;
    int version = 0;
    std::string bucket;
    friend auto operator<=>(const total_key&, const total_key&) = default;
};

// By how much a total changes, and whose rows it is derived from.
struct delta
{
    const definition* of = nullptr;
    std::int32_t lane = 0;
    std::int64_t amount = 0;
};

// One row during a batch.
struct row_slot
{
    const definition* of = nullptr;
    std::int32_t lane = 0;
    row_key key;
    std::string before;  // compact form; empty: there was no row
    std::string after;   // likewise, once folded
    std::shared_ptr<void> row;
    std::vector<const recorded*> events;
    bool is_folded_anew =
        false;            // the events are all there are: `before` is what the row replaces, not what it builds on
    term_change terms{};  // likewise, once folded, where they are asked for

    bool has_changed() const { return before != after; }
};

// The events of which a projection gets a row each.
struct appended_rows
{
    const definition* of = nullptr;
    std::vector<const recorded*> events;  // in the order of the log, lane by lane
};

// The key that opens one event's personal values; nothing when it holds none.
using opening = std::function<std::unique_ptr<schema::opener>(const recorded&)>;

class folding
{
public:
    // `with_terms`: also by which words a row is found no more, and by which from now on.
    explicit folding(std::span<const definition* const>, bool with_terms = true);

    // Leaves alone what concerns none of the definitions (or only stopped keys). `seen` is the definition's position
    // in the event's lane: events at or below it are left alone.
    void add(const recorded&, const std::function<std::int64_t(const definition&, std::int32_t lane)>& seen,
             const std::function<bool(const definition&, const row_key&)>& is_parked);

    // Every row that the batch touches, in the order of first touch. Set `before` of those that exist; the others start
    // empty.
    const std::vector<row_slot*>& wanted() const { return order_; }

    void fold(const opening&);

    std::vector<row_slot*> changed() const;
    // Deltas that are not zero.
    const std::map<total_key, delta>& deltas() const { return deltas_; }
    const std::vector<parked_key>& stopped() const { return stopped_; }
    // One entry per projection of appended rows.
    const std::vector<appended_rows>& appended() const { return appended_; }
    std::size_t folded() const { return folded_; }

private:
    void fold_slot(row_slot&, const opening&);
    void count(const row_slot&, const void* row, int sign);

    std::span<const definition* const> definitions_;
    const bool with_terms_;
    std::unordered_map<std::string_view, std::vector<const definition*>> by_category_;
    std::vector<std::unordered_map<row_key, std::unique_ptr<row_slot>>> slots_;  // per definition
    std::vector<row_slot*> order_;
    std::map<total_key, delta> deltas_;
    std::vector<parked_key> stopped_;
    std::vector<appended_rows> appended_;
    std::size_t folded_ = 0;
};

// The row in compact form as an object. Throws std::runtime_error when the bytes are not such a row.
std::shared_ptr<void> decode(const definition&, std::string_view bytes);
}  // namespace projection
