// The facts of an organisation's life (a tenant), and the organisation as everybody sees it.
//
// Names and shapes of the facts are stored for ever: add a member or a fact, never edit one. The stream's id is the
// tenant's id, and every command of the tenant is decided beside it: the plan's limits and a suspension live here.
#pragma once

#include "events/log/change.hpp"
#include "events/log/envelope.hpp"
#include "events/member.hpp"
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

namespace org
{
using member::member_id;
using org_id = schema::type_id<"org">;

enum class plan
{
    starter,
    professional,
    business
};

struct created
{
    org_id id;
    std::string slug;
    std::string name;
    org::plan plan = org::plan::starter;
    std::string time_zone;
    std::string currency;
    std::optional<std::string> brand_colour;
    member_id owner_id;
    friend bool operator==(const created&, const created&) = default;
};

// Name and settings; the plan has a fact of its own.
struct changed
{
    org_id id;
    event_log::edit<std::string> slug;
    event_log::edit<std::string> name;
    event_log::edit<std::string> time_zone;
    event_log::edit<std::string> currency;
    event_log::edit<std::optional<std::string>> brand_colour;
    friend bool operator==(const changed&, const changed&) = default;
};

struct plan_changed
{
    org_id id;
    event_log::change<org::plan> plan;
    friend bool operator==(const plan_changed&, const plan_changed&) = default;
};

// Writes of the tenant's keys are refused until it is resumed; reads go on.
struct suspended
{
    org_id id;
    std::string reason;
    friend bool operator==(const suspended&, const suspended&) = default;
};

struct resumed
{
    org_id id;
    friend bool operator==(const resumed&, const resumed&) = default;
};

using event = std::variant<created, changed, plan_changed, suspended, resumed>;

struct item
{
    org_id id;
    std::int64_t version = 0;
    schema::moment created_at;
    schema::moment updated_at;
    std::optional<schema::moment> archived_at;
    std::string slug;
    std::string name;
    org::plan plan = org::plan::starter;
    std::string time_zone;
    std::string currency;
    std::optional<std::string> brand_colour;
    std::optional<schema::moment> suspended_at;
    friend bool operator==(const item&, const item&) = default;
};

// Total and pure: any fact may follow any other.
void apply(item&, const event&, const event_log::stamp&);

// Everything of this noun that is emitted as a schema: the facts, in the order of `event`, and the item.
std::span<const schema::record_type* const> facts();
const schema::record_type& item_type();
}  // namespace org

template <>
inline constexpr auto schema::names_of<org::plan> =
    std::array<std::string_view, 3>{"starter", "professional", "business"};

template <>
inline constexpr schema::record_type schema::schema_of<org::created> = schema::record(
    "org.created", 1, schema::field<&org::created::id>("id"), schema::field<&org::created::slug>("slug"),
    schema::field<&org::created::name>("name"), schema::field<&org::created::plan>("plan"),
    schema::field<&org::created::time_zone>("time_zone"), schema::field<&org::created::currency>("currency"),
    schema::field<&org::created::brand_colour>("brand_colour"), schema::field<&org::created::owner_id>("owner_id"));

template <>
inline constexpr schema::record_type schema::schema_of<org::changed> =
    schema::record("org.changed", 1, schema::field<&org::changed::id>("id"), schema::field<&org::changed::slug>("slug"),
                   schema::field<&org::changed::name>("name"), schema::field<&org::changed::time_zone>("time_zone"),
                   schema::field<&org::changed::currency>("currency"),
                   schema::field<&org::changed::brand_colour>("brand_colour"));

template <>
inline constexpr schema::record_type schema::schema_of<org::plan_changed> =
    schema::record("org.plan_changed", 1, schema::field<&org::plan_changed::id>("id"),
                   schema::field<&org::plan_changed::plan>("plan"));

template <>
inline constexpr schema::record_type schema::schema_of<org::suspended> = schema::record(
    "org.suspended", 1, schema::field<&org::suspended::id>("id"), schema::field<&org::suspended::reason>("reason"));

template <>
inline constexpr schema::record_type schema::schema_of<org::resumed> =
    schema::record("org.resumed", 1, schema::field<&org::resumed::id>("id"));

template <>
inline constexpr schema::record_type schema::schema_of<org::item> =
    schema::record("org", 1, schema::field<&org::item::id>("id"), schema::field<&org::item::version>("version"),
                   schema::field<&org::item::created_at>("created_at"),
                   schema::field<&org::item::updated_at>("updated_at"),
                   schema::field<&org::item::archived_at>("archived_at"), schema::field<&org::item::slug>("slug"),
                   schema::field<&org::item::name>("name"), schema::field<&org::item::plan>("plan"),
                   schema::field<&org::item::time_zone>("time_zone"), schema::field<&org::item::currency>("currency"),
                   schema::field<&org::item::brand_colour>("brand_colour"),
                   schema::field<&org::item::suspended_at>("suspended_at", "Set while writes are refused."));
