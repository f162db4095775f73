// How much of its plan a tenant uses: what there is, beside the limits that it is given, and what was metered in a
// month.
//
// What there is counts what is not archived and has no month. What is metered begins again every month: what was
// created, archived since or not, and calls of the API. Months are the organisation's: PostgreSQL forms them from
// quarters of an hour in its zone.
#pragma once

#include "projections/runner/reader.hpp"
#include "schemas/uuid.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace usage
{
struct allowance
{
    std::string_view metric;  // "members", "clients", "projects", "tasks", "comments"; any other has used nothing
    std::optional<std::int64_t> limit;
};

// {"metrics": [{"metric": …, "used": …, "limit": …, "month": null}]}: what there is in the order given, then what was
// metered in the month that it is now. With a month ("2026-11") that alone, of that month.
projection::item read(projection::reader&, const schema::uuid& tenant, std::span<const allowance>,
                      const std::optional<std::string>& month = {});

// Whether it is a month as above, of the years 0001 to 9999.
bool is_month(std::string_view);
}  // namespace usage
