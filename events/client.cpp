// How a client's facts fold into the client.
#include "events/client.hpp"

namespace client
{
namespace
{
using event_log::stamp;

void fold(item& it, const created& fact, const stamp& at)
{
    it.id = fact.id;
    it.created_at = at.occurred_at;
    it.name = fact.name;
    it.email = event_log::known(fact.email);
    it.phone = event_log::known(fact.phone);
    it.notes = event_log::known(fact.notes);
}

void fold(item& it, const changed& fact, const stamp&)
{
    event_log::take(it.name, fact.name);
    event_log::take(it.email, fact.email);
    event_log::take(it.phone, fact.phone);
    event_log::take(it.notes, fact.notes);
}

void fold(item& it, const archived&, const stamp& at) { it.archived_at = at.occurred_at; }
void fold(item& it, const restored&, const stamp&) { it.archived_at.reset(); }
}  // namespace

void apply(item& it, const event& happened, const event_log::stamp& at)
{
    std::visit([&](const auto& fact) { fold(it, fact, at); }, happened);
    it.version = at.version;
    it.updated_at = at.occurred_at;
}

std::span<const schema::record_type* const> facts() { return schema::alternatives_of<event>; }
const schema::record_type& item_type() { return schema::schema_of<item>; }
}  // namespace client
