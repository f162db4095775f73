// What may be asked of a member, and what is decided.
//
// An e-mail address belongs to one member of an organisation at a time (a claim, case-folded); an organisation keeps at
// least one owner (a quota with a floor: `member.last_owner`). Removing is for ever.
#pragma once

#include "commands/lanes/decision.hpp"
#include "commands/rules.hpp"
#include "events/member.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <variant>
#include <vector>

namespace member
{
inline constexpr schema::length name_length{1, 120};

struct add
{
    member_id id;
    std::optional<schema::moment> occurred_at;
    std::string email;
    std::string name;
    member::role role = member::role::member;
    member::type type = member::type::member;
};

// PATCH.
struct change
{
    member_id id;
    std::optional<schema::moment> occurred_at;
    schema::patch<std::string> email;
    schema::patch<std::string> name;
    schema::patch<member::role> role;
    schema::patch<member::type> type;
};

// DELETE.
struct remove
{
    member_id id;
    std::optional<schema::moment> occurred_at;
};

using command = std::variant<add, change, remove>;

struct state
{
    static constexpr std::string_view category = "member";
    using event = member::event;

    std::optional<item> it;      // nothing: unborn
    schema::digest born_from{};  // what added it

    static schema::digest made_from(const added&);
};

state evolve(state, const event&, const event_log::stamp&);  // total: history is never refused
std::string render(const state&);                            // the item as JSON
std::size_t bytes(const state&);
inline auto all_members(state& now) { return std::tie(now.it, now.born_from); }

rules::facts_or_refusal<event> decide(const command&, const state&);
lanes::decided handle(const command&, lanes::view&, const lanes::origin&);

// The claims and the count of owners that follow from a fact of this stream, by that fact alone.
void settle(const event&, const lanes::stream_key&, lanes::decision&);

// The commands as schemas.
std::span<const schema::record_type* const> commands();
}  // namespace member

template <>
inline constexpr schema::record_type schema::schema_of<member::add> =
    schema::record("member.add", 1, schema::field<&member::add::id>("id", schema::optional_member{}, rules::id_note),
                   schema::field<&member::add::email>("email", schema::format::email, schema::personal_mark{},
                                                      "Unique in the organisation, whatever the case of its letters."),
                   schema::field<&member::add::name>("name", member::name_length, schema::personal_mark{}),
                   schema::field<&member::add::role>("role", schema::optional_member{}),
                   schema::field<&member::add::type>("type", schema::optional_member{}),
                   schema::field<&member::add::occurred_at>("occurred_at", rules::occurred_at_note));

template <>
inline constexpr schema::record_type schema::schema_of<member::change> = schema::record(
    "member.change", 1,
    schema::field<&member::change::email>("email", schema::not_null{}, schema::format::email, schema::personal_mark{}),
    schema::field<&member::change::name>("name", schema::not_null{}, member::name_length, schema::personal_mark{}),
    schema::field<&member::change::role>("role", schema::not_null{}, "The last owner stays one."),
    schema::field<&member::change::type>("type", schema::not_null{}),
    schema::field<&member::change::occurred_at>("occurred_at", rules::occurred_at_note));

template <>
inline constexpr schema::record_type schema::schema_of<member::remove> = schema::record(
    "member.remove", 1, schema::field<&member::remove::occurred_at>("occurred_at", rules::occurred_at_note));
