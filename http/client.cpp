#include "http/client.hpp"

#include "commands/client.hpp"
#include "http/server/command_route.hpp"
#include "http/server/history.hpp"
#include "http/server/query_route.hpp"
#include "projections/client.hpp"

#include <array>

namespace client
{
namespace
{
using http::change_item;
using http::create_item;
using http::verb;
using schema::schema_of;

constexpr std::array codes{
    http::domain_code{"client.archived", 409, "The client is archived; restore it first."},
};

void list(http::call& c, http::query_context& with) { http::answer_page(c, with, listing()); }

void get(http::call& c, http::query_context& with) { http::answer_past_of_path<client_id, state>(c, with, listing()); }

void history(http::call& c, http::query_context& with)
{
    http::answer_history_of_path<client_id, state>(c, with, listing());
}

constexpr std::array table{
    http::page_row("/api/v1/clients", "listClients", "Lists clients.", list, schema_of<item>, listing),
    http::create_row("/api/v1/clients", "createClient", "Creates a client.", create_item<state, command, create>,
                     schema_of<create>, schema_of<item>, codes),
    http::remembered_row("/api/v1/clients/{id}", "getClient", "Shows a client.", get, schema_of<item>),
    http::history_row("/api/v1/clients/{id}/history", "listClientHistory", "Shows what happened to a client.", history,
                      schema_of<item>),
    http::change_row(verb::patch, "/api/v1/clients/{id}", "updateClient", "Changes a client.",
                     change_item<state, command, change>, schema_of<change>, schema_of<item>, codes),
    http::change_row(verb::delete_, "/api/v1/clients/{id}", "archiveClient", "Archives a client.",
                     change_item<state, command, archive>, schema_of<archive>, schema_of<item>, codes),
    http::change_row(verb::post, "/api/v1/clients/{id}/archive", "archiveClientByVerb", "Archives a client.",
                     change_item<state, command, archive>, schema_of<archive>, schema_of<item>, codes),
    http::change_row(verb::post, "/api/v1/clients/{id}/restore", "restoreClient", "Restores an archived client.",
                     change_item<state, command, restore>, schema_of<restore>, schema_of<item>, codes),
};
}  // namespace

std::span<const http::route> routes() { return table; }
}  // namespace client
