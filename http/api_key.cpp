#include "http/api_key.hpp"

#include "commands/api_key.hpp"
#include "http/server/command_route.hpp"
#include "http/server/history.hpp"
#include "http/server/key_use.hpp"
#include "http/server/query_route.hpp"
#include "projections/api_key.hpp"
#include "schemas/json_writer.hpp"
#include "schemas/text.hpp"

#include <array>

namespace api_key
{
namespace
{
using http::change_item;
using http::needs;
using http::verb;
using schema::schema_of;

constexpr std::array codes{
    http::domain_code{"api_key.archived", 409, "The key was revoked."},
};

bool create_with_secret(http::call& c, lanes::submission& asked)
{
    create command{};
    if (!http::read_birth(c, command, asked))
        return false;
    std::array<std::uint8_t, 20> random{};
    schema::random_bytes(random);
    auto made = mint(audience::organisation, random);
    command.digest = std::move(made.digest);
    command.prefix = std::move(made.prefix);
    c.secret = std::move(made.key);
    const auto id = command.id.value;
    return http::submit_as<state, api_key::command>(asked, std::move(command), id);
}

// `secret` is a member of this answer alone.
void show_secret(http::call& c, const lanes::answer& said)
{
    std::string& item = c.out->body;
    if (item.empty() || item.back() != '}')
        return;
    item.pop_back();
    item += ",\"secret\":";
    if (said.replayed)
        item += "null";
    else
        schema::append_quoted(item, c.secret);
    item += '}';
}

void list(http::call& c, http::query_context& with) { http::answer_page(c, with, listing()); }

void get(http::call& c, http::query_context& with) { http::answer_past_of_path<key_id, state>(c, with, listing()); }

void history(http::call& c, http::query_context& with)
{
    http::answer_history_of_path<key_id, state>(c, with, listing());
}

void get_usage(http::call& c, http::query_context& with)
{
    key_id id;
    if (!http::read_path_id(c, 0, id) || !http::expect_no_parameters(c) ||
        !http::expect_row(c, with, listing(), id.value))
        return;
    const auto found = with.uses.read(c.who->tenant, id.value);
    const usage shown{found.last_used_at, found.calls_this_month};
    std::string text;
    schema::write_json(shown, text);
    c.answer_json(std::move(text));
}

constexpr http::route created_once()
{
    auto made = http::create_row("/api/v1/api-keys", "createApiKey", "Creates an API key and shows its secret once.",
                                 create_with_secret, schema_of<create>, schema_of<item>, codes, needs::admin);
    made.answered = show_secret;
    return made;
}

constexpr http::route usage_row()
{
    auto made = http::item_row("/api/v1/api-keys/{id}/usage", "getApiKeyUsage", "Shows when a key was last used.",
                               get_usage, schema_of<usage>);
    made.shape = http::answer_shape::other;
    return made;
}

constexpr std::array table{
    http::page_row("/api/v1/api-keys", "listApiKeys", "Lists API keys.", list, schema_of<item>, listing),
    created_once(),
    http::remembered_row("/api/v1/api-keys/{id}", "getApiKey", "Shows an API key, without its secret.", get,
                         schema_of<item>),
    http::history_row("/api/v1/api-keys/{id}/history", "listApiKeyHistory", "Shows what happened to an API key.",
                      history, schema_of<item>),
    usage_row(),
    http::change_row(verb::patch, "/api/v1/api-keys/{id}", "updateApiKey", "Changes an API key's name or scopes.",
                     change_item<state, command, change>, schema_of<change>, schema_of<item>, codes, needs::admin),
    http::change_row(verb::delete_, "/api/v1/api-keys/{id}", "revokeApiKey", "Revokes an API key, for ever.",
                     change_item<state, command, revoke>, schema_of<revoke>, schema_of<item>, codes, needs::admin),
    http::change_row(verb::post, "/api/v1/api-keys/{id}/revoke", "revokeApiKeyByVerb", "Revokes an API key, for ever.",
                     change_item<state, command, revoke>, schema_of<revoke>, schema_of<item>, codes, needs::admin),
};
}  // namespace

std::span<const http::route> routes() { return table; }
}  // namespace api_key
