#include "http/usage.hpp"

#include "commands/limits.hpp"
#include "events/org.hpp"
#include "http/server/query_route.hpp"
#include "http/server/query_string.hpp"
#include "projections/org.hpp"
#include "projections/usage.hpp"

#include <array>
#include <optional>
#include <string>
#include <vector>

namespace usage
{
namespace
{
constexpr std::array parameters{
    http::parameter{"month", "YYYY-MM: what was metered in that month, in the organisation's zone, and that alone."},
};

// Nothing: it has refused.
std::optional<std::optional<std::string>> month_asked_for(http::call& c)
{
    const auto sent = http::read_query(c.in->query);
    if (!sent || sent->size() > 1)
        return c.refuse(http::bad_query("query", "One month may be named.")), std::nullopt;
    if (sent->empty())
        return std::optional<std::string>{};
    const auto& [name, value] = sent->front();
    if (name != "month")
        return c.refuse(http::bad_query(name, "This route takes no such parameter.")), std::nullopt;
    if (!is_month(value))
        return c.refuse(http::bad_query(name, "It must be a month as YYYY-MM.")), std::nullopt;
    return std::optional<std::string>{value};
}

void get(http::call& c, http::query_context& with)
{
    const auto month = month_asked_for(c);
    if (!month)
        return;
    const auto found = with.models.get(org::listing(), c.who->tenant, c.who->tenant);
    http::take_position(c, found.as_of);
    const auto org = found.data ? schema::read_json<org::item>(*found.data, schema::reading::stored)
                                : schema::result<org::item, schema::faults>{schema::faults{}};
    const auto plan = org ? org->plan : org::plan::starter;
    std::vector<allowance> allowed;
    for (const auto metric : limits::metrics())
        allowed.push_back({metric, limits::of(plan, metric)});
    auto shown = read(with.models, c.who->tenant, allowed, *month);
    http::take_position(c, shown.as_of);
    c.answer_json(std::move(*shown.data));
}

constexpr http::route row()
{
    auto made = http::item_row("/api/v1/usage", "getUsage", "Shows how much of the plan is used, and what was metered.",
                               get, schema::schema_of<item>);
    made.shape = http::answer_shape::other;
    made.parameters = parameters;
    return made;
}

constexpr std::array table{row()};
}  // namespace

std::span<const http::route> routes() { return table; }
}  // namespace usage
