// What is noted about refused access, and what is decided: that it was so.
//
// Nobody asks for this over the API; the edge counts what it refuses and notes it once the minute is over. Also while
// the organisation is suspended, and again with the same id: nothing happens.
#pragma once

#include "commands/lanes/decision.hpp"
#include "commands/rules.hpp"
#include "events/access.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <variant>

namespace accesses
{
struct note
{
    access_id id;
    std::optional<schema::moment> occurred_at;
    std::optional<api_key::key_id> key_id;
    std::optional<member::member_id> member_id;
    std::string code;
    accesses::reason reason = accesses::reason::scope;
    std::optional<std::string> route;
    std::int64_t count = 0;
    schema::moment minute;
};

using command = std::variant<note>;

struct state
{
    static constexpr std::string_view category = "access";
    using event = accesses::event;

    std::optional<item> it;  // nothing: unborn
};

state evolve(state, const event&, const event_log::stamp&);  // total: history is never refused
std::string render(const state&);                            // the item as JSON
std::size_t bytes(const state&);
inline auto all_members(state& now) { return std::tie(now.it); }

rules::facts_or_refusal<event> decide(const command&, const state&, const lanes::origin&);
lanes::decided handle(const command&, lanes::view&, const lanes::origin&);

// The commands as schemas.
std::span<const schema::record_type* const> commands();
}  // namespace accesses

template <>
inline constexpr schema::record_type schema::schema_of<accesses::note> =
    schema::record("access.note", 1, schema::field<&accesses::note::id>("id"),
                   schema::field<&accesses::note::key_id>("key_id"),
                   schema::field<&accesses::note::member_id>("member_id"), schema::field<&accesses::note::code>("code"),
                   schema::field<&accesses::note::reason>("reason"), schema::field<&accesses::note::route>("route"),
                   schema::field<&accesses::note::count>("count"), schema::field<&accesses::note::minute>("minute"),
                   schema::field<&accesses::note::occurred_at>("occurred_at", "The last of them."));
