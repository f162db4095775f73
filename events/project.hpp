// The facts of a project's life, and the project as everybody sees it.
//
// Names and shapes of the facts are what the store holds for ever: add a member or a fact, never edit one. `item` is
// the answer of GET, the decider's state and the read model's row in one, because all three are made by the same
// `apply`.
#pragma once

#include "events/client.hpp"
#include "events/log/change.hpp"
#include "events/log/envelope.hpp"
#include "events/member.hpp"
#include "schemas/money.hpp"
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

namespace project
{
using client::client_id;
using member::member_id;
using project_id = schema::type_id<"project">;

enum class status
{
    planned,
    active,
    on_hold,
    completed
};

struct created
{
    project_id id;
    std::string name;
    std::optional<client::client_id> client_id;
    std::optional<std::string> description;
    project::status status = project::status::planned;
    std::optional<schema::money> budget;
    std::optional<schema::day> starts_on;
    std::optional<schema::day> due_on;
    std::vector<member_id> member_ids;
    friend bool operator==(const created&, const created&) = default;
};

// Any of the plain members; the status has facts of its own.
struct changed
{
    project_id id;
    event_log::edit<std::string> name;
    event_log::edit<std::optional<client::client_id>> client_id;
    event_log::edit<std::optional<std::string>> description;
    event_log::edit<std::optional<schema::money>> budget;
    event_log::edit<std::optional<schema::day>> starts_on;
    event_log::edit<std::optional<schema::day>> due_on;
    event_log::edit<std::vector<member_id>> member_ids;
    friend bool operator==(const changed&, const changed&) = default;
};

struct activated
{
    project_id id;
    event_log::change<project::status> status;
    friend bool operator==(const activated&, const activated&) = default;
};

struct held
{
    project_id id;
    event_log::change<project::status> status;
    friend bool operator==(const held&, const held&) = default;
};

struct completed
{
    project_id id;
    event_log::change<project::status> status;
    friend bool operator==(const completed&, const completed&) = default;
};

struct reopened
{
    project_id id;
    event_log::change<project::status> status;
    friend bool operator==(const reopened&, const reopened&) = default;
};

struct archived
{
    project_id id;
    friend bool operator==(const archived&, const archived&) = default;
};

struct restored
{
    project_id id;
    friend bool operator==(const restored&, const restored&) = default;
};

using event = std::variant<created, changed, activated, held, completed, reopened, archived, restored>;

struct item
{
    project_id id;
    std::int64_t version = 0;
    schema::moment created_at;
    schema::moment updated_at;
    std::optional<schema::moment> archived_at;
    std::string name;
    std::optional<client::client_id> client_id;
    std::optional<std::string> description;
    project::status status = project::status::planned;
    std::optional<schema::money> budget;
    std::optional<schema::day> starts_on;
    std::optional<schema::day> due_on;
    std::vector<member_id> member_ids;
    friend bool operator==(const item&, const item&) = default;
};

// Total and pure: any fact may follow any other.
void apply(item&, const event&, const event_log::stamp&);

// Everything of this noun that is emitted as a schema: the facts, in the order of `event`, and the item.
std::span<const schema::record_type* const> facts();
const schema::record_type& item_type();
}  // namespace project

template <>
inline constexpr auto schema::names_of<project::status> =
    std::array<std::string_view, 4>{"planned", "active", "on_hold", "completed"};

template <>
inline constexpr schema::record_type schema::schema_of<project::created> = schema::record(
    "project.created", 1, schema::field<&project::created::id>("id"), schema::field<&project::created::name>("name"),
    schema::field<&project::created::client_id>("client_id"),
    schema::field<&project::created::description>("description"), schema::field<&project::created::status>("status"),
    schema::field<&project::created::budget>("budget"), schema::field<&project::created::starts_on>("starts_on"),
    schema::field<&project::created::due_on>("due_on"), schema::field<&project::created::member_ids>("member_ids"));

template <>
inline constexpr schema::record_type schema::schema_of<project::changed> = schema::record(
    "project.changed", 1, schema::field<&project::changed::id>("id"), schema::field<&project::changed::name>("name"),
    schema::field<&project::changed::client_id>("client_id"),
    schema::field<&project::changed::description>("description"), schema::field<&project::changed::budget>("budget"),
    schema::field<&project::changed::starts_on>("starts_on"), schema::field<&project::changed::due_on>("due_on"),
    schema::field<&project::changed::member_ids>("member_ids"));

template <>
inline constexpr schema::record_type schema::schema_of<project::activated> =
    schema::record("project.activated", 1, schema::field<&project::activated::id>("id"),
                   schema::field<&project::activated::status>("status"));

template <>
inline constexpr schema::record_type schema::schema_of<project::held> = schema::record(
    "project.held", 1, schema::field<&project::held::id>("id"), schema::field<&project::held::status>("status"));

template <>
inline constexpr schema::record_type schema::schema_of<project::completed> =
    schema::record("project.completed", 1, schema::field<&project::completed::id>("id"),
                   schema::field<&project::completed::status>("status"));

template <>
inline constexpr schema::record_type schema::schema_of<project::reopened> =
    schema::record("project.reopened", 1, schema::field<&project::reopened::id>("id"),
                   schema::field<&project::reopened::status>("status"));

template <>
inline constexpr schema::record_type schema::schema_of<project::archived> =
    schema::record("project.archived", 1, schema::field<&project::archived::id>("id"));

template <>
inline constexpr schema::record_type schema::schema_of<project::restored> =
    schema::record("project.restored", 1, schema::field<&project::restored::id>("id"));

template <>
inline constexpr schema::record_type schema::schema_of<project::item> = schema::record(
    "project", 1, schema::field<&project::item::id>("id"), schema::field<&project::item::version>("version"),
    schema::field<&project::item::created_at>("created_at"), schema::field<&project::item::updated_at>("updated_at"),
    schema::field<&project::item::archived_at>("archived_at"), schema::field<&project::item::name>("name"),
    schema::field<&project::item::client_id>("client_id"), schema::field<&project::item::description>("description"),
    schema::field<&project::item::status>("status"), schema::field<&project::item::budget>("budget"),
    schema::field<&project::item::starts_on>("starts_on"), schema::field<&project::item::due_on>("due_on"),
    schema::field<&project::item::member_ids>("member_ids"));
