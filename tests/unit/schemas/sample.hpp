// Described structs for the tests of schemas/: every leaf type and attribute once, and one of everything at random.
#pragma once

#include "schemas/record.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <variant>
#include <vector>

namespace sample
{
using thing_id = schema::type_id<"thing">;

enum class mood : std::uint8_t
{
    calm,
    busy,
    lost
};

struct place
{
    std::string street;
    std::optional<std::string> town;
    friend bool operator==(const place&, const place&) = default;
};

struct square
{
    std::int32_t side = 0;
    friend bool operator==(const square&, const square&) = default;
};
struct circle
{
    std::int16_t radius = 0;
    friend bool operator==(const circle&, const circle&) = default;
};
using shape = std::variant<square, circle>;

struct everything
{
    thing_id id;
    schema::uuid raw;
    bool flag = false;
    std::int16_t small = 0;
    std::int32_t middle = 0;
    std::int64_t large = 0;
    std::string name;
    std::string story;
    schema::moment at;
    schema::day on;
    schema::money price;
    mood feels = mood::calm;
    place where;
    sample::shape outline;
    std::optional<std::string> nickname;
    std::optional<std::int64_t> count;
    std::optional<place> other;
    std::vector<std::string> labels;
    std::vector<thing_id> friends;
    std::vector<place> places;
    std::map<std::string, std::int64_t> counts;
    std::int32_t level = 7;
    friend bool operator==(const everything&, const everything&) = default;
};

struct change
{
    schema::patch<std::string> name;
    schema::patch<std::int64_t> minutes;
    schema::patch<std::vector<std::string>> labels;
    schema::patch<schema::money> price;
    friend bool operator==(const change&, const change&) = default;
};

struct money_only
{
    schema::money price;
};

struct contact
{
    std::string email;
    std::string zone;
    std::string color;
    std::string slug;
    std::string currency;
    std::int64_t version = 0;
    std::string token;
    friend bool operator==(const contact&, const contact&) = default;
};

struct met
{
    thing_id id;
    std::string kind;
    schema::personal<std::string> name;
    schema::personal<std::optional<std::string>> phone;
    std::optional<schema::personal<place>> home;
    friend bool operator==(const met&, const met&) = default;
};
struct parted
{
    thing_id id;
    friend bool operator==(const parted&, const parted&) = default;
};
using event = std::variant<met, parted>;

everything random_everything(std::mt19937_64&);
std::string random_text(std::mt19937_64&, std::size_t code_points_min, std::size_t code_points_max);
}  // namespace sample

template <>
inline constexpr auto schema::names_of<sample::mood> = std::to_array<std::string_view>({"calm", "busy", "lost"});

template <>
inline constexpr schema::record_type schema::schema_of<sample::place> =
    schema::record("place", 1, schema::field<&sample::place::street>("street", schema::length{1, 40}),
                   schema::field<&sample::place::town>("town", schema::length{1, 40}));

template <>
inline constexpr schema::record_type schema::schema_of<sample::square> =
    schema::record("square", 1, schema::field<&sample::square::side>("side", schema::range{1, 100}));

template <>
inline constexpr schema::record_type schema::schema_of<sample::circle> =
    schema::record("circle", 1, schema::field<&sample::circle::radius>("radius", schema::range{1, 100}));

template <>
inline constexpr schema::record_type schema::schema_of<sample::everything> = schema::record(
    "everything", 1, schema::field<&sample::everything::id>("id"), schema::field<&sample::everything::raw>("raw"),
    schema::field<&sample::everything::flag>("flag"), schema::field<&sample::everything::small>("small"),
    schema::field<&sample::everything::middle>("middle", schema::range{-5, 100'000}, schema::unit{"minutes"}),
    schema::field<&sample::everything::large>("large"),
    schema::field<&sample::everything::name>("name", schema::length{1, 20}, "Shown in lists."),
    schema::field<&sample::everything::story>("story", schema::length{0, 400}, schema::multiline{}),
    schema::field<&sample::everything::at>("at"), schema::field<&sample::everything::on>("on"),
    schema::field<&sample::everything::price>("price", schema::range{0, 1'000'000}),
    schema::field<&sample::everything::feels>("feels"), schema::field<&sample::everything::where>("where"),
    schema::field<&sample::everything::outline>("outline"),
    schema::field<&sample::everything::nickname>("nickname", schema::length{1, 20}),
    schema::field<&sample::everything::count>("count", schema::range{0, 10}),
    schema::field<&sample::everything::other>("other"),
    schema::field<&sample::everything::labels>("labels", schema::items{5, 10}),
    schema::field<&sample::everything::friends>("friends", schema::items{3}),
    schema::field<&sample::everything::places>("places", schema::items{4}),
    schema::field<&sample::everything::counts>("counts", schema::items{4, 10}, schema::range{0, 9}),
    schema::field<&sample::everything::level>("level", schema::optional_member{}));

template <>
inline constexpr schema::record_type schema::schema_of<sample::change> =
    schema::record("change", 1, schema::field<&sample::change::name>("name", schema::length{1, 20}, schema::not_null{}),
                   schema::field<&sample::change::minutes>("minutes", schema::range{0, 1000}),
                   schema::field<&sample::change::labels>("labels", schema::items{5, 10}),
                   schema::field<&sample::change::price>("price"));

template <>
inline constexpr schema::record_type schema::schema_of<sample::money_only> =
    schema::record("money_only", 1, schema::field<&sample::money_only::price>("price"));

template <>
inline constexpr schema::record_type schema::schema_of<sample::contact> =
    schema::record("contact", 2, schema::field<&sample::contact::email>("email", schema::format::email),
                   schema::field<&sample::contact::zone>("zone", schema::format::time_zone),
                   schema::field<&sample::contact::color>("color", schema::format::color),
                   schema::field<&sample::contact::slug>("slug", schema::format::slug, schema::length{3, 10}),
                   schema::field<&sample::contact::currency>("currency", schema::format::currency),
                   schema::field<&sample::contact::version>("version", schema::read_only{}),
                   schema::field<&sample::contact::token>("token", schema::secret{}, schema::optional_member{}));

template <>
inline constexpr schema::record_type schema::schema_of<sample::met> =
    schema::record("thing.met", 1, schema::field<&sample::met::id>("id"),
                   schema::field<&sample::met::kind>("kind", schema::optional_member{}),
                   schema::field<&sample::met::name>("name", schema::sealed_for<&sample::met::id>{}),
                   schema::field<&sample::met::phone>("phone", schema::sealed_for<&sample::met::id>{}),
                   schema::field<&sample::met::home>("home", schema::sealed_for<&sample::met::id>{}));

template <>
inline constexpr schema::record_type schema::schema_of<sample::parted> =
    schema::record("thing.parted", 1, schema::field<&sample::parted::id>("id"));
