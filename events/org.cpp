// How an organisation's facts fold into the organisation.
#include "events/org.hpp"

namespace org
{
namespace
{
using event_log::stamp;

void fold(item& it, const created& fact, const stamp& at)
{
    it.id = fact.id;
    it.created_at = at.occurred_at;
    it.slug = fact.slug;
    it.name = fact.name;
    it.plan = fact.plan;
    it.time_zone = fact.time_zone;
    it.currency = fact.currency;
    it.brand_colour = fact.brand_colour;
}

void fold(item& it, const changed& fact, const stamp&)
{
    event_log::take(it.slug, fact.slug);
    event_log::take(it.name, fact.name);
    event_log::take(it.time_zone, fact.time_zone);
    event_log::take(it.currency, fact.currency);
    event_log::take(it.brand_colour, fact.brand_colour);
}

void fold(item& it, const plan_changed& fact, const stamp&) { it.plan = fact.plan.to; }
void fold(item& it, const suspended&, const stamp& at) { it.suspended_at = at.occurred_at; }
void fold(item& it, const resumed&, const stamp&) { it.suspended_at.reset(); }
}  // namespace

void apply(item& it, const event& happened, const event_log::stamp& at)
{
    std::visit([&](const auto& fact) { fold(it, fact, at); }, happened);
    it.version = at.version;
    it.updated_at = at.occurred_at;
}

std::span<const schema::record_type* const> facts() { return schema::alternatives_of<event>; }
const schema::record_type& item_type() { return schema::schema_of<item>; }
}  // namespace org
