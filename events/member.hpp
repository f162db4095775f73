// The facts of a member's life in an organisation, and the member as everybody sees it.
//
// Names and shapes of the facts are stored for ever: add a member or a fact, never edit one. E-mail and name are a
// person's data, sealed in the log under the member's id. A removed member never comes back: the person is added anew.
#pragma once

#include "events/log/change.hpp"
#include "events/log/envelope.hpp"
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

namespace member
{
using member_id = schema::type_id<"member">;

enum class role
{
    owner,
    admin,
    manager,
    member,
    client
};

enum class type
{
    member,
    guest
};

struct added
{
    member_id id;
    schema::personal<std::string> email;
    schema::personal<std::string> name;
    member::role role = member::role::member;
    member::type type = member::type::member;
    friend bool operator==(const added&, const added&) = default;
};

struct changed
{
    member_id id;
    event_log::personal_edit<std::optional<std::string>> email;  // optional: a forgotten one may be given anew
    event_log::personal_edit<std::optional<std::string>> name;
    event_log::edit<member::role> role;
    event_log::edit<member::type> type;
    friend bool operator==(const changed&, const changed&) = default;
};

// Says what it ends: the claim on the e-mail and the count of owners follow from this row alone.
struct removed
{
    member_id id;
    std::optional<schema::personal<std::string>> email;
    member::role role = member::role::member;
    friend bool operator==(const removed&, const removed&) = default;
};

using event = std::variant<added, changed, removed>;

struct item
{
    member_id id;
    std::int64_t version = 0;
    schema::moment created_at;
    schema::moment updated_at;
    std::optional<schema::moment> archived_at;
    std::optional<std::string> email;
    std::optional<std::string> name;
    member::role role = member::role::member;
    member::type type = member::type::member;
    friend bool operator==(const item&, const item&) = default;
};

// Total and pure: any fact may follow any other.
void apply(item&, const event&, const event_log::stamp&);

// Everything of this noun that is emitted as a schema: the facts, in the order of `event`, and the item.
std::span<const schema::record_type* const> facts();
const schema::record_type& item_type();
}  // namespace member

template <>
inline constexpr auto schema::names_of<member::role> =
    std::array<std::string_view, 5>{"owner", "admin", "manager", "member", "client"};

template <>
inline constexpr auto schema::names_of<member::type> = std::array<std::string_view, 2>{"member", "guest"};

template <>
inline constexpr schema::record_type schema::schema_of<member::added> =
    schema::record("member.added", 1, schema::field<&member::added::id>("id"),
                   schema::field<&member::added::email>("email", schema::sealed_for<&member::added::id>{}),
                   schema::field<&member::added::name>("name", schema::sealed_for<&member::added::id>{}),
                   schema::field<&member::added::role>("role"), schema::field<&member::added::type>("type"));

template <>
inline constexpr schema::record_type schema::schema_of<member::changed> =
    schema::record("member.changed", 1, schema::field<&member::changed::id>("id"),
                   schema::field<&member::changed::email>("email", schema::sealed_for<&member::changed::id>{}),
                   schema::field<&member::changed::name>("name", schema::sealed_for<&member::changed::id>{}),
                   schema::field<&member::changed::role>("role"), schema::field<&member::changed::type>("type"));

template <>
inline constexpr schema::record_type schema::schema_of<member::removed> =
    schema::record("member.removed", 1, schema::field<&member::removed::id>("id"),
                   schema::field<&member::removed::email>("email", schema::sealed_for<&member::removed::id>{}),
                   schema::field<&member::removed::role>("role"));

template <>
inline constexpr schema::record_type schema::schema_of<member::item> = schema::record(
    "member", 1, schema::field<&member::item::id>("id"), schema::field<&member::item::version>("version"),
    schema::field<&member::item::created_at>("created_at"), schema::field<&member::item::updated_at>("updated_at"),
    schema::field<&member::item::archived_at>("archived_at", "When the member was removed."),
    schema::field<&member::item::email>("email", schema::personal_mark{}, "Null once the person was forgotten."),
    schema::field<&member::item::name>("name", schema::personal_mark{}, "Null once the person was forgotten."),
    schema::field<&member::item::role>("role"), schema::field<&member::item::type>("type"));
