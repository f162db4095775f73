// Who is asking: the key behind the request, its scopes, its member and its organisation.
#pragma once

#include "events/api_key.hpp"
#include "events/member.hpp"
#include "events/org.hpp"
#include "http/server/route.hpp"
#include "schemas/record.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace me
{
std::span<const http::route> routes();

struct item
{
    api_key::key_id key_id;
    std::vector<api_key::scope> scopes;
    std::optional<schema::moment> expires_at;
    std::optional<std::int64_t> requests_per_minute;
    org::org_id org_id;
    std::optional<member::member_id> member_id;
    std::optional<member::item> member;
    std::optional<org::item> org;
};
}  // namespace me

template <>
inline constexpr schema::record_type schema::schema_of<me::item> = schema::record(
    "me", 1, schema::field<&me::item::key_id>("key_id"), schema::field<&me::item::scopes>("scopes"),
    schema::field<&me::item::expires_at>("expires_at"),
    schema::field<&me::item::requests_per_minute>("requests_per_minute", "Null: the usual limit. 0: none."),
    schema::field<&me::item::org_id>("org_id"), schema::field<&me::item::member_id>("member_id"),
    schema::field<&me::item::member>("member", "The member that the key acts for, if any."),
    schema::field<&me::item::org>("org", "The organisation and its settings."));
