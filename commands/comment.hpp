// What may be asked of a comment, and what is decided.
//
// A comment lives under its task: the route names both, and a comment of another task is not found. Its author is the
// member behind the key that wrote it. `handle` also looks at the organisation, the task, its project and the members
// mentioned, and counts comments against the plan.
#pragma once

#include "commands/lanes/decision.hpp"
#include "commands/rules.hpp"
#include "events/comment.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <variant>
#include <vector>

namespace comment
{
inline constexpr schema::length body_length{1, 20'000};
inline constexpr schema::items mentions_max{50};

struct create
{
    comment_id id;
    task::task_id task_id;
    std::optional<schema::moment> occurred_at;
    std::string body;
    std::vector<member_id> mention_ids;
};

// PATCH.
struct change
{
    comment_id id;
    task::task_id task_id;
    std::optional<schema::moment> occurred_at;
    schema::patch<std::string> body;
    schema::patch<std::vector<member_id>> mention_ids;
};

struct archive
{
    comment_id id;
    task::task_id task_id;
    std::optional<schema::moment> occurred_at;
};

struct restore
{
    comment_id id;
    task::task_id task_id;
    std::optional<schema::moment> occurred_at;
};

using command = std::variant<create, change, archive, restore>;

struct state
{
    static constexpr std::string_view category = "comment";
    using event = comment::event;

    std::optional<item> it;      // nothing: unborn
    schema::digest born_from{};  // what created it, but for the author

    static schema::digest made_from(const created&);
};

state evolve(state, const event&, const event_log::stamp&);  // total: history is never refused
std::string render(const state&);                            // the item as JSON
std::size_t bytes(const state&);
inline auto all_members(state& now) { return std::tie(now.it, now.born_from); }

rules::facts_or_refusal<event> decide(const command&, const state&, const lanes::origin&);
lanes::decided handle(const command&, lanes::view&, const lanes::origin&);

// The commands as schemas.
std::span<const schema::record_type* const> commands();
}  // namespace comment

template <>
inline constexpr schema::record_type schema::schema_of<comment::create> = schema::record(
    "comment.create", 1, schema::field<&comment::create::id>("id", schema::optional_member{}, rules::id_note),
    schema::field<&comment::create::body>("body", comment::body_length, schema::multiline{}),
    schema::field<&comment::create::mention_ids>("mention_ids", comment::mentions_max, "Members to be told."),
    schema::field<&comment::create::occurred_at>("occurred_at", rules::occurred_at_note));

template <>
inline constexpr schema::record_type schema::schema_of<comment::change> = schema::record(
    "comment.change", 1,
    schema::field<&comment::change::body>("body", schema::not_null{}, comment::body_length, schema::multiline{}),
    schema::field<&comment::change::mention_ids>("mention_ids", comment::mentions_max),
    schema::field<&comment::change::occurred_at>("occurred_at", rules::occurred_at_note));

template <>
inline constexpr schema::record_type schema::schema_of<comment::archive> = schema::record(
    "comment.archive", 1, schema::field<&comment::archive::occurred_at>("occurred_at", rules::occurred_at_note));

template <>
inline constexpr schema::record_type schema::schema_of<comment::restore> = schema::record(
    "comment.restore", 1, schema::field<&comment::restore::occurred_at>("occurred_at", rules::occurred_at_note));
