// The facts of a client's life, and the client as everybody sees it: the party that an organisation works for.
//
// Names and shapes of the facts are stored for ever: add a member or a fact, never edit one. E-mail, phone and notes
// are a person's data, sealed in the log under the client's own id; once it is forgotten they read as null.
#pragma once

#include "events/log/change.hpp"
#include "events/log/envelope.hpp"
#include "schemas/record.hpp"
#include "schemas/time.hpp"
#include "schemas/uuid.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>

namespace client
{
using client_id = schema::type_id<"client">;

struct created
{
    client_id id;
    std::string name;
    std::optional<schema::personal<std::string>> email;
    std::optional<schema::personal<std::string>> phone;
    std::optional<schema::personal<std::string>> notes;
    friend bool operator==(const created&, const created&) = default;
};

struct changed
{
    client_id id;
    event_log::edit<std::string> name;
    event_log::personal_edit<std::optional<std::string>> email;
    event_log::personal_edit<std::optional<std::string>> phone;
    event_log::personal_edit<std::optional<std::string>> notes;
    friend bool operator==(const changed&, const changed&) = default;
};

struct archived
{
    client_id id;
    friend bool operator==(const archived&, const archived&) = default;
};

struct restored
{
    client_id id;
    friend bool operator==(const restored&, const restored&) = default;
};

using event = std::variant<created, changed, archived, restored>;

struct item
{
    client_id id;
    std::int64_t version = 0;
    schema::moment created_at;
    schema::moment updated_at;
    std::optional<schema::moment> archived_at;
    std::string name;
    std::optional<std::string> email;
    std::optional<std::string> phone;
    std::optional<std::string> notes;
    friend bool operator==(const item&, const item&) = default;
};

// Total and pure: any fact may follow any other.
void apply(item&, const event&, const event_log::stamp&);

// Everything of this noun that is emitted as a schema: the facts, in the order of `event`, and the item.
std::span<const schema::record_type* const> facts();
const schema::record_type& item_type();
}  // namespace client

template <>
inline constexpr schema::record_type schema::schema_of<client::created> =
    schema::record("client.created", 1, schema::field<&client::created::id>("id"),
                   schema::field<&client::created::name>("name"),
                   schema::field<&client::created::email>("email", schema::sealed_for<&client::created::id>{}),
                   schema::field<&client::created::phone>("phone", schema::sealed_for<&client::created::id>{}),
                   schema::field<&client::created::notes>("notes", schema::sealed_for<&client::created::id>{}));

template <>
inline constexpr schema::record_type schema::schema_of<client::changed> =
    schema::record("client.changed", 1, schema::field<&client::changed::id>("id"),
                   schema::field<&client::changed::name>("name"),
                   schema::field<&client::changed::email>("email", schema::sealed_for<&client::changed::id>{}),
                   schema::field<&client::changed::phone>("phone", schema::sealed_for<&client::changed::id>{}),
                   schema::field<&client::changed::notes>("notes", schema::sealed_for<&client::changed::id>{}));

template <>
inline constexpr schema::record_type schema::schema_of<client::archived> =
    schema::record("client.archived", 1, schema::field<&client::archived::id>("id"));

template <>
inline constexpr schema::record_type schema::schema_of<client::restored> =
    schema::record("client.restored", 1, schema::field<&client::restored::id>("id"));

template <>
inline constexpr schema::record_type schema::schema_of<client::item> = schema::record(
    "client", 1, schema::field<&client::item::id>("id"), schema::field<&client::item::version>("version"),
    schema::field<&client::item::created_at>("created_at"), schema::field<&client::item::updated_at>("updated_at"),
    schema::field<&client::item::archived_at>("archived_at"), schema::field<&client::item::name>("name"),
    schema::field<&client::item::email>("email", schema::personal_mark{}, "Null also once it was forgotten."),
    schema::field<&client::item::phone>("phone", schema::personal_mark{}),
    schema::field<&client::item::notes>("notes", schema::personal_mark{}, schema::multiline{}));
