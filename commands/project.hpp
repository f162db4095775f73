// What may be asked of a project, and what is decided. The type to read first is `command`; the rules are in the .cpp,
// one line for each command in each state.
//
//     planned → active ⇄ on_hold; those three → completed → active
//
// `decide` judges by the project alone. `handle` is what the lane writers run: it also looks at the organisation, the
// client and the members that the facts speak of, and counts projects against the plan.
#pragma once

#include "commands/lanes/decision.hpp"
#include "commands/rules.hpp"
#include "events/project.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <variant>
#include <vector>

namespace project
{
inline constexpr schema::length name_length{1, 120};
inline constexpr schema::length description_length{0, 10'000};
inline constexpr schema::range budget_range{0, schema::integer_max};
inline constexpr schema::items members_max{100};

// `id` is made by the edge when the client sends none. `occurred_at` is for keys with scope `import`: the edge has
// judged it and put it into the command's origin.
struct create
{
    project_id id;
    std::optional<schema::moment> occurred_at;
    std::string name;
    std::optional<client::client_id> client_id;
    std::optional<std::string> description;
    project::status status = project::status::planned;
    std::optional<schema::money> budget;
    std::optional<schema::day> starts_on;
    std::optional<schema::day> due_on;
    std::vector<member_id> member_ids;
};

// PATCH. A status asks for the verb that leads there.
struct change
{
    project_id id;
    std::optional<schema::moment> occurred_at;
    schema::patch<std::string> name;
    schema::patch<client::client_id> client_id;
    schema::patch<std::string> description;
    schema::patch<project::status> status;
    schema::patch<schema::money> budget;
    schema::patch<schema::day> starts_on;
    schema::patch<schema::day> due_on;
    schema::patch<std::vector<member_id>> member_ids;
};

struct archive
{
    project_id id;
    std::optional<schema::moment> occurred_at;
};

struct restore
{
    project_id id;
    std::optional<schema::moment> occurred_at;
};

struct activate
{
    project_id id;
    std::optional<schema::moment> occurred_at;
};

struct hold
{
    project_id id;
    std::optional<schema::moment> occurred_at;
};

struct complete
{
    project_id id;
    std::optional<schema::moment> occurred_at;
};

struct reopen
{
    project_id id;
    std::optional<schema::moment> occurred_at;
};

using command = std::variant<create, change, archive, restore, activate, hold, complete, reopen>;

// The verbs that move the status, named as in routes and `allowed_verbs`.
enum class verb
{
    activate,
    hold,
    complete,
    reopen
};

struct state
{
    static constexpr std::string_view category = "project";
    using event = project::event;

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
}  // namespace project

template <>
inline constexpr auto schema::names_of<project::verb> =
    std::array<std::string_view, 4>{"activate", "hold", "complete", "reopen"};

template <>
inline constexpr schema::record_type schema::schema_of<project::create> = schema::record(
    "project.create", 1, schema::field<&project::create::id>("id", schema::optional_member{}, rules::id_note),
    schema::field<&project::create::name>("name", project::name_length, "Shown in lists; need not be unique."),
    schema::field<&project::create::client_id>("client_id", "Whom the project is for."),
    schema::field<&project::create::description>("description", project::description_length, schema::multiline{}),
    schema::field<&project::create::status>("status", schema::optional_member{}),
    schema::field<&project::create::budget>("budget", project::budget_range),
    schema::field<&project::create::starts_on>("starts_on"), schema::field<&project::create::due_on>("due_on"),
    schema::field<&project::create::member_ids>("member_ids", project::members_max, "Who works on it."),
    schema::field<&project::create::occurred_at>("occurred_at", rules::occurred_at_note));

template <>
inline constexpr schema::record_type schema::schema_of<project::change> = schema::record(
    "project.change", 1, schema::field<&project::change::name>("name", schema::not_null{}, project::name_length),
    schema::field<&project::change::client_id>("client_id"),
    schema::field<&project::change::description>("description", project::description_length, schema::multiline{}),
    schema::field<&project::change::status>("status", schema::not_null{}, "Decided as the verb that leads there."),
    schema::field<&project::change::budget>("budget", project::budget_range),
    schema::field<&project::change::starts_on>("starts_on"), schema::field<&project::change::due_on>("due_on"),
    schema::field<&project::change::member_ids>("member_ids", project::members_max),
    schema::field<&project::change::occurred_at>("occurred_at", rules::occurred_at_note));

template <>
inline constexpr schema::record_type schema::schema_of<project::archive> = schema::record(
    "project.archive", 1, schema::field<&project::archive::occurred_at>("occurred_at", rules::occurred_at_note));

template <>
inline constexpr schema::record_type schema::schema_of<project::restore> = schema::record(
    "project.restore", 1, schema::field<&project::restore::occurred_at>("occurred_at", rules::occurred_at_note));

template <>
inline constexpr schema::record_type schema::schema_of<project::activate> = schema::record(
    "project.activate", 1, schema::field<&project::activate::occurred_at>("occurred_at", rules::occurred_at_note));

template <>
inline constexpr schema::record_type schema::schema_of<project::hold> = schema::record(
    "project.hold", 1, schema::field<&project::hold::occurred_at>("occurred_at", rules::occurred_at_note));

template <>
inline constexpr schema::record_type schema::schema_of<project::complete> = schema::record(
    "project.complete", 1, schema::field<&project::complete::occurred_at>("occurred_at", rules::occurred_at_note));

template <>
inline constexpr schema::record_type schema::schema_of<project::reopen> = schema::record(
    "project.reopen", 1, schema::field<&project::reopen::occurred_at>("occurred_at", rules::occurred_at_note));
