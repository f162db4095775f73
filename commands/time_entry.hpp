// What may be asked of a time entry, and what is decided.
//
// An entry is booked on a project, and perhaps on a task that is in that project at this moment. Whose time it is comes
// with the command, or is the member behind the key. `handle` also looks at the organisation, the project, the task and
// the member. No plan limits entries.
#pragma once

#include "commands/lanes/decision.hpp"
#include "commands/rules.hpp"
#include "events/time_entry.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <variant>

namespace time_entry
{
inline constexpr schema::range minutes_range{1, 1'440};
inline constexpr schema::length note_length{0, 2'000};

struct create
{
    entry_id id;
    std::optional<schema::moment> occurred_at;
    project::project_id project_id;
    std::int64_t minutes = 0;
    schema::day spent_on;
    std::optional<task::task_id> task_id;
    std::optional<member::member_id> member_id;
    std::optional<std::string> note;
    bool billable = true;
};

// PATCH.
struct change
{
    entry_id id;
    std::optional<schema::moment> occurred_at;
    schema::patch<project::project_id> project_id;
    schema::patch<std::int64_t> minutes;
    schema::patch<schema::day> spent_on;
    schema::patch<task::task_id> task_id;
    schema::patch<member::member_id> member_id;
    schema::patch<std::string> note;
    schema::patch<bool> billable;
};

struct archive
{
    entry_id id;
    std::optional<schema::moment> occurred_at;
};

struct restore
{
    entry_id id;
    std::optional<schema::moment> occurred_at;
};

using command = std::variant<create, change, archive, restore>;

struct state
{
    static constexpr std::string_view category = "time_entry";
    using event = time_entry::event;

    std::optional<item> it;      // nothing: unborn
    schema::digest born_from{};  // what created it
    std::optional<member_id> born_member{};

    static schema::digest made_from(const created&);
};

state evolve(state, const event&, const event_log::stamp&);  // total: history is never refused
std::string render(const state&);                            // the item as JSON
std::size_t bytes(const state&);
inline auto all_members(state& now) { return std::tie(now.it, now.born_from, now.born_member); }

rules::facts_or_refusal<event> decide(const command&, const state&, const lanes::origin&);
lanes::decided handle(const command&, lanes::view&, const lanes::origin&);

// The commands as schemas.
std::span<const schema::record_type* const> commands();
}  // namespace time_entry

template <>
inline constexpr schema::record_type schema::schema_of<time_entry::create> = schema::record(
    "time_entry.create", 1, schema::field<&time_entry::create::id>("id", schema::optional_member{}, rules::id_note),
    schema::field<&time_entry::create::project_id>("project_id"),
    schema::field<&time_entry::create::minutes>("minutes", time_entry::minutes_range, schema::unit{"minutes"}),
    schema::field<&time_entry::create::spent_on>("spent_on", "The day of the work."),
    schema::field<&time_entry::create::task_id>("task_id", "A task of the project."),
    schema::field<&time_entry::create::member_id>("member_id",
                                                  "Whose time it is; the member behind the key when left out."),
    schema::field<&time_entry::create::note>("note", time_entry::note_length, schema::multiline{}),
    schema::field<&time_entry::create::billable>("billable", schema::optional_member{}, "true when left out."),
    schema::field<&time_entry::create::occurred_at>("occurred_at", rules::occurred_at_note));

template <>
inline constexpr schema::record_type schema::schema_of<time_entry::change> = schema::record(
    "time_entry.change", 1, schema::field<&time_entry::change::project_id>("project_id", schema::not_null{}),
    schema::field<&time_entry::change::minutes>("minutes", schema::not_null{}, time_entry::minutes_range,
                                                schema::unit{"minutes"}),
    schema::field<&time_entry::change::spent_on>("spent_on", schema::not_null{}),
    schema::field<&time_entry::change::task_id>("task_id"), schema::field<&time_entry::change::member_id>("member_id"),
    schema::field<&time_entry::change::note>("note", time_entry::note_length, schema::multiline{}),
    schema::field<&time_entry::change::billable>("billable", schema::not_null{}),
    schema::field<&time_entry::change::occurred_at>("occurred_at", rules::occurred_at_note));

template <>
inline constexpr schema::record_type schema::schema_of<time_entry::archive> = schema::record(
    "time_entry.archive", 1, schema::field<&time_entry::archive::occurred_at>("occurred_at", rules::occurred_at_note));

template <>
inline constexpr schema::record_type schema::schema_of<time_entry::restore> = schema::record(
    "time_entry.restore", 1, schema::field<&time_entry::restore::occurred_at>("occurred_at", rules::occurred_at_note));
