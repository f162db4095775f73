// The facts of a task's life, and the task as everybody sees it.
//
// Names and shapes of the facts are stored for ever: add a member or a fact, never edit one. A subtask names its
// parent, never the other way round, and may live in another project than its parent.
#pragma once

#include "events/log/change.hpp"
#include "events/log/envelope.hpp"
#include "events/member.hpp"
#include "events/project.hpp"
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

namespace task
{
using member::member_id;
using project::project_id;
using task_id = schema::type_id<"task">;

enum class status
{
    todo,
    in_progress,
    waiting,
    done
};

enum class priority
{
    low,
    normal,
    high,
    urgent
};

struct created
{
    task_id id;
    project::project_id project_id;
    std::string title;
    std::optional<std::string> description;
    task::status status = task::status::todo;
    task::priority priority = task::priority::normal;
    std::optional<schema::day> due_on;
    std::vector<member_id> assignee_ids;
    std::optional<std::int64_t> estimate_minutes;
    std::vector<std::string> labels;
    std::optional<task_id> parent_id;
    friend bool operator==(const created&, const created&) = default;
};

// Any of the plain members; status and project have facts of their own.
struct changed
{
    task_id id;
    event_log::edit<std::string> title;
    event_log::edit<std::optional<std::string>> description;
    event_log::edit<task::priority> priority;
    event_log::edit<std::optional<schema::day>> due_on;
    event_log::edit<std::vector<member_id>> assignee_ids;
    event_log::edit<std::optional<std::int64_t>> estimate_minutes;
    event_log::edit<std::vector<std::string>> labels;
    event_log::edit<std::optional<task_id>> parent_id;
    friend bool operator==(const changed&, const changed&) = default;
};

struct started
{
    task_id id;
    event_log::change<task::status> status;
    friend bool operator==(const started&, const started&) = default;
};

// Began to wait for somebody or something.
struct waited
{
    task_id id;
    event_log::change<task::status> status;
    friend bool operator==(const waited&, const waited&) = default;
};

struct completed
{
    task_id id;
    event_log::change<task::status> status;
    friend bool operator==(const completed&, const completed&) = default;
};

struct reopened
{
    task_id id;
    event_log::change<task::status> status;
    friend bool operator==(const reopened&, const reopened&) = default;
};

// To another project.
struct moved
{
    task_id id;
    event_log::change<project::project_id> project_id;
    friend bool operator==(const moved&, const moved&) = default;
};

struct archived
{
    task_id id;
    friend bool operator==(const archived&, const archived&) = default;
};

struct restored
{
    task_id id;
    friend bool operator==(const restored&, const restored&) = default;
};

using event = std::variant<created, changed, started, waited, completed, reopened, moved, archived, restored>;

struct item
{
    task_id id;
    std::int64_t version = 0;
    schema::moment created_at;
    schema::moment updated_at;
    std::optional<schema::moment> archived_at;
    project::project_id project_id;
    std::string title;
    std::optional<std::string> description;
    task::status status = task::status::todo;
    task::priority priority = task::priority::normal;
    std::optional<schema::day> due_on;
    std::vector<member_id> assignee_ids;
    std::optional<std::int64_t> estimate_minutes;
    std::vector<std::string> labels;
    std::optional<task_id> parent_id;
    std::optional<schema::moment> completed_at;
    friend bool operator==(const item&, const item&) = default;
};

// Total and pure: any fact may follow any other.
void apply(item&, const event&, const event_log::stamp&);

// Everything of this noun that is emitted as a schema: the facts, in the order of `event`, and the item.
std::span<const schema::record_type* const> facts();
const schema::record_type& item_type();
}  // namespace task

template <>
inline constexpr auto schema::names_of<task::status> =
    std::array<std::string_view, 4>{"todo", "in_progress", "waiting", "done"};

template <>
inline constexpr auto schema::names_of<task::priority> =
    std::array<std::string_view, 4>{"low", "normal", "high", "urgent"};

template <>
inline constexpr schema::record_type schema::schema_of<task::created> = schema::record(
    "task.created", 2, schema::field<&task::created::id>("id"), schema::field<&task::created::project_id>("project_id"),
    schema::field<&task::created::title>("title"), schema::field<&task::created::description>("description"),
    schema::field<&task::created::status>("status"), schema::field<&task::created::priority>("priority"),
    schema::field<&task::created::due_on>("due_on"), schema::field<&task::created::assignee_ids>("assignee_ids"),
    schema::field<&task::created::estimate_minutes>("estimate_minutes", schema::unit{"minutes"}),
    schema::field<&task::created::labels>("labels"), schema::field<&task::created::parent_id>("parent_id"));

template <>
inline constexpr schema::record_type schema::schema_of<task::changed> = schema::record(
    "task.changed", 1, schema::field<&task::changed::id>("id"), schema::field<&task::changed::title>("title"),
    schema::field<&task::changed::description>("description"), schema::field<&task::changed::priority>("priority"),
    schema::field<&task::changed::due_on>("due_on"), schema::field<&task::changed::assignee_ids>("assignee_ids"),
    schema::field<&task::changed::estimate_minutes>("estimate_minutes", schema::unit{"minutes"}),
    schema::field<&task::changed::labels>("labels"), schema::field<&task::changed::parent_id>("parent_id"));

template <>
inline constexpr schema::record_type schema::schema_of<task::started> = schema::record(
    "task.started", 1, schema::field<&task::started::id>("id"), schema::field<&task::started::status>("status"));

template <>
inline constexpr schema::record_type schema::schema_of<task::waited> = schema::record(
    "task.waited", 1, schema::field<&task::waited::id>("id"), schema::field<&task::waited::status>("status"));

template <>
inline constexpr schema::record_type schema::schema_of<task::completed> = schema::record(
    "task.completed", 1, schema::field<&task::completed::id>("id"), schema::field<&task::completed::status>("status"));

template <>
inline constexpr schema::record_type schema::schema_of<task::reopened> = schema::record(
    "task.reopened", 1, schema::field<&task::reopened::id>("id"), schema::field<&task::reopened::status>("status"));

template <>
inline constexpr schema::record_type schema::schema_of<task::moved> = schema::record(
    "task.moved", 1, schema::field<&task::moved::id>("id"), schema::field<&task::moved::project_id>("project_id"));

template <>
inline constexpr schema::record_type schema::schema_of<task::archived> =
    schema::record("task.archived", 1, schema::field<&task::archived::id>("id"));

template <>
inline constexpr schema::record_type schema::schema_of<task::restored> =
    schema::record("task.restored", 1, schema::field<&task::restored::id>("id"));

template <>
inline constexpr schema::record_type schema::schema_of<task::item> = schema::record(
    "task", 1, schema::field<&task::item::id>("id"), schema::field<&task::item::version>("version"),
    schema::field<&task::item::created_at>("created_at"), schema::field<&task::item::updated_at>("updated_at"),
    schema::field<&task::item::archived_at>("archived_at"), schema::field<&task::item::project_id>("project_id"),
    schema::field<&task::item::title>("title"), schema::field<&task::item::description>("description"),
    schema::field<&task::item::status>("status"), schema::field<&task::item::priority>("priority"),
    schema::field<&task::item::due_on>("due_on"), schema::field<&task::item::assignee_ids>("assignee_ids"),
    schema::field<&task::item::estimate_minutes>("estimate_minutes", schema::unit{"minutes"}),
    schema::field<&task::item::labels>("labels"), schema::field<&task::item::parent_id>("parent_id"),
    schema::field<&task::item::completed_at>("completed_at", "When the task came to be done; null while it is not."));
