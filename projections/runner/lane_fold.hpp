// One lane folded from its first event into a scratch store on disk: the rows of new versions before they are copied.
// Rows of which each event has one are never read again, and lie in a spool, as they are sent.
//
// Holds totals and stopped keys in memory, rows in the scratch store, whose spaces of the lane it empties at first. An
// event that was handed in counts; one that threw (cache_broken: no room) leaves the fold of no use. Serves one thread,
// and takes a second one while it folds.
// The definitions and the scratch store outlive it, and it outlives the pages that it handed out.
#pragma once

#include "projections/runner/columns.hpp"
#include "projections/runner/folding.hpp"
#include "projections/runner/lane_copy.hpp"
#include "projections/runner/line_spool.hpp"
#include "projections/runner/row_cache.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace projection
{
class lane_fold
{
public:
    lane_fold(std::int32_t lane, std::span<const definition* const>, row_cache& scratch);

    position at() const { return {lane_, seq_}; }

    // The events that follow `at`, without a hole.
    void fold(std::span<const recorded>, const opening&);

    // One of the definitions as it is to be written; rows are read from the scratch store page by page. Several threads
    // may read them, each those of its definition.
    copied_lane copied(const definition&, const std::string& incarnation, std::size_t page_rows) const;

    // The database does not take this row: its key is stopped at its first event, and the row counts for nothing.
    void refuse(const definition&, const row_key&, const std::string& sqlstate);

    std::size_t stopped() const { return stopped_.size(); }

private:
    // The rows of one projection of the appended kind.
    struct lines
    {
        lines(const definition& of, const std::filesystem::path& below) : columns(columns_of(*of.record)), rows(below)
        {}
        std::vector<column> columns;
        line_spool rows;
    };

    space space_of(const definition& of) const { return {of.name, of.version, lane_}; }
    std::map<const row_slot*, std::int64_t> load(folding&);
    void keep(const folding&, const std::map<const row_slot*, std::int64_t>& firsts);
    std::map<const definition*, line_block> lines_of(const folding&) const;
    void count(const definition&, const uuid& tenant, std::string_view row, int sign);
    row_pages pages_of(const definition&, std::size_t page_rows) const;

    const std::int32_t lane_;
    const std::span<const definition* const> of_;
    row_cache& scratch_;
    std::int64_t seq_ = 0;
    uuid event_id_;
    std::map<total_key, std::int64_t> totals_;
    std::vector<parked_key> stopped_;
    std::set<std::pair<const definition*, row_key>> stopped_keys_;
    std::map<const definition*, lines> lines_;
};
}  // namespace projection
