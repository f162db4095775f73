// The words by which rows are found, and the words that are sought: one reading of text for both.
//
// A row's terms follow from the row alone, as its share of the totals does: what a batch writes is the terms of the new
// row less those of the old one, in the transaction of the rows. Words are case folded and composed
// (schemas/word_runs), runs without spaces (Chinese, Japanese, Thai) give every two neighbouring characters and the
// last one. Everything is bounded: what lies beyond a bound is not found. Pure; thread-safe.
#pragma once

#include "projections/runner/definition.hpp"
#include "schemas/time.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace projection
{
inline constexpr std::size_t term_code_points_max = 32;   // of a word; longer ones are cut, also those sought
inline constexpr std::size_t title_terms_max = 64;        // different words of a row's title
inline constexpr std::size_t text_terms_max = 32;         // and of its text
inline constexpr std::size_t text_code_points_max = 500;  // of the text that are looked at
inline constexpr std::size_t sought_terms_max = 12;       // of a search; more words than that are not looked for

// Stored; found in this order.
enum class term_place : std::int16_t
{
    title = 0,
    text = 1
};

struct term
{
    std::string word;
    term_place place = term_place::title;
    schema::moment created_at;  // of the row: newer ones are found first
    friend bool operator==(const term&, const term&) = default;
};

// Sorted by word, each word once: in the title if it is there.
std::vector<term> terms_of(const searchable&);

// Of a row; none when it is not to be found.
std::vector<term> terms_of(const definition&, const void* row);

struct term_change
{
    std::vector<std::string> gone;
    std::vector<term> put;  // new ones, and those whose place or time is another

    bool is_nothing() const { return gone.empty() && put.empty(); }
};
term_change change_of(const std::optional<searchable>& before, const std::optional<searchable>& after);

// What to look for: each is the beginning of some term of a row that is found. Empty when there is no letter, digit or
// symbol in it.
std::vector<std::string> sought_terms(std::string_view q);

// Where in the text the first term stands that begins with one of those sought, as a view into the text; nothing when
// none does among the characters that are looked at.
std::optional<std::string_view> first_found(std::string_view text, const std::vector<std::string>& sought);
}  // namespace projection
