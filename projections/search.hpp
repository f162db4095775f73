// Finding things by their words: clients and projects by name, tasks by title, and by the beginnings of descriptions.
//
// Each word that is sought is the beginning of one of the thing's words. A search costs the same however many things
// there are: it reads the newest of each word and a bounded number of words (read.search says how). Personal values
// (e-mail, phone, notes) and comments are not looked at, and what is archived is not found.
#pragma once

#include "projections/runner/reader.hpp"
#include "schemas/uuid.hpp"

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace search
{
inline constexpr int hits_default = 10;  // of each type
inline constexpr int hits_max = 50;      // likewise
inline constexpr std::size_t snippet_code_points_max = 160;

enum class found_type
{
    client,
    project,
    task
};
inline constexpr std::array<std::string_view, 3> type_names{"client", "project", "task"};  // public, and projections'

struct ask
{
    std::vector<std::string> words;               // projection::sought_terms
    std::array<bool, 3> types{true, true, true};  // by found_type; at least one
    int hits = hits_default;                      // of each type
};

// [{"type", "id", "title", "snippet", "score"}]: clients, then projects, then tasks, each best first. The snippet is
// what stands in the description around the first word found, or its beginning; null without a description. The score
// is 1 to 100: a word of the title counts more than one of the description, the whole word more than its beginning.
projection::item read(projection::reader&, const schema::uuid& tenant, const ask&);

// The part of a text to show: around `found`, which is a view into it, or its beginning. In one line.
std::string snippet(std::string_view text, std::optional<std::string_view> found);
}  // namespace search
