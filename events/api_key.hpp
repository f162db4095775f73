// The facts of an API key's life, and the key as everybody sees it: never the secret, only what tells keys apart.
//
// Names and shapes of the facts are stored for ever: add a member or a fact, never edit one. A revoked key never comes
// back. Keys of the platform's operators are streams of the platform's tenant.
#pragma once

#include "events/log/change.hpp"
#include "events/log/envelope.hpp"
#include "events/member.hpp"
#include "schemas/record.hpp"
#include "schemas/time.hpp"
#include "schemas/uuid.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace api_key
{
using member::member_id;
using key_id = schema::type_id<"key">;

enum class scope
{
    read,
    write,
    admin,
    import,
    ops_read,
    ops_write,
    ops_replay,
    audit_read
};

struct created
{
    key_id id;
    std::string name;
    std::vector<scope> scopes;
    std::optional<std::int32_t> expires_in_days;
    std::optional<schema::moment> expires_at;
    std::optional<member::member_id> member_id;
    std::string prefix;
    std::string digest;
    std::optional<std::int64_t> requests_per_minute;
    friend bool operator==(const created&, const created&) = default;
};

struct changed
{
    key_id id;
    event_log::edit<std::string> name;
    event_log::edit<std::vector<scope>> scopes;
    friend bool operator==(const changed&, const changed&) = default;
};

// Set by an operator.
struct rate_changed
{
    key_id id;
    event_log::change<std::optional<std::int64_t>> requests_per_minute;
    friend bool operator==(const rate_changed&, const rate_changed&) = default;
};

struct revoked
{
    key_id id;
    std::optional<std::string> reason{};  // an operator's; the organisation's own need none
    friend bool operator==(const revoked&, const revoked&) = default;
};

using event = std::variant<created, changed, rate_changed, revoked>;

struct item
{
    key_id id;
    std::int64_t version = 0;
    schema::moment created_at;
    schema::moment updated_at;
    std::optional<schema::moment> archived_at;
    std::string name;
    std::vector<scope> scopes;
    std::optional<std::int32_t> expires_in_days;
    std::optional<schema::moment> expires_at;
    std::optional<member::member_id> member_id;
    std::string prefix;
    std::optional<std::int64_t> requests_per_minute;
    friend bool operator==(const item&, const item&) = default;
};

// Total and pure: any fact may follow any other.
void apply(item&, const event&, const event_log::stamp&);

// Everything of this noun that is emitted as a schema: the facts, in the order of `event`, and the item.
std::span<const schema::record_type* const> facts();
const schema::record_type& item_type();
}  // namespace api_key

template <>
inline constexpr auto schema::names_of<api_key::scope> = std::array<std::string_view, 8>{
    "read", "write", "admin", "import", "ops:read", "ops:write", "ops:replay", "audit:read"};

template <>
inline constexpr schema::record_type schema::schema_of<api_key::created> = schema::record(
    "api_key.created", 1, schema::field<&api_key::created::id>("id"), schema::field<&api_key::created::name>("name"),
    schema::field<&api_key::created::scopes>("scopes"),
    schema::field<&api_key::created::expires_in_days>("expires_in_days", schema::unit{"days"},
                                                      "As asked for; null: never."),
    schema::field<&api_key::created::expires_at>("expires_at"),
    schema::field<&api_key::created::member_id>("member_id", "The member that the key acts for."),
    schema::field<&api_key::created::prefix>("prefix", "The first characters of the key, to tell keys apart."),
    schema::field<&api_key::created::digest>("digest", schema::secret{}, "SHA-256 of the key, hex."),
    schema::field<&api_key::created::requests_per_minute>("requests_per_minute", schema::unit{"requests per minute"},
                                                          "Null: the usual limit. 0: none."));

template <>
inline constexpr schema::record_type schema::schema_of<api_key::changed> =
    schema::record("api_key.changed", 1, schema::field<&api_key::changed::id>("id"),
                   schema::field<&api_key::changed::name>("name"), schema::field<&api_key::changed::scopes>("scopes"));

template <>
inline constexpr schema::record_type schema::schema_of<api_key::rate_changed> =
    schema::record("api_key.rate_changed", 1, schema::field<&api_key::rate_changed::id>("id"),
                   schema::field<&api_key::rate_changed::requests_per_minute>("requests_per_minute"));

template <>
inline constexpr schema::record_type schema::schema_of<api_key::revoked> =
    schema::record("api_key.revoked", 1, schema::field<&api_key::revoked::id>("id"),
                   schema::field<&api_key::revoked::reason>("reason", "As an operator gave it."));

template <>
inline constexpr schema::record_type schema::schema_of<api_key::item> = schema::record(
    "api_key", 1, schema::field<&api_key::item::id>("id"), schema::field<&api_key::item::version>("version"),
    schema::field<&api_key::item::created_at>("created_at"), schema::field<&api_key::item::updated_at>("updated_at"),
    schema::field<&api_key::item::archived_at>("archived_at"), schema::field<&api_key::item::name>("name"),
    schema::field<&api_key::item::scopes>("scopes"),
    schema::field<&api_key::item::expires_in_days>("expires_in_days", schema::unit{"days"},
                                                   "As asked for; null: never."),
    schema::field<&api_key::item::expires_at>("expires_at"),
    schema::field<&api_key::item::member_id>("member_id", "The member that the key acts for."),
    schema::field<&api_key::item::prefix>("prefix", "The first characters of the key, to tell keys apart."),
    schema::field<&api_key::item::requests_per_minute>("requests_per_minute", schema::unit{"requests per minute"},
                                                       "Null: the usual limit. 0: none."));
