// How a comment's facts fold into the comment.
#include "events/comment.hpp"

namespace comment
{
namespace
{
using event_log::stamp;

void fold(item& it, const created& fact, const stamp& at)
{
    it.id = fact.id;
    it.created_at = at.occurred_at;
    it.task_id = fact.task_id;
    it.body = fact.body;
    it.mention_ids = fact.mention_ids;
    it.author_id = fact.author_id;
}

void fold(item& it, const changed& fact, const stamp&)
{
    event_log::take(it.body, fact.body);
    event_log::take(it.mention_ids, fact.mention_ids);
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
}  // namespace comment
