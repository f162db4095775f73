// The envelope around every fact: who it belongs to, where it stands in the log, and how it came about.
//
// A lane is an independent, gapless, commit-ordered log; a tenant lives in one lane for ever. Within a lane `seq` runs
// 1, 2, 3, …; within a stream `version` does. Values are plain and may be copied between threads.
#pragma once

#include "schemas/time.hpp"
#include "schemas/uuid.hpp"

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace event_log
{
using schema::uuid;

// Platform-wide streams and claims belong to this tenant, in this lane.
inline constexpr uuid platform_tenant{};
inline constexpr std::int32_t platform_lane = 0;

using event_id = schema::type_id<"evt">;

struct position
{
    std::int32_t lane = 0;
    std::int64_t seq = 0;  // 0: before the first event
    friend auto operator<=>(const position&, const position&) = default;
};

// One aggregate's history: `category` is the noun ("project"), `id` its uuid.
struct stream_key
{
    uuid tenant;
    std::string category;
    uuid id;
    friend auto operator<=>(const stream_key&, const stream_key&) = default;
};

// The last event of a stream; {0, nil} of a stream that has none. The id tells apart two histories that a lost
// transaction gave the same version.
struct head
{
    std::int64_t version = 0;
    uuid last_event_id;
    friend auto operator<=>(const head&, const head&) = default;
};

enum class actor_type
{
    member,
    key,
    operator_,
    system
};

struct actor
{
    actor_type type = actor_type::system;
    std::string id;  // a TypeID, or an operator's name
};

// How an event came about. Stored as the `meta` column; ip and user_agent are sealed together there, under the key's
// member as subject (none: the tenant).
struct meta
{
    actor by;
    std::string on_behalf_of;  // empty: nobody
    std::string request_id;
    std::string correlation_id;
    std::string causation_id;  // what asked for it, of our own: an event, a job. Empty: a client did
    std::string traceparent;
    std::string ip;
    std::string user_agent;
    schema::moment occurred_at;
};

// An event as the log holds it. `data` and `meta` are the exact stored bytes, sealed values included.
struct recorded
{
    position at;
    uuid event_id;
    stream_key stream;
    std::int64_t version = 0;
    std::string type;  // "project.created"
    std::int32_t schema_version = 1;
    std::string data;
    std::string meta;
    schema::moment recorded_at;
};

// What a fold may know beside the event itself.
struct stamp
{
    std::int64_t version = 0;
    schema::moment occurred_at;
    actor by;
};
}  // namespace event_log

template <>
struct std::hash<event_log::stream_key>
{
    std::size_t operator()(const event_log::stream_key& key) const noexcept
    {
        const std::hash<schema::uuid> of;
        return schema::mixed(schema::mixed(of(key.id), of(key.tenant)), std::hash<std::string>{}(key.category));
    }
};
