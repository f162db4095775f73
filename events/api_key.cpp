// How an API key's facts fold into the key.
#include "events/api_key.hpp"

namespace api_key
{
namespace
{
using event_log::stamp;

void fold(item& it, const created& fact, const stamp& at)
{
    it.id = fact.id;
    it.created_at = at.occurred_at;
    it.name = fact.name;
    it.scopes = fact.scopes;
    it.expires_in_days = fact.expires_in_days;
    it.expires_at = fact.expires_at;
    it.member_id = fact.member_id;
    it.prefix = fact.prefix;
    it.requests_per_minute = fact.requests_per_minute;
}

void fold(item& it, const changed& fact, const stamp&)
{
    event_log::take(it.name, fact.name);
    event_log::take(it.scopes, fact.scopes);
}

void fold(item& it, const rate_changed& fact, const stamp&) { it.requests_per_minute = fact.requests_per_minute.to; }
void fold(item& it, const revoked&, const stamp& at) { it.archived_at = at.occurred_at; }
}  // namespace

void apply(item& it, const event& happened, const event_log::stamp& at)
{
    std::visit([&](const auto& fact) { fold(it, fact, at); }, happened);
    it.version = at.version;
    it.updated_at = at.occurred_at;
}

std::span<const schema::record_type* const> facts() { return schema::alternatives_of<event>; }
const schema::record_type& item_type() { return schema::schema_of<item>; }
}  // namespace api_key
