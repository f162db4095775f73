// How a project's facts fold into the project.
#include "events/project.hpp"

namespace project
{
namespace
{
using event_log::stamp;

void fold(item& it, const created& fact, const stamp& at)
{
    it.id = fact.id;
    it.created_at = at.occurred_at;
    it.name = fact.name;
    it.client_id = fact.client_id;
    it.description = fact.description;
    it.status = fact.status;
    it.budget = fact.budget;
    it.starts_on = fact.starts_on;
    it.due_on = fact.due_on;
    it.member_ids = fact.member_ids;
}

void fold(item& it, const changed& fact, const stamp&)
{
    event_log::take(it.name, fact.name);
    event_log::take(it.client_id, fact.client_id);
    event_log::take(it.description, fact.description);
    event_log::take(it.budget, fact.budget);
    event_log::take(it.starts_on, fact.starts_on);
    event_log::take(it.due_on, fact.due_on);
    event_log::take(it.member_ids, fact.member_ids);
}

void fold(item& it, const activated& fact, const stamp&) { it.status = fact.status.to; }
void fold(item& it, const held& fact, const stamp&) { it.status = fact.status.to; }
void fold(item& it, const completed& fact, const stamp&) { it.status = fact.status.to; }
void fold(item& it, const reopened& fact, const stamp&) { it.status = fact.status.to; }
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
}  // namespace project
