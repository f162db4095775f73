// Finding clients, projects and tasks by their words.
#pragma once

#include "http/server/route.hpp"
#include "schemas/record.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace search
{
std::span<const http::route> routes();

struct hit
{
    std::string type;
    std::string id;
    std::string title;
    std::optional<std::string> snippet;
    std::int64_t score = 0;
};

struct item
{
    std::vector<hit> data;
    std::optional<std::string> next_cursor, prev_cursor;
};
}  // namespace search

template <>
inline constexpr schema::record_type schema::schema_of<search::hit> = schema::record(
    "search.hit", 1, schema::field<&search::hit::type>("type", "client, project or task; more may come."),
    schema::field<&search::hit::id>("id"), schema::field<&search::hit::title>("title", "Its title or name."),
    schema::field<&search::hit::snippet>("snippet",
                                         "The description around the first word found, or its beginning; null: none."),
    schema::field<&search::hit::score>("score", "1 to 100; higher ones come first within their type."));

template <>
inline constexpr schema::record_type schema::schema_of<search::item> =
    schema::record("search", 1, schema::field<&search::item::data>("data", "Clients, then projects, then tasks."),
                   schema::field<&search::item::next_cursor>("next_cursor", "Null: there is one page."),
                   schema::field<&search::item::prev_cursor>("prev_cursor"));
