// What may be asked of an API key, and how its secret is made.
//
// The secret is shown once and never stored: the facts hold its SHA-256 and the first characters. A key is found by the
// platform-wide claim on that digest and then its stream, so a fresh key works at once. Keys of operators live in the
// platform's tenant and have other scopes than keys of organisations. Revoking is for ever.
#pragma once

#include "commands/lanes/decision.hpp"
#include "commands/rules.hpp"
#include "events/api_key.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <variant>
#include <vector>

namespace api_key
{
inline constexpr schema::length name_length{1, 120};
inline constexpr schema::items scopes_max{8};
inline constexpr schema::range rate_range{0, 1'000'000};
inline constexpr std::array<std::int32_t, 3> lifetimes_days{30, 90, 365};
inline constexpr std::size_t prefix_characters = 12;

// A fresh secret: `cf_live_` (or `cf_ops_`), 160 random bits in base 62, `_`, CRC-32 of all before it in base 62.
struct minted
{
    std::string key;     // shown once
    std::string digest;  // SHA-256 in hex
    std::string prefix;  // of the key, for display
};

enum class audience
{
    organisation,
    operators
};

minted mint(audience, const std::array<std::uint8_t, 20>& random);

// Looks like a key and its checksum is right: worth a look into the store.
bool well_formed(std::string_view key);
std::string digest_of_key(std::string_view key);

// `member_id` left out: the key acts for the member who asks. Digest and prefix come from `mint`.
struct create
{
    key_id id;
    std::optional<schema::moment> occurred_at;
    std::string name;
    std::vector<scope> scopes;  // none: read
    std::optional<std::int32_t> expires_in_days;
    std::optional<member::member_id> member_id;
    std::optional<std::int64_t> requests_per_minute;  // by an operator
    std::string digest;
    std::string prefix;
};

// PATCH.
struct change
{
    key_id id;
    std::optional<schema::moment> occurred_at;
    schema::patch<std::string> name;
    schema::patch<std::vector<scope>> scopes;
};

// By an operator.
struct set_rate
{
    key_id id;
    std::optional<schema::moment> occurred_at;
    std::optional<std::int64_t> requests_per_minute;  // null: the usual limit; 0: none
};

// DELETE.
struct revoke
{
    key_id id;
    std::optional<schema::moment> occurred_at;
    std::optional<std::string> reason{};  // operators give one; not a member of the request
};

using command = std::variant<create, change, set_rate, revoke>;

struct state
{
    static constexpr std::string_view category = "api_key";
    using event = api_key::event;

    std::optional<item> it;      // nothing: unborn
    schema::digest born_from{};  // what created it, but for the secret

    static schema::digest made_from(const created&);
};

state evolve(state, const event&, const event_log::stamp&);  // total: history is never refused
std::string render(const state&);                            // the item as JSON
std::size_t bytes(const state&);
inline auto all_members(state& now) { return std::tie(now.it, now.born_from); }

// Works at this time: not revoked and not expired.
bool usable(const state&, schema::moment now);

rules::facts_or_refusal<event> decide(const command&, const state&, const lanes::origin&);
lanes::decided handle(const command&, lanes::view&, const lanes::origin&);

// The claim that follows from a fact of this stream, by that fact alone.
void settle(const event&, const lanes::stream_key&, lanes::decision&);

// The commands as schemas.
std::span<const schema::record_type* const> commands();
}  // namespace api_key

template <>
inline constexpr schema::record_type schema::schema_of<api_key::create> = schema::record(
    "api_key.create", 1, schema::field<&api_key::create::id>("id", schema::optional_member{}, rules::id_note),
    schema::field<&api_key::create::name>("name", api_key::name_length),
    schema::field<&api_key::create::scopes>("scopes", api_key::scopes_max, "None: read."),
    schema::field<&api_key::create::expires_in_days>("expires_in_days", schema::unit{"days"},
                                                     "30, 90, 365 or null: never."),
    schema::field<&api_key::create::member_id>("member_id", "The member that the key acts for: by default who asks."),
    schema::field<&api_key::create::occurred_at>("occurred_at", rules::occurred_at_note));

template <>
inline constexpr schema::record_type schema::schema_of<api_key::change> =
    schema::record("api_key.change", 1,
                   schema::field<&api_key::change::name>("name", schema::not_null{}, api_key::name_length),
                   schema::field<&api_key::change::scopes>("scopes", schema::not_null{}, api_key::scopes_max),
                   schema::field<&api_key::change::occurred_at>("occurred_at", rules::occurred_at_note));

template <>
inline constexpr schema::record_type schema::schema_of<api_key::set_rate> =
    schema::record("api_key.set_rate", 1,
                   schema::field<&api_key::set_rate::requests_per_minute>("requests_per_minute", api_key::rate_range,
                                                                          schema::unit{"requests per minute"},
                                                                          "Null: the usual limit. 0: none."),
                   schema::field<&api_key::set_rate::occurred_at>("occurred_at", rules::occurred_at_note));

template <>
inline constexpr schema::record_type schema::schema_of<api_key::revoke> = schema::record(
    "api_key.revoke", 1, schema::field<&api_key::revoke::occurred_at>("occurred_at", rules::occurred_at_note));
