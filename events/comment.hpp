// The facts of a comment's life under its task, and the comment as everybody sees it.
//
// Names and shapes of the facts are stored for ever: add a member or a fact, never edit one. Who wrote a comment and
// where never changes.
#pragma once

#include "events/log/change.hpp"
#include "events/log/envelope.hpp"
#include "events/member.hpp"
#include "events/task.hpp"
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

namespace comment
{
using member::member_id;
using task::task_id;
using comment_id = schema::type_id<"comment">;

struct created
{
    comment_id id;
    task::task_id task_id;
    std::string body;
    std::vector<member_id> mention_ids;
    std::optional<member_id> author_id;
    friend bool operator==(const created&, const created&) = default;
};

struct changed
{
    comment_id id;
    event_log::edit<std::string> body;
    event_log::edit<std::vector<member_id>> mention_ids;
    friend bool operator==(const changed&, const changed&) = default;
};

struct archived
{
    comment_id id;
    friend bool operator==(const archived&, const archived&) = default;
};

struct restored
{
    comment_id id;
    friend bool operator==(const restored&, const restored&) = default;
};

using event = std::variant<created, changed, archived, restored>;

struct item
{
    comment_id id;
    std::int64_t version = 0;
    schema::moment created_at;
    schema::moment updated_at;
    std::optional<schema::moment> archived_at;
    task::task_id task_id;
    std::string body;
    std::vector<member_id> mention_ids;
    std::optional<member_id> author_id;
    friend bool operator==(const item&, const item&) = default;
};

// Total and pure: any fact may follow any other.
void apply(item&, const event&, const event_log::stamp&);

// Everything of this noun that is emitted as a schema: the facts, in the order of `event`, and the item.
std::span<const schema::record_type* const> facts();
const schema::record_type& item_type();
}  // namespace comment

template <>
inline constexpr schema::record_type schema::schema_of<comment::created> = schema::record(
    "comment.created", 1, schema::field<&comment::created::id>("id"),
    schema::field<&comment::created::task_id>("task_id"), schema::field<&comment::created::body>("body"),
    schema::field<&comment::created::mention_ids>("mention_ids"),
    schema::field<&comment::created::author_id>("author_id", "The member behind the key that wrote it, if any."));

template <>
inline constexpr schema::record_type schema::schema_of<comment::changed> =
    schema::record("comment.changed", 1, schema::field<&comment::changed::id>("id"),
                   schema::field<&comment::changed::body>("body"),
                   schema::field<&comment::changed::mention_ids>("mention_ids"));

template <>
inline constexpr schema::record_type schema::schema_of<comment::archived> =
    schema::record("comment.archived", 1, schema::field<&comment::archived::id>("id"));

template <>
inline constexpr schema::record_type schema::schema_of<comment::restored> =
    schema::record("comment.restored", 1, schema::field<&comment::restored::id>("id"));

template <>
inline constexpr schema::record_type schema::schema_of<comment::item> = schema::record(
    "comment", 1, schema::field<&comment::item::id>("id"), schema::field<&comment::item::version>("version"),
    schema::field<&comment::item::created_at>("created_at"), schema::field<&comment::item::updated_at>("updated_at"),
    schema::field<&comment::item::archived_at>("archived_at"), schema::field<&comment::item::task_id>("task_id"),
    schema::field<&comment::item::body>("body"), schema::field<&comment::item::mention_ids>("mention_ids"),
    schema::field<&comment::item::author_id>("author_id", "The member behind the key that wrote it, if any."));
