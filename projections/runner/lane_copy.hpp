// One lane of a new version written at once: rows by COPY into a table that nobody reads yet, totals, stopped keys and
// the first position, in one transaction.
//
// Holds one connection of the projector's role and serves one thread. Throws store_failed and lost_race; then nothing
// of the lane is there, or, if the connection was lost, `is_written` tells.
#pragma once

#include "projections/runner/line_spool.hpp"
#include "projections/runner/row_store.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace projection
{
// Rows of one projection in the order of their keys, page by page; an empty page is the end.
struct copied_row
{
    row_key key;
    std::string bytes;  // compact
};
using row_pages = std::function<std::vector<copied_row>()>;

struct lane_rows
{
    const definition* of = nullptr;
    std::function<row_pages()> from_first;  // may be asked for again
};

struct copied_lane
{
    checkpoint step;  // the first one
    lane_rows rows;
    const line_spool* lines = nullptr;  // instead of `rows`, where each event has one: already as they are sent
    std::vector<std::pair<total_key, std::int64_t>> totals;
    std::vector<parked_key> parked;
};

using rows_by_projection = std::map<std::string, std::uint64_t, std::less<>>;

// For what takes as long as it takes: a lane's COPY, the indexes of a large table.
row_store_config patient(row_store_config);

class lane_copy
{
public:
    lane_copy(row_store_config, std::span<const definition* const>);
    ~lane_copy();

    void open();

    // Answers the rows written. FAULT_POINTs rebuild.before_commit and rebuild.after_commit stand around its commit.
    std::uint64_t write(const copied_lane&);
    bool is_written(const definition&, std::int32_t lane);

    // Those of a lane's `rows` that the database refuses by their values, with the SQLSTATE; writes nothing.
    std::vector<std::pair<row_key, std::string>> refused(const lane_rows&);

private:
    struct implementation;
    std::unique_ptr<implementation> self_;
};
}  // namespace projection
