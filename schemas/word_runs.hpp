// Where the words of a text lie, for searching: runs of letters and digits, characters that are written without spaces
// between words, and symbols that mean something alone.
//
// "O'Brien's 2nd" is O, Brien, s, 2nd. Marks belong to the letter before them; characters without a look of their own
// (joiners, soft hyphens) neither end a word nor are part of it. Pure and thread-safe; throws nothing but
// std::bad_alloc. Sources: Unicode 15's general categories and case folding as in utf8proc 2.8, and the blocks of the
// scripts that have no spaces.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace schema
{
struct word_run
{
    enum class kind
    {
        word,
        unspaced,  // Chinese, Japanese, Thai and their like: where one word ends is not written
        symbol     // one character
    };
    kind what = kind::word;
    std::string_view text;  // a view into what was given
};

// In their order, of the first `code_points_max` characters; the last run may be cut there. Of valid UTF-8; broken
// bytes separate.
std::vector<word_run> word_runs(std::string_view text, std::size_t code_points_max);

// For comparing: case folded, composed, without what has no look. "STRASSE" and "Straße" are one.
std::string folded_word(std::string_view);

// The characters of a text, as views into it.
std::vector<std::string_view> characters(std::string_view);
}  // namespace schema
