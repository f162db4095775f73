#include "commands/lanes/tenant_directory.hpp"

#include <mutex>
#include <utility>

namespace lanes
{
std::optional<std::int32_t> tenant_directory::known_lane(const uuid& tenant) const
{
    const std::shared_lock lock(mutex_);
    const auto place = lanes_.find(tenant);
    return place == lanes_.end() ? std::nullopt : std::optional{place->second};
}

std::optional<std::int32_t> tenant_directory::lane_of(const uuid& tenant, event_log::store& store)
{
    if (const auto lane = known_lane(tenant); lane && keys_->knows_tenant(tenant))
        return lane;
    const auto entry = store.find_tenant(tenant);
    if (!entry)
        return std::nullopt;
    keys_->learn_tenant(*entry);
    learn(tenant, entry->lane);
    return entry->lane;
}

event_log::new_tenant tenant_directory::birth_of(const uuid& tenant, event_log::store& store)
{
    {
        const std::shared_lock lock(mutex_);
        if (const auto prepared = births_.find(tenant); prepared != births_.end())
            return prepared->second;
    }
    event_log::new_tenant fresh{tenant, store.lane_for_new_tenant(), keys_->make_tenant_key(tenant)};
    const std::unique_lock lock(mutex_);
    return births_.emplace(tenant, std::move(fresh)).first->second;
}

event_log::new_tenant tenant_directory::prepare_birth(const uuid& tenant, event_log::store& store)
{
    const event_log::new_tenant born = birth_of(tenant, store);
    keys_->learn_newborn({born.tenant, born.lane, born.wrapped_key});
    return born;
}

void tenant_directory::learn(const uuid& tenant, std::int32_t lane)
{
    const std::unique_lock lock(mutex_);
    lanes_.emplace(tenant, lane);
    births_.erase(tenant);
}
}  // namespace lanes
