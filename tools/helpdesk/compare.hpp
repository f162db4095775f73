// Holds what the server's read models show against the independent count of the log.
//
// Lists are paged through whole and counted here; the dashboard's figures are held against the count plus whatever else
// the lists show (a tenant that was used before keeps its other clients, projects, tasks and members, and they must not
// look like a fault). Ids tell the log's items from others; the figures are joined by names.
#pragma once

#include "tools/helpdesk/count.hpp"
#include "tools/helpdesk/player.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace helpdesk
{
struct difference
{
    std::string what;  // "tasks by status: done"
    std::int64_t counted = 0;
    std::int64_t shown = 0;
};

struct compared
{
    std::uint64_t figures = 0;  // how many were held against each other
    std::vector<difference> differences;
    // Months are formed in the organisation's zone and counted in UTC: in any other zone, which this names, they are
    // left out.
    std::string months_left_out;
};

// `rows`: those of the log that this tenant got, of `all`. What stands in `all` alone and is shown nevertheless is
// another tenant's: a difference. Reads until everything agrees or `patience` is over, whichever comes first: read
// models may still be catching up. `first` of `servers` is asked, the others in turn while it cannot answer. Throws
// `refused` and `unreachable`.
compared compare(const std::vector<wire::endpoint>& servers, std::size_t first, const target&,
                 const std::string& last_position, const std::vector<row>& rows, const std::vector<row>& all,
                 std::chrono::seconds patience);
}  // namespace helpdesk
