// How a task's facts fold into the task.
#include "events/task.hpp"

namespace task
{
namespace
{
using event_log::stamp;

void enter(item& it, status next, const stamp& at)
{
    it.status = next;
    it.completed_at = next == status::done ? std::optional(at.occurred_at) : std::nullopt;
}

void fold(item& it, const created& fact, const stamp& at)
{
    it.id = fact.id;
    it.created_at = at.occurred_at;
    it.project_id = fact.project_id;
    it.title = fact.title;
    it.description = fact.description;
    it.priority = fact.priority;
    it.due_on = fact.due_on;
    it.assignee_ids = fact.assignee_ids;
    it.estimate_minutes = fact.estimate_minutes;
    it.labels = fact.labels;
    it.parent_id = fact.parent_id;
    enter(it, fact.status, at);
}

void fold(item& it, const changed& fact, const stamp&)
{
    event_log::take(it.title, fact.title);
    event_log::take(it.description, fact.description);
    event_log::take(it.priority, fact.priority);
    event_log::take(it.due_on, fact.due_on);
    event_log::take(it.assignee_ids, fact.assignee_ids);
    event_log::take(it.estimate_minutes, fact.estimate_minutes);
    event_log::take(it.labels, fact.labels);
    event_log::take(it.parent_id, fact.parent_id);
}

void fold(item& it, const started& fact, const stamp& at) { enter(it, fact.status.to, at); }
void fold(item& it, const waited& fact, const stamp& at) { enter(it, fact.status.to, at); }
void fold(item& it, const completed& fact, const stamp& at) { enter(it, fact.status.to, at); }
void fold(item& it, const reopened& fact, const stamp& at) { enter(it, fact.status.to, at); }
void fold(item& it, const moved& fact, const stamp&) { it.project_id = fact.project_id.to; }
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
}  // namespace task
