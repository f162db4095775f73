// Two tiny nouns for tests of the lane writers: a house (the tenant's own stream) and the things kept in it.
//
// They have one of everything the machine knows: a quota with a limit and one with a floor, a claim, a personal value,
// a state that refuses, a command that changes nothing. The functions below make what `submission.decide` wants.
#pragma once

#include "commands/lanes/aggregate.hpp"
#include "commands/lanes/decision.hpp"
#include "events/log/change.hpp"
#include "schemas/record.hpp"
#include "schemas/sealing.hpp"
#include "schemas/uuid.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <variant>

namespace house
{
using house_id = schema::type_id<"org">;

struct built
{
    house_id id;
    std::int64_t things_max = 0;  // 0: no limit
};

struct shut
{
    house_id id;
};

using event = std::variant<built, shut>;

struct state
{
    static constexpr std::string_view category = "org";
    using event = house::event;

    house_id id;
    std::int64_t version = 0;
    std::int64_t things_max = 0;
    bool is_shut = false;
};

state evolve(state, const event&, const event_log::stamp&);
std::string render(const state&);
std::size_t bytes(const state&);
inline auto all_members(state& now) { return std::tie(now.id, now.version, now.things_max, now.is_shut); }

std::function<lanes::decided(lanes::view&)> build(const schema::uuid& tenant, std::int64_t things_max = 0);
std::function<lanes::decided(lanes::view&)> shut_down(const schema::uuid& tenant);
}  // namespace house

namespace thing
{
using thing_id = schema::type_id<"thing">;

struct created
{
    thing_id id;
    std::string name;
    std::optional<schema::personal<std::string>> email;
};

struct renamed
{
    thing_id id;
    event_log::change<std::string> name;
};

struct closed
{
    thing_id id;
};

using event = std::variant<created, renamed, closed>;

struct state
{
    static constexpr std::string_view category = "thing";
    using event = thing::event;

    thing_id id;
    std::int64_t version = 0;
    std::string name;
    std::optional<std::string> email;
    bool is_closed = false;
};

state evolve(state, const event&, const event_log::stamp&);
std::string render(const state&);
std::size_t bytes(const state&);
inline auto all_members(state& now) { return std::tie(now.id, now.version, now.name, now.email, now.is_closed); }

struct create
{
    schema::uuid id;
    std::string name;
    std::string email;           // empty: none
    bool is_named_once = false;  // the name is claimed in its house
};

std::function<lanes::decided(lanes::view&)> make(const schema::uuid& tenant, create);
std::function<lanes::decided(lanes::view&)> rename(const schema::uuid& tenant, const schema::uuid& id,
                                                   std::string name);
std::function<lanes::decided(lanes::view&)> close(const schema::uuid& tenant, const schema::uuid& id);
}  // namespace thing

template <>
inline constexpr schema::record_type schema::schema_of<house::built> = schema::record(
    "house.built", 1, schema::field<&house::built::id>("id"), schema::field<&house::built::things_max>("things_max"));

template <>
inline constexpr schema::record_type schema::schema_of<house::shut> =
    schema::record("house.shut", 1, schema::field<&house::shut::id>("id"));

template <>
inline constexpr schema::record_type schema::schema_of<thing::created> =
    schema::record("thing.created", 1, schema::field<&thing::created::id>("id"),
                   schema::field<&thing::created::name>("name"),
                   schema::field<&thing::created::email>("email", schema::sealed_for<&thing::created::id>{}));

template <>
inline constexpr schema::record_type schema::schema_of<thing::renamed> = schema::record(
    "thing.renamed", 1, schema::field<&thing::renamed::id>("id"), schema::field<&thing::renamed::name>("name"));

template <>
inline constexpr schema::record_type schema::schema_of<thing::closed> =
    schema::record("thing.closed", 1, schema::field<&thing::closed::id>("id"));
