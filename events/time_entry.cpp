// How a time entry's facts fold into the entry.
#include "events/time_entry.hpp"

namespace time_entry
{
namespace
{
using event_log::stamp;

void fold(item& it, const created& fact, const stamp& at)
{
    it.id = fact.id;
    it.created_at = at.occurred_at;
    it.project_id = fact.project_id;
    it.task_id = fact.task_id;
    it.member_id = fact.member_id;
    it.minutes = fact.minutes;
    it.spent_on = fact.spent_on;
    it.note = fact.note;
    it.billable = fact.billable;
}

void fold(item& it, const changed& fact, const stamp&)
{
    event_log::take(it.project_id, fact.project_id);
    event_log::take(it.task_id, fact.task_id);
    event_log::take(it.member_id, fact.member_id);
    event_log::take(it.minutes, fact.minutes);
    event_log::take(it.spent_on, fact.spent_on);
    event_log::take(it.note, fact.note);
    event_log::take(it.billable, fact.billable);
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
}  // namespace time_entry
