// Which lane each tenant lives in. A tenant's lane never changes, so what is known stays known.
//
// Shared by all threads of a process; a look-up that has to ask the store uses the caller's connection.
#pragma once

#include "events/log/seal.hpp"
#include "events/log/store.hpp"

#include <cstdint>
#include <optional>
#include <shared_mutex>
#include <unordered_map>

namespace lanes
{
using schema::uuid;

class tenant_directory
{
public:
    explicit tenant_directory(event_log::keyring& keys) : keys_(&keys) {}

    std::optional<std::int32_t> known_lane(const uuid& tenant) const;
    // Asks the store when the lane or the tenant's key is not at hand, and teaches the keyring. Nothing: no such
    // tenant. Throws what the store throws.
    std::optional<std::int32_t> lane_of(const uuid& tenant, event_log::store&);
    // A lane and a key for a tenant that does not exist yet; both count only once the append has accepted them. Until
    // the tenant is learned every call answers the same: what was sealed and hashed meanwhile was so under this key.
    event_log::new_tenant prepare_birth(const uuid& tenant, event_log::store&);
    void learn(const uuid& tenant, std::int32_t lane);

private:
    event_log::new_tenant birth_of(const uuid& tenant, event_log::store&);

    event_log::keyring* keys_;
    mutable std::shared_mutex mutex_;
    // Guarded by mutex_.
    std::unordered_map<uuid, std::int32_t> lanes_;
    std::unordered_map<uuid, event_log::new_tenant> births_;  // prepared, not accepted yet
};
}  // namespace lanes
