#include "http/usage.hpp"

#include "commands/limits.hpp"
#include "events/org.hpp"
#include "http/server/query_route.hpp"
#include "projections/org.hpp"
#include "projections/usage.hpp"

#include <array>
#include <vector>

namespace usage
{
namespace
{
void get(http::call& c, http::query_context& with)
{
    if (!http::expect_no_parameters(c))
        return;
    const auto found = with.models.get(org::listing(), c.who->tenant, c.who->tenant);
    http::take_position(c, found.as_of);
    const auto org = found.data ? schema::read_json<org::item>(*found.data, schema::reading::stored)
                                : schema::result<org::item, schema::faults>{schema::faults{}};
    const auto plan = org ? org->plan : org::plan::starter;
    std::vector<allowance> allowed;
    for (const auto metric : limits::metrics())
        allowed.push_back({metric, limits::of(plan, metric)});
    auto shown = read(with.models, c.who->tenant, allowed);
    http::take_position(c, shown.as_of);
    c.answer_json(std::move(*shown.data));
}

constexpr http::route row()
{
    auto made = http::item_row("/api/v1/usage", "getUsage", "Shows how much of the plan is used.", get,
                               schema::schema_of<item>);
    made.shape = http::answer_shape::other;
    return made;
}

constexpr std::array table{row()};
}  // namespace

std::span<const http::route> routes() { return table; }
}  // namespace usage
