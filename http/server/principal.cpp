#include "http/server/principal.hpp"

#include "events/log/envelope.hpp"
#include "events/org.hpp"

#include <algorithm>
#include <utility>

namespace http
{
namespace
{
bool holds(const std::vector<api_key::scope>& scopes, api_key::scope one)
{
    return std::find(scopes.begin(), scopes.end(), one) != scopes.end();
}
}  // namespace

void key_activity::note_write(std::size_t history, std::int64_t seq)
{
    if (last_write_history.exchange(history) != history)
        last_write_seq = 0;  // what was written before is of another history
    auto before = last_write_seq.load(std::memory_order_relaxed);
    while (before < seq && !last_write_seq.compare_exchange_weak(before, seq))
    {
    }
}

std::shared_ptr<const principal> principal_of(const api_key::item& item, const schema::uuid& tenant, std::int32_t lane,
                                              std::shared_ptr<key_activity> activity)
{
    auto made = std::make_shared<principal>();
    made->key = item.id;
    made->tenant = tenant;
    made->lane = lane;
    if (item.member_id)
        made->member = item.member_id->value;
    made->key_text = item.id.text();
    made->tenant_text = org::org_id{made->tenant}.text();
    made->operators = made->tenant == event_log::platform_tenant;
    made->admin = holds(item.scopes, api_key::scope::admin);
    made->write = made->admin || holds(item.scopes, api_key::scope::write);
    made->read = made->write || holds(item.scopes, api_key::scope::read);
    made->import = holds(item.scopes, api_key::scope::import);
    made->scopes = item.scopes;
    made->expires_at = item.expires_at;
    made->requests_per_minute = item.requests_per_minute;
    made->activity = std::move(activity);
    return made;
}
}  // namespace http
