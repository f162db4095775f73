// Rows, totals and positions that differ from the log, made anew from it, beside whoever serves the lane.
//
// Each call is one transaction that takes a step of the projection first, as whoever folds the lane would: the runner
// at work finds its step taken, reads its positions anew and drops its cache of that space. What is written is folded
// inside that transaction, at the position that the step names, so it cannot be out of date. Serves one thread. Throws
// store_failed and what the event store throws; then nothing was written, or it can be seen by auditing again.
#pragma once

#include "projections/runner/row_audit.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace projection
{
struct mended
{
    std::uint64_t written = 0, removed = 0;  // rows
    std::uint64_t totals = 0;                // that stand afterwards
};

class row_mending
{
public:
    static constexpr std::size_t keys_max = 100;     // of one call to `rows`
    static constexpr std::size_t lines_max = 1'000;  // of one call to `lines`

    row_mending(row_audit_config, event_log::keyring&);
    ~row_mending();

    // Makes these rows of one tenant anew, and all totals of it. Without keys only the totals. FAULT_POINTs
    // mend_rows.before_commit and mend_rows.after_commit stand around the commit.
    mended rows(const definition&, const audited_tenant&, std::span<const uuid> keys);

    // Makes these appended rows of one lane anew: removed, and written again where the log has their event.
    // FAULT_POINTs mend_lines.before_commit and mend_lines.after_commit.
    mended lines(const definition&, std::int32_t lane, std::span<const line_key>);

    // Brings a position that the log does not have back to the log's end, and one of another event to the event that
    // the log holds there; the rows are then to be audited against it. FAULT_POINTs mend_position.before_commit and
    // mend_position.after_commit.
    void position(const definition&, std::int32_t lane);

private:
    struct implementation;
    std::unique_ptr<implementation> self_;
};
}  // namespace projection
