#include "projections/runner/terms.hpp"

#include "schemas/word_runs.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace projection
{
namespace
{
using schema::word_run;

std::string joined(const std::vector<std::string_view>& parts, std::size_t from, std::size_t count)
{
    std::string made;
    for (std::size_t i = from; i < parts.size() && i < from + count; ++i)
        made.append(parts[i]);
    return made;
}

// The terms of one run. Of a run without spaces the last character alone is a term, but not sought behind others: the
// pair that it ends is.
std::vector<std::string> terms_of_run(const word_run& run, bool is_sought)
{
    const std::string folded = schema::folded_word(run.text);
    const auto characters = schema::characters(folded);
    if (run.what != word_run::kind::unspaced)
        return {joined(characters, 0, term_code_points_max)};
    std::vector<std::string> made;
    const std::size_t count = is_sought && characters.size() > 1 ? characters.size() - 1 : characters.size();
    for (std::size_t i = 0; i < count; ++i)
        made.push_back(joined(characters, i, 2));
    return made;
}

// Different words in the order of the text, as many as there may be.
template <class Take>
void each_term(std::string_view text, std::size_t code_points_max, bool is_sought, Take take)
{
    for (const auto& run : schema::word_runs(text, code_points_max))
        for (auto& word : terms_of_run(run, is_sought))
            if (!word.empty() && !take(std::move(word)))
                return;
}
}  // namespace

std::vector<term> terms_of(const searchable& of)
{
    std::map<std::string, term_place> found;
    const auto add = [&](std::string_view text, std::size_t code_points_max, std::size_t terms_max, term_place place) {
        std::size_t fresh = 0;
        each_term(text, code_points_max, false, [&](std::string&& word) {
            fresh += found.try_emplace(std::move(word), place).second ? 1 : 0;
            return fresh < terms_max;
        });
    };
    add(of.title, of.title.size(), title_terms_max, term_place::title);
    add(of.text, text_code_points_max, text_terms_max, term_place::text);
    std::vector<term> made;
    for (const auto& [word, place] : found)
        made.push_back({word, place, of.created_at});
    return made;
}

std::vector<term> terms_of(const definition& of, const void* row)
{
    const auto by = of.find_by == nullptr ? std::nullopt : of.find_by(row);
    return by ? terms_of(*by) : std::vector<term>{};
}

term_change change_of(const std::optional<searchable>& before, const std::optional<searchable>& after)
{
    term_change made;
    if (before == after)
        return made;
    const auto old = before ? terms_of(*before) : std::vector<term>{};
    auto fresh = after ? terms_of(*after) : std::vector<term>{};
    auto was = old.begin();
    for (auto& each : fresh)
    {
        for (; was != old.end() && was->word < each.word; ++was)
            made.gone.push_back(was->word);
        const bool is_known = was != old.end() && was->word == each.word;
        if (!is_known || *was != each)
            made.put.push_back(std::move(each));
        was += is_known ? 1 : 0;
    }
    for (; was != old.end(); ++was)
        made.gone.push_back(was->word);
    return made;
}

std::vector<std::string> sought_terms(std::string_view q)
{
    std::vector<std::string> made;
    each_term(q, q.size(), true, [&](std::string&& word) {
        if (std::ranges::find(made, word) == made.end())
            made.push_back(std::move(word));
        return made.size() < sought_terms_max;
    });
    return made;
}

std::optional<std::string_view> first_found(std::string_view text, const std::vector<std::string>& sought)
{
    for (const auto& run : schema::word_runs(text, text_code_points_max))
        for (const auto& word : terms_of_run(run, false))
            for (const auto& wanted : sought)
                if (word.starts_with(wanted))
                    return run.text;
    return std::nullopt;
}
}  // namespace projection
