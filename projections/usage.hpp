// How much of its plan a tenant uses: what exists and is not archived, beside the limits that it is given.
#pragma once

#include "projections/runner/reader.hpp"
#include "schemas/uuid.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace usage
{
struct allowance
{
    std::string_view metric;  // "members", "clients", "projects", "tasks", "comments"; any other has used nothing
    std::optional<std::int64_t> limit;
};

// {"metrics": [{"metric": …, "used": …, "limit": …, "month": null}]} in the order given. `month` is for metrics that
// begin again every month; these count what there is.
projection::item read(projection::reader&, const schema::uuid& tenant, std::span<const allowance>);
}  // namespace usage
