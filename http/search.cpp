#include "http/search.hpp"

#include "http/server/query_route.hpp"
#include "http/server/query_string.hpp"
#include "projections/runner/list.hpp"
#include "projections/runner/terms.hpp"
#include "projections/search.hpp"
#include "schemas/json_writer.hpp"
#include "schemas/text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string_view>

namespace search
{
namespace
{
constexpr std::array parameters{
    http::parameter{"q", "Up to 8 words, each the beginning of some word of what is found, whatever its case."},
    http::parameter{"types", "Any of client, project, task, separated by commas; all of them when left out."},
    http::parameter{"limit", "Hits of each type: 1 to 50, 10 when left out."},
};

// What is wrong with a value; nothing when it was taken.
using complaint = std::optional<std::string>;

complaint take_words(std::string_view value, ask& into)
{
    if (schema::code_points(value) > projection::sought_code_points_max)
        return "It must have at most 200 characters.";
    if (schema::words(value).size() > projection::sought_words_max)
        return "It must have at most 8 words.";
    into.words = projection::sought_terms(value);
    if (into.words.empty())
        return "It must have a letter, a digit or a symbol.";
    return std::nullopt;
}

complaint take_types(std::string_view value, ask& into)
{
    into.types = {};
    while (true)
    {
        const auto comma = value.find(',');
        auto name = value.substr(0, comma);
        if (name.ends_with('s'))
            name.remove_suffix(1);
        const auto found = std::ranges::find(type_names, name);
        if (found == type_names.end())
            return "It must be some of client, project, task.";
        into.types[static_cast<std::size_t>(found - type_names.begin())] = true;
        if (comma == std::string_view::npos)
            return std::nullopt;
        value.remove_prefix(comma + 1);
    }
}

complaint take_limit(std::string_view value, ask& into)
{
    int n = 0;
    const auto [end, fault] = std::from_chars(value.data(), value.data() + value.size(), n);
    if (value.empty() || end != value.data() + value.size() || fault == std::errc::invalid_argument)
        return "It must be a whole number.";
    if (fault == std::errc::result_out_of_range)
        n = value.front() == '-' ? 0 : hits_max;
    if (n < 1)
        return "It must be at least 1.";
    into.hits = std::min(n, hits_max);
    return std::nullopt;
}

struct taken
{
    std::string_view name;
    complaint (*take)(std::string_view value, ask& into);
};
constexpr std::array<taken, 3> known{{{"q", take_words}, {"types", take_types}, {"limit", take_limit}}};

// Nothing: it has refused.
std::optional<ask> read_ask(http::call& c)
{
    const auto refuse = [&](const std::string& name, std::string why) {
        c.refuse(http::bad_query(name, std::move(why)));
        return std::nullopt;
    };
    const auto sent = http::read_query(c.in->query);
    if (!sent)
        return refuse("query", "It is not percent-encoded UTF-8.");
    ask made;
    for (auto one = sent->begin(); one != sent->end(); ++one)
    {
        const auto& [name, value] = *one;
        const auto* const found = std::ranges::find(known, std::string_view{name}, &taken::name);
        if (found == known.end())
            return refuse(name, "This route takes no such parameter.");
        if (std::any_of(sent->begin(), one, [&](const auto& before) { return before.first == name; }))
            return refuse(name, "It is given twice.");
        if (auto wrong = found->take(value, made))
            return refuse(name, std::move(*wrong));
    }
    if (made.words.empty())
        return refuse("q", "It must be given: the words to look for.");
    return made;
}

void get(http::call& c, http::query_context& with)
{
    const auto asked = read_ask(c);
    if (!asked)
        return;
    const auto found = read(with.models, c.who->tenant, *asked);
    http::take_position(c, found.as_of);
    std::string text;
    schema::json_writer out{text};
    out.begin_object().key("data").raw(found.data.value_or("[]"));
    out.key("next_cursor").null().key("prev_cursor").null().end_object();
    c.answer_json(std::move(text));
}

constexpr http::route row()
{
    auto made = http::item_row("/api/v1/search", "search", "Finds clients, projects and tasks by their words.", get,
                               schema::schema_of<item>);
    made.shape = http::answer_shape::other;
    made.parameters = parameters;
    return made;
}

constexpr std::array table{row()};
}  // namespace

std::span<const http::route> routes() { return table; }
}  // namespace search
