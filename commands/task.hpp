// What may be asked of a task, and what is decided. The type to read first is `command`; the rules are in the .cpp.
//
//     todo, in_progress, waiting among each other and → done; done → todo
//
// A subtask may live in another project than its parent, so that moving a task never has to know its subtasks; it never
// is its own ancestor. `decide` judges by the task alone; `handle` also looks at the organisation, the project, the
// parent and the members that the facts speak of, and counts tasks against the plan.
#pragma once

#include "commands/lanes/decision.hpp"
#include "commands/rules.hpp"
#include "events/task.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <variant>
#include <vector>

namespace task
{
inline constexpr schema::length title_length{1, 200};
inline constexpr schema::length description_length{0, 20'000};
inline constexpr schema::items assignees_max{20};
inline constexpr schema::range estimate_range{0, 10'000'000};  // minutes
inline constexpr schema::items labels_max{20};
inline constexpr schema::length label_length{1, 50};
inline constexpr int ancestors_max = 8;  // above a task that gets a parent

struct create
{
    task_id id;
    std::optional<schema::moment> occurred_at;
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
};

// PATCH. A status asks for the verb that leads there, a project for `move`.
struct change
{
    task_id id;
    std::optional<schema::moment> occurred_at;
    schema::patch<project::project_id> project_id;
    schema::patch<std::string> title;
    schema::patch<std::string> description;
    schema::patch<task::status> status;
    schema::patch<task::priority> priority;
    schema::patch<schema::day> due_on;
    schema::patch<std::vector<member_id>> assignee_ids;
    schema::patch<std::int64_t> estimate_minutes;
    schema::patch<std::vector<std::string>> labels;
    schema::patch<task_id> parent_id;
};

struct archive
{
    task_id id;
    std::optional<schema::moment> occurred_at;
};

struct restore
{
    task_id id;
    std::optional<schema::moment> occurred_at;
};

struct start
{
    task_id id;
    std::optional<schema::moment> occurred_at;
};

struct wait
{
    task_id id;
    std::optional<schema::moment> occurred_at;
};

struct complete
{
    task_id id;
    std::optional<schema::moment> occurred_at;
};

struct reopen
{
    task_id id;
    std::optional<schema::moment> occurred_at;
};

// To another project.
struct move
{
    task_id id;
    std::optional<schema::moment> occurred_at;
    project::project_id project_id;
};

using command = std::variant<create, change, archive, restore, start, wait, complete, reopen, move>;

// The verbs that move the status, named as in routes and `allowed_verbs`.
enum class verb
{
    start,
    wait,
    complete,
    reopen
};

struct state
{
    static constexpr std::string_view category = "task";
    using event = task::event;

    std::optional<item> it;      // nothing: unborn
    schema::digest born_from{};  // what created it

    static schema::digest made_from(const created&);
};

state evolve(state, const event&, const event_log::stamp&);  // total: history is never refused
std::string render(const state&);                            // the item as JSON
std::size_t bytes(const state&);
inline auto all_members(state& now) { return std::tie(now.it, now.born_from); }

rules::facts_or_refusal<event> decide(const command&, const state&);
lanes::decided handle(const command&, lanes::view&, const lanes::origin&);

// The commands as schemas.
std::span<const schema::record_type* const> commands();
}  // namespace task

template <>
inline constexpr auto schema::names_of<task::verb> =
    std::array<std::string_view, 4>{"start", "wait", "complete", "reopen"};

template <>
inline constexpr schema::record_type schema::schema_of<task::create> = schema::record(
    "task.create", 1, schema::field<&task::create::id>("id", schema::optional_member{}, rules::id_note),
    schema::field<&task::create::project_id>("project_id"),
    schema::field<&task::create::title>("title", task::title_length),
    schema::field<&task::create::description>("description", task::description_length, schema::multiline{}),
    schema::field<&task::create::status>("status", schema::optional_member{}),
    schema::field<&task::create::priority>("priority", schema::optional_member{}),
    schema::field<&task::create::due_on>("due_on"),
    schema::field<&task::create::assignee_ids>("assignee_ids", task::assignees_max,
                                               "Members; the first is shown first."),
    schema::field<&task::create::estimate_minutes>("estimate_minutes", task::estimate_range, schema::unit{"minutes"}),
    schema::field<&task::create::labels>("labels", task::labels_max, task::label_length),
    schema::field<&task::create::parent_id>("parent_id", "The task that this one is a part of."),
    schema::field<&task::create::occurred_at>("occurred_at", rules::occurred_at_note));

template <>
inline constexpr schema::record_type schema::schema_of<task::change> = schema::record(
    "task.change", 1, schema::field<&task::change::project_id>("project_id", schema::not_null{}, "Decided as move."),
    schema::field<&task::change::title>("title", schema::not_null{}, task::title_length),
    schema::field<&task::change::description>("description", task::description_length, schema::multiline{}),
    schema::field<&task::change::status>("status", schema::not_null{}, "Decided as the verb that leads there."),
    schema::field<&task::change::priority>("priority", schema::not_null{}),
    schema::field<&task::change::due_on>("due_on"),
    schema::field<&task::change::assignee_ids>("assignee_ids", task::assignees_max),
    schema::field<&task::change::estimate_minutes>("estimate_minutes", task::estimate_range, schema::unit{"minutes"}),
    schema::field<&task::change::labels>("labels", task::labels_max, task::label_length),
    schema::field<&task::change::parent_id>("parent_id"),
    schema::field<&task::change::occurred_at>("occurred_at", rules::occurred_at_note));

template <>
inline constexpr schema::record_type schema::schema_of<task::archive> = schema::record(
    "task.archive", 1, schema::field<&task::archive::occurred_at>("occurred_at", rules::occurred_at_note));

template <>
inline constexpr schema::record_type schema::schema_of<task::restore> = schema::record(
    "task.restore", 1, schema::field<&task::restore::occurred_at>("occurred_at", rules::occurred_at_note));

template <>
inline constexpr schema::record_type schema::schema_of<task::start> =
    schema::record("task.start", 1, schema::field<&task::start::occurred_at>("occurred_at", rules::occurred_at_note));

template <>
inline constexpr schema::record_type schema::schema_of<task::wait> =
    schema::record("task.wait", 1, schema::field<&task::wait::occurred_at>("occurred_at", rules::occurred_at_note));

template <>
inline constexpr schema::record_type schema::schema_of<task::complete> = schema::record(
    "task.complete", 1, schema::field<&task::complete::occurred_at>("occurred_at", rules::occurred_at_note));

template <>
inline constexpr schema::record_type schema::schema_of<task::reopen> =
    schema::record("task.reopen", 1, schema::field<&task::reopen::occurred_at>("occurred_at", rules::occurred_at_note));

template <>
inline constexpr schema::record_type schema::schema_of<task::move> =
    schema::record("task.move", 1, schema::field<&task::move::project_id>("project_id"),
                   schema::field<&task::move::occurred_at>("occurred_at", rules::occurred_at_note));
