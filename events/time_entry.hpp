// The facts of a time entry's life, and the entry as everybody sees it: how long somebody worked, when, and for what.
//
// Names and shapes of the facts are stored for ever: add a member or a fact, never edit one. An entry that names a task
// was booked when that task was in the entry's project; the task may move later and the entry stays.
#pragma once

#include "events/log/change.hpp"
#include "events/log/envelope.hpp"
#include "events/member.hpp"
#include "events/project.hpp"
#include "events/task.hpp"
#include "schemas/record.hpp"
#include "schemas/time.hpp"
#include "schemas/uuid.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>

namespace time_entry
{
using member::member_id;
using project::project_id;
using task::task_id;
using entry_id = schema::type_id<"entry">;

struct created
{
    entry_id id;
    project::project_id project_id;
    std::optional<task::task_id> task_id;
    std::optional<member::member_id> member_id;
    std::int64_t minutes = 0;
    schema::day spent_on;
    std::optional<std::string> note;
    bool billable = true;
    friend bool operator==(const created&, const created&) = default;
};

struct changed
{
    entry_id id;
    event_log::edit<project::project_id> project_id;
    event_log::edit<std::optional<task::task_id>> task_id;
    event_log::edit<std::optional<member::member_id>> member_id;
    event_log::edit<std::int64_t> minutes;
    event_log::edit<schema::day> spent_on;
    event_log::edit<std::optional<std::string>> note;
    event_log::edit<bool> billable;
    friend bool operator==(const changed&, const changed&) = default;
};

struct archived
{
    entry_id id;
    friend bool operator==(const archived&, const archived&) = default;
};

struct restored
{
    entry_id id;
    friend bool operator==(const restored&, const restored&) = default;
};

using event = std::variant<created, changed, archived, restored>;

struct item
{
    entry_id id;
    std::int64_t version = 0;
    schema::moment created_at;
    schema::moment updated_at;
    std::optional<schema::moment> archived_at;
    project::project_id project_id;
    std::optional<task::task_id> task_id;
    std::optional<member::member_id> member_id;
    std::int64_t minutes = 0;
    schema::day spent_on;
    std::optional<std::string> note;
    bool billable = true;
    friend bool operator==(const item&, const item&) = default;
};

// Total and pure: any fact may follow any other.
void apply(item&, const event&, const event_log::stamp&);

// Everything of this noun that is emitted as a schema: the facts, in the order of `event`, and the item.
std::span<const schema::record_type* const> facts();
const schema::record_type& item_type();
}  // namespace time_entry

template <>
inline constexpr schema::record_type schema::schema_of<time_entry::created> =
    schema::record("time_entry.created", 1, schema::field<&time_entry::created::id>("id"),
                   schema::field<&time_entry::created::project_id>("project_id"),
                   schema::field<&time_entry::created::task_id>("task_id"),
                   schema::field<&time_entry::created::member_id>("member_id", "Whose time it is."),
                   schema::field<&time_entry::created::minutes>("minutes", schema::unit{"minutes"}),
                   schema::field<&time_entry::created::spent_on>("spent_on"),
                   schema::field<&time_entry::created::note>("note"),
                   schema::field<&time_entry::created::billable>("billable"));

template <>
inline constexpr schema::record_type schema::schema_of<time_entry::changed> =
    schema::record("time_entry.changed", 1, schema::field<&time_entry::changed::id>("id"),
                   schema::field<&time_entry::changed::project_id>("project_id"),
                   schema::field<&time_entry::changed::task_id>("task_id"),
                   schema::field<&time_entry::changed::member_id>("member_id"),
                   schema::field<&time_entry::changed::minutes>("minutes", schema::unit{"minutes"}),
                   schema::field<&time_entry::changed::spent_on>("spent_on"),
                   schema::field<&time_entry::changed::note>("note"),
                   schema::field<&time_entry::changed::billable>("billable"));

template <>
inline constexpr schema::record_type schema::schema_of<time_entry::archived> =
    schema::record("time_entry.archived", 1, schema::field<&time_entry::archived::id>("id"));

template <>
inline constexpr schema::record_type schema::schema_of<time_entry::restored> =
    schema::record("time_entry.restored", 1, schema::field<&time_entry::restored::id>("id"));

template <>
inline constexpr schema::record_type schema::schema_of<time_entry::item> = schema::record(
    "time_entry", 1, schema::field<&time_entry::item::id>("id"), schema::field<&time_entry::item::version>("version"),
    schema::field<&time_entry::item::created_at>("created_at"),
    schema::field<&time_entry::item::updated_at>("updated_at"),
    schema::field<&time_entry::item::archived_at>("archived_at"),
    schema::field<&time_entry::item::project_id>("project_id"), schema::field<&time_entry::item::task_id>("task_id"),
    schema::field<&time_entry::item::member_id>("member_id", "Whose time it is."),
    schema::field<&time_entry::item::minutes>("minutes", schema::unit{"minutes"}),
    schema::field<&time_entry::item::spent_on>("spent_on"), schema::field<&time_entry::item::note>("note"),
    schema::field<&time_entry::item::billable>("billable"));
