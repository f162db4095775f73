// The facts about access that was refused: which key was turned away, why, and how often within a minute.
//
// Names and shapes of the facts are stored for ever: add a member or a fact, never edit one. A stream is one key's
// refusals of one kind in one minute, so it has one fact and never grows. Where the last of them came from is in the
// event's meta, sealed as every sender is. The namespace is in the plural because unistd.h has a function `access`.
#pragma once

#include "events/api_key.hpp"
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

namespace accesses
{
using api_key::key_id;
using member::member_id;
using access_id = schema::type_id<"access">;

enum class reason
{
    expired,
    revoked,
    member_removed,
    scope,  // the key is good, and may not do this
    several
};

struct refused
{
    access_id id;
    std::optional<api_key::key_id> key_id;
    std::optional<member::member_id> member_id;
    std::string code;
    accesses::reason reason = accesses::reason::scope;
    std::optional<std::string> route;
    std::int64_t count = 0;
    schema::moment minute;
    friend bool operator==(const refused&, const refused&) = default;
};

using event = std::variant<refused>;

struct item
{
    access_id id;
    std::int64_t version = 0;
    schema::moment created_at;
    schema::moment updated_at;
    std::optional<schema::moment> archived_at;
    std::optional<api_key::key_id> key_id;
    std::optional<member::member_id> member_id;
    std::string code;
    accesses::reason reason = accesses::reason::scope;
    std::optional<std::string> route;
    std::int64_t count = 0;
    schema::moment minute;
    friend bool operator==(const item&, const item&) = default;
};

// Total and pure: any fact may follow any other.
void apply(item&, const event&, const event_log::stamp&);

// Everything of this noun that is emitted as a schema: the facts, in the order of `event`, and the item.
std::span<const schema::record_type* const> facts();
const schema::record_type& item_type();
}  // namespace accesses

template <>
inline constexpr auto schema::names_of<accesses::reason> =
    std::array<std::string_view, 5>{"expired", "revoked", "member_removed", "scope", "several"};

template <>
inline constexpr schema::record_type schema::schema_of<accesses::refused> = schema::record(
    "access.refused", 1, schema::field<&accesses::refused::id>("id"),
    schema::field<&accesses::refused::key_id>("key_id", "Null: all keys beyond those that are named in a minute."),
    schema::field<&accesses::refused::member_id>("member_id", "The member that the key acts for."),
    schema::field<&accesses::refused::code>("code", "As it was answered: unauthenticated or forbidden."),
    schema::field<&accesses::refused::reason>("reason"),
    schema::field<&accesses::refused::route>("route", "The operation that was asked for last."),
    schema::field<&accesses::refused::count>("count", "How often within the minute."),
    schema::field<&accesses::refused::minute>("minute", "When it began."));

template <>
inline constexpr schema::record_type schema::schema_of<accesses::item> = schema::record(
    "access", 1, schema::field<&accesses::item::id>("id"), schema::field<&accesses::item::version>("version"),
    schema::field<&accesses::item::created_at>("created_at"), schema::field<&accesses::item::updated_at>("updated_at"),
    schema::field<&accesses::item::archived_at>("archived_at"),
    schema::field<&accesses::item::key_id>("key_id", "Null: all keys beyond those that are named in a minute."),
    schema::field<&accesses::item::member_id>("member_id", "The member that the key acts for."),
    schema::field<&accesses::item::code>("code", "As it was answered: unauthenticated or forbidden."),
    schema::field<&accesses::item::reason>("reason"),
    schema::field<&accesses::item::route>("route", "The operation that was asked for last."),
    schema::field<&accesses::item::count>("count", "How often within the minute."),
    schema::field<&accesses::item::minute>("minute", "When it began."));
