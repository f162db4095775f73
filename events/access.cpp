// How the fact of refused access folds into its item.
#include "events/access.hpp"

namespace accesses
{
namespace
{
void fold(item& it, const refused& fact, const event_log::stamp& at)
{
    it.id = fact.id;
    it.created_at = at.occurred_at;
    it.key_id = fact.key_id;
    it.member_id = fact.member_id;
    it.code = fact.code;
    it.reason = fact.reason;
    it.route = fact.route;
    it.count = fact.count;
    it.minute = fact.minute;
}
}  // namespace

void apply(item& it, const event& happened, const event_log::stamp& at)
{
    std::visit([&](const auto& fact) { fold(it, fact, at); }, happened);
    it.version = at.version;
    it.updated_at = at.occurred_at;
}

std::span<const schema::record_type* const> facts() { return schema::alternatives_of<event>; }
const schema::record_type& item_type() { return schema::schema_of<item>; }
}  // namespace accesses
