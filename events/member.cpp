// How a member's facts fold into the member.
#include "events/member.hpp"

namespace member
{
namespace
{
using event_log::stamp;

void fold(item& it, const added& fact, const stamp& at)
{
    it.id = fact.id;
    it.created_at = at.occurred_at;
    it.email = event_log::known(fact.email);
    it.name = event_log::known(fact.name);
    it.role = fact.role;
    it.type = fact.type;
}

void fold(item& it, const changed& fact, const stamp&)
{
    event_log::take(it.email, fact.email);
    event_log::take(it.name, fact.name);
    event_log::take(it.role, fact.role);
    event_log::take(it.type, fact.type);
}

void fold(item& it, const removed&, const stamp& at) { it.archived_at = at.occurred_at; }
}  // namespace

void apply(item& it, const event& happened, const event_log::stamp& at)
{
    std::visit([&](const auto& fact) { fold(it, fact, at); }, happened);
    it.version = at.version;
    it.updated_at = at.occurred_at;
}

std::span<const schema::record_type* const> facts() { return schema::alternatives_of<event>; }
const schema::record_type& item_type() { return schema::schema_of<item>; }
}  // namespace member
