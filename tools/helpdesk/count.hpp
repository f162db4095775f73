// The independent count: what the read models must show after the whole log was played, straight from the rows.
//
// It shares nothing with the plan but the rows: the plan goes forward and remembers, the count looks back from each
// ticket's end. Everything is by the log's own names, so that ids cannot hide a mistake.
#pragma once

#include "tools/helpdesk/ticket_log.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace helpdesk
{
struct month_count
{
    std::int64_t projects = 0;
    std::int64_t tasks = 0;
    friend bool operator==(const month_count&, const month_count&) = default;
};

struct totals
{
    std::int64_t clients = 0;
    std::int64_t projects = 0;
    std::int64_t members = 0;
    std::int64_t tasks = 0;
    std::int64_t comments = 0;
    std::map<std::string, std::int64_t> tasks_by_status;
    std::map<std::string, std::int64_t> tasks_by_project;  // "Product 3 for Customer 63"; projects without: 0
    std::map<std::string, std::int64_t> tasks_by_member;   // "Agent 2", of those assigned
    std::map<std::string, std::int64_t> done_by_member;    // of those assigned and done
    std::map<std::string, month_count> created_per_month;  // "2012-04", UTC
};

totals count(const std::vector<row>&);
}  // namespace helpdesk
