#include "http/member.hpp"

#include "commands/member.hpp"
#include "http/server/command_route.hpp"
#include "http/server/history.hpp"
#include "http/server/query_route.hpp"
#include "projections/member.hpp"

#include <array>

namespace member
{
namespace
{
using http::change_item;
using http::create_item;
using http::verb;
using schema::schema_of;

constexpr std::array codes{
    http::domain_code{"member.archived", 409, "The member was removed."},
    http::domain_code{"member.last_owner", 409, "The last owner stays."},
};

void list(http::call& c, http::query_context& with) { http::answer_page(c, with, listing()); }

void get(http::call& c, http::query_context& with) { http::answer_past_of_path<member_id, state>(c, with, listing()); }

void history(http::call& c, http::query_context& with)
{
    http::answer_history_of_path<member_id, state>(c, with, listing());
}

constexpr std::array table{
    http::page_row("/api/v1/members", "listMembers", "Lists members.", list, schema_of<item>, listing),
    http::create_row("/api/v1/members", "createMember", "Creates a member.", create_item<state, command, add>,
                     schema_of<add>, schema_of<item>, codes, http::needs::admin),
    http::remembered_row("/api/v1/members/{id}", "getMember", "Shows a member.", get, schema_of<item>),
    http::history_row("/api/v1/members/{id}/history", "listMemberHistory", "Shows what happened to a member.", history,
                      schema_of<item>),
    http::change_row(verb::patch, "/api/v1/members/{id}", "updateMember", "Changes a member.",
                     change_item<state, command, change>, schema_of<change>, schema_of<item>, codes,
                     http::needs::admin),
    http::change_row(verb::delete_, "/api/v1/members/{id}", "removeMember", "Removes a member, for ever.",
                     change_item<state, command, remove>, schema_of<remove>, schema_of<item>, codes,
                     http::needs::admin),
    http::change_row(verb::post, "/api/v1/members/{id}/remove", "removeMemberByVerb", "Removes a member, for ever.",
                     change_item<state, command, remove>, schema_of<remove>, schema_of<item>, codes,
                     http::needs::admin),
};
}  // namespace

std::span<const http::route> routes() { return table; }
}  // namespace member
