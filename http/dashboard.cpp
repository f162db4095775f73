#include "http/dashboard.hpp"

#include "events/client.hpp"
#include "http/audit_log.hpp"
#include "http/server/query_route.hpp"
#include "http/server/query_string.hpp"
#include "projections/client.hpp"
#include "projections/dashboard.hpp"
#include "schemas/assertion.hpp"

#include <array>

namespace dashboard
{
namespace
{
constexpr std::array parameters{
    http::parameter{"client_id", "What one client's projects and tasks make of it alone."},
};

// Nothing: it has refused.
std::optional<std::optional<schema::uuid>> client_asked_for(http::call& c)
{
    const auto sent = http::read_query(c.in->query);
    if (!sent || sent->size() > 1)
        return c.refuse(http::bad_query("query", "One client_id may be named.")), std::nullopt;
    if (sent->empty())
        return std::optional<schema::uuid>{};
    const auto& [name, value] = sent->front();
    if (name != "client_id" && name != "clientId")
        return c.refuse(http::bad_query(name, "This route takes no such parameter.")), std::nullopt;
    const auto id = client::client_id::parse(value);
    if (!id)
        return c.refuse(http::bad_query(name, "It is not the id of a client.")), std::nullopt;
    return std::optional<schema::uuid>{id->value};
}

// The figures, and behind them what was done last.
std::string with_recent(std::string figures, http::call& c, http::query_context& with,
                        const std::optional<schema::uuid>& client)
{
    CF_ASSERT(figures.ends_with('}'));
    figures.back() = ',';
    figures += "\"recent_activity\":";
    schema::json_writer json{figures};
    audit_log::write_recent(json, c, with, client);
    return figures.append("}");
}

void get(http::call& c, http::query_context& with)
{
    const auto client = client_asked_for(c);
    if (!client || (*client && !http::expect_row(c, with, client::listing(), **client)))
        return;
    auto shown = read(with.models, c.who->tenant, *client);
    http::take_position(c, shown.as_of);
    if (!shown.data)
        return c.refuse("not_found");
    c.answer_json(with_recent(std::move(*shown.data), c, with, *client));
}

constexpr http::route row()
{
    auto made =
        http::item_row("/api/v1/dashboard", "getDashboard", "Shows the organisation's figures, and what was done last.",
                       get, schema::schema_of<item>);
    made.shape = http::answer_shape::with_recent;
    made.parameters = parameters;
    return made;
}

constexpr std::array table{row()};
}  // namespace

std::span<const http::route> routes() { return table; }
}  // namespace dashboard
