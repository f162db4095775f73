// What may be asked of a client, and what is decided.
//
// `decide` judges by the client alone; `handle` also looks at the organisation and counts clients against the plan.
#pragma once

#include "commands/lanes/decision.hpp"
#include "commands/rules.hpp"
#include "events/client.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <variant>
#include <vector>

namespace client
{
inline constexpr schema::length name_length{1, 120};
inline constexpr schema::length phone_length{0, 40};
inline constexpr schema::length notes_length{0, 4'000};

struct create
{
    client_id id;
    std::optional<schema::moment> occurred_at;
    std::string name;
    std::optional<std::string> email;
    std::optional<std::string> phone;
    std::optional<std::string> notes;
};

// PATCH.
struct change
{
    client_id id;
    std::optional<schema::moment> occurred_at;
    schema::patch<std::string> name;
    schema::patch<std::string> email;
    schema::patch<std::string> phone;
    schema::patch<std::string> notes;
};

struct archive
{
    client_id id;
    std::optional<schema::moment> occurred_at;
};

struct restore
{
    client_id id;
    std::optional<schema::moment> occurred_at;
};

using command = std::variant<create, change, archive, restore>;

struct state
{
    static constexpr std::string_view category = "client";
    using event = client::event;

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
}  // namespace client

template <>
inline constexpr schema::record_type schema::schema_of<client::create> = schema::record(
    "client.create", 1, schema::field<&client::create::id>("id", schema::optional_member{}, rules::id_note),
    schema::field<&client::create::name>("name", client::name_length),
    schema::field<&client::create::email>("email", schema::format::email, schema::personal_mark{}),
    schema::field<&client::create::phone>("phone", client::phone_length, schema::personal_mark{}),
    schema::field<&client::create::notes>("notes", client::notes_length, schema::multiline{}, schema::personal_mark{}),
    schema::field<&client::create::occurred_at>("occurred_at", rules::occurred_at_note));

template <>
inline constexpr schema::record_type schema::schema_of<client::change> = schema::record(
    "client.change", 1, schema::field<&client::change::name>("name", schema::not_null{}, client::name_length),
    schema::field<&client::change::email>("email", schema::format::email, schema::personal_mark{}),
    schema::field<&client::change::phone>("phone", client::phone_length, schema::personal_mark{}),
    schema::field<&client::change::notes>("notes", client::notes_length, schema::multiline{}, schema::personal_mark{}),
    schema::field<&client::change::occurred_at>("occurred_at", rules::occurred_at_note));

template <>
inline constexpr schema::record_type schema::schema_of<client::archive> = schema::record(
    "client.archive", 1, schema::field<&client::archive::occurred_at>("occurred_at", rules::occurred_at_note));

template <>
inline constexpr schema::record_type schema::schema_of<client::restore> = schema::record(
    "client.restore", 1, schema::field<&client::restore::occurred_at>("occurred_at", rules::occurred_at_note));
