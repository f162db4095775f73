// What may be asked of an organisation, and how it stands beside every other decision of its tenant.
//
// Every command of a tenant looks at this state: the plan's limits come from it, and a suspension refuses all writes of
// the tenant's keys. An organisation is founded together with its owner and the owner's first key, in one append.
#pragma once

#include "commands/lanes/decision.hpp"
#include "commands/rules.hpp"
#include "events/api_key.hpp"
#include "events/org.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <variant>
#include <vector>

namespace org
{
inline constexpr schema::length slug_length{2, 63};
inline constexpr schema::length name_length{1, 120};
inline constexpr schema::length reason_length{0, 500};

// By an operator: a tenant is born. Ids, digest and prefix come from whoever asks (see api_key::mint).
struct found
{
    org_id id;
    std::string slug;
    std::string name;
    org::plan plan = org::plan::starter;
    std::string time_zone = "UTC";
    std::string currency = "EUR";
    std::optional<std::string> brand_colour;
    member_id owner_id;
    std::string owner_email;
    std::string owner_name;
    api_key::key_id first_key_id;  // of the owner's first key
    std::string key_name = "First key";
    std::vector<api_key::scope> key_scopes{api_key::scope::read, api_key::scope::write, api_key::scope::admin};
    std::string key_digest;
    std::string key_prefix;
    std::optional<std::int64_t> key_requests_per_minute;
    std::optional<schema::moment> occurred_at;
};

// PATCH.
struct change
{
    org_id id;
    std::optional<schema::moment> occurred_at;
    schema::patch<std::string> slug;
    schema::patch<std::string> name;
    schema::patch<std::string> time_zone;
    schema::patch<std::string> currency;
    schema::patch<std::string> brand_colour;
};

// The rest is an operator's.
struct change_plan
{
    org_id id;
    std::optional<schema::moment> occurred_at;
    org::plan plan = org::plan::starter;
};

struct suspend
{
    org_id id;
    std::optional<schema::moment> occurred_at;
    std::string reason;
};

struct resume
{
    org_id id;
    std::optional<schema::moment> occurred_at;
};

using command = std::variant<found, change, change_plan, suspend, resume>;

struct state
{
    static constexpr std::string_view category = "org";
    using event = org::event;

    std::optional<item> it;      // nothing: unborn
    schema::digest born_from{};  // what created it

    static schema::digest made_from(const created&);
};

state evolve(state, const event&, const event_log::stamp&);
std::string render(const state&);
std::size_t bytes(const state&);
inline auto all_members(state& now) { return std::tie(now.it, now.born_from); }

// The organisation alone; `handle` adds what stands beside it.
rules::facts_or_refusal<event> decide(const command&, const state&);

// For `found`, the facts of all three streams, with their claims and counts.
lanes::decided handle(const command&, lanes::view&, const lanes::origin&);

// The claims that follow from a fact of this stream, by that fact alone.
void settle(const event&, const lanes::stream_key&, lanes::decision&);

// Why a tenant's key may not write now: it is suspended, or there is no such tenant. Operators and the system may.
std::optional<lanes::refusal> closed(const state&, const lanes::origin&);

// The commands as schemas.
std::span<const schema::record_type* const> commands();
}  // namespace org

template <>
inline constexpr schema::record_type schema::schema_of<org::found> = schema::record(
    "org.found", 1,
    schema::field<&org::found::slug>("slug", org::slug_length, schema::format::slug, "Unique on the whole platform."),
    schema::field<&org::found::name>("name", org::name_length),
    schema::field<&org::found::plan>("plan", schema::optional_member{}),
    schema::field<&org::found::time_zone>("time_zone", schema::optional_member{}, schema::format::time_zone),
    schema::field<&org::found::currency>("currency", schema::optional_member{}, schema::format::currency),
    schema::field<&org::found::brand_colour>("brand_colour", schema::format::color),
    schema::field<&org::found::owner_email>("owner_email", schema::format::email, schema::personal_mark{}),
    schema::field<&org::found::owner_name>("owner_name", schema::length{1, 120}, schema::personal_mark{}));

template <>
inline constexpr schema::record_type schema::schema_of<org::change> =
    schema::record("org.change", 1,
                   schema::field<&org::change::slug>("slug", schema::not_null{}, org::slug_length, schema::format::slug,
                                                     "Unique on the whole platform."),
                   schema::field<&org::change::name>("name", schema::not_null{}, org::name_length),
                   schema::field<&org::change::time_zone>("time_zone", schema::not_null{}, schema::format::time_zone,
                                                          "Months of figures are formed in it."),
                   schema::field<&org::change::currency>("currency", schema::not_null{}, schema::format::currency),
                   schema::field<&org::change::brand_colour>("brand_colour", schema::format::color),
                   schema::field<&org::change::occurred_at>("occurred_at", rules::occurred_at_note));

template <>
inline constexpr schema::record_type schema::schema_of<org::change_plan> =
    schema::record("org.change_plan", 1, schema::field<&org::change_plan::plan>("plan"),
                   schema::field<&org::change_plan::occurred_at>("occurred_at"));

template <>
inline constexpr schema::record_type schema::schema_of<org::suspend> =
    schema::record("org.suspend", 1,
                   schema::field<&org::suspend::reason>("reason", schema::optional_member{}, org::reason_length),
                   schema::field<&org::suspend::occurred_at>("occurred_at"));

template <>
inline constexpr schema::record_type schema::schema_of<org::resume> =
    schema::record("org.resume", 1, schema::field<&org::resume::occurred_at>("occurred_at"));
