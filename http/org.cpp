#include "http/org.hpp"

#include "commands/org.hpp"
#include "http/server/command_route.hpp"
#include "http/server/history.hpp"
#include "http/server/query_route.hpp"
#include "projections/org.hpp"

#include <array>

namespace org
{
namespace
{
using schema::schema_of;

http::past_of own(const http::call& c) { return {lanes::aggregate_of<state>(), listing(), c.who->tenant}; }

void get(http::call& c, http::query_context& with) { http::answer_past(c, with, own(c)); }

void history(http::call& c, http::query_context& with) { http::answer_history(c, with, own(c)); }

// The organisation is the key's own: no id in the path.
bool change_own(http::call& c, lanes::submission& asked)
{
    change command{};
    command.id.value = c.who->tenant;
    if (!http::read_command(c, command, asked))
        return false;
    return http::submit_as<state, org::command>(asked, std::move(command), c.who->tenant);
}

constexpr std::array table{
    http::remembered_row("/api/v1/org", "getOrg", "Shows the organisation and its settings.", get, schema_of<item>),
    http::history_row("/api/v1/org/history", "listOrgHistory", "Shows what happened to the organisation.", history,
                      schema_of<item>),
    http::change_row(http::verb::patch, "/api/v1/org", "updateOrg", "Changes the organisation's name or settings.",
                     change_own, schema_of<change>, schema_of<item>, {}, http::needs::admin),
};
}  // namespace

std::span<const http::route> routes() { return table; }
}  // namespace org
