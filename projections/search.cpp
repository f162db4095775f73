#include "projections/search.hpp"

#include "events/client.hpp"
#include "events/project.hpp"
#include "events/task.hpp"
#include "projections/client.hpp"
#include "projections/project.hpp"
#include "projections/runner/terms.hpp"
#include "projections/task.hpp"
#include "schemas/assertion.hpp"
#include "schemas/json_writer.hpp"
#include "schemas/text.hpp"
#include "schemas/word_runs.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace search
{
namespace
{
// Where a type of things is found, and what of it is shown.
struct place
{
    const projection::definition* of;
    std::string_view title, text;  // columns; the text may be an expression
    std::string (*public_id)(const schema::uuid&);
};

template <class Id>
std::string public_id(const schema::uuid& id)
{
    return Id{id}.text();
}

const std::array<place, 3>& places()
{
    static const std::array<place, 3> all{
        {{&client::read_model(), "name", "null", public_id<client::client_id>},
         {&project::read_model(), "name", "description", public_id<project::project_id>},
         {&task::read_model(), "title", "description", public_id<task::task_id>}}};
    return all;
}

// $1: the number of hits, then the words.
std::string of_one_type(std::size_t nth)
{
    const place& at = places()[nth];
    const std::string row = std::to_string(nth), name{at.of->name};
    const std::string looked_at = std::to_string(projection::text_code_points_max);
    return "select " + row + " as type, hit.id, thing.title, thing.text, hit.score, hit.created_at from read.search('" +
           name + "', {" + name +
           ".version}, ($1)[2:], ($1)[1]::integer) as hit cross join lateral (select "
           "held." +
           std::string{at.title} + " as title, left(" + std::string{at.text} + ", " + looked_at + ") as text from " +
           "{" + name + "} held where held.id = hit.id limit 1) as thing";
}

projection::statement statement_of(const ask& asked)
{
    std::string all;
    for (std::size_t i = 0; i < places().size(); ++i)
        if (asked.types[i])
            all += (all.empty() ? "" : " union all ") + of_one_type(i);
    CF_ASSERT(!all.empty() && !asked.words.empty());
    projection::statement made{"select $2, found.type::text, found.id::text, found.title, found.text, found.score::text"
                               " from (" +
                                   all +
                                   ") as found order by found.type, found.score desc,"
                                   " found.created_at desc, found.id",
                               "select $2, null::text, null::text, null::text, null::text, null::text",
                               {std::to_string(asked.hits)}};
    made.arguments.insert(made.arguments.end(), asked.words.begin(), asked.words.end());
    return made;
}
}  // namespace

std::string snippet(std::string_view text, std::optional<std::string_view> found)
{
    const auto characters = schema::characters(text);
    const auto found_at = found ? static_cast<std::size_t>(found->data() - text.data()) : 0;
    std::size_t before = 0;  // characters before what was found
    for (std::size_t at = 0; before < characters.size() && at + characters[before].size() <= found_at; ++before)
        at += characters[before].size();
    constexpr std::size_t lead = snippet_code_points_max / 4;
    const std::size_t begin = characters.size() <= snippet_code_points_max || before <= lead ? 0 : before - lead;
    const std::size_t end = std::min(characters.size(), begin + snippet_code_points_max);
    std::string made{begin > 0 ? "…" : ""};
    for (std::size_t i = begin; i < end; ++i)
        made.append(characters[i] == "\n" || characters[i] == "\t" ? std::string_view{" "} : characters[i]);
    return made.append(end < characters.size() ? "…" : "");
}

projection::item read(projection::reader& from, const schema::uuid& tenant, const ask& asked)
{
    std::vector<const projection::definition*> shown;
    for (std::size_t i = 0; i < places().size(); ++i)
        if (asked.types[i])
            shown.push_back(places()[i].of);
    const auto found = from.ask(tenant, shown, statement_of(asked), 5);

    std::string text;
    schema::json_writer out{text};
    out.begin_array();
    for (const auto& row : found.rows)
    {
        const auto nth = static_cast<std::size_t>(std::stoul(row[0].value_or("0")));
        const auto id = schema::uuid::parse(row[1].value_or(""));
        CF_ASSERT(nth < places().size() && id.has_value());
        out.begin_object().member("type", type_names[nth]).member("id", places()[nth].public_id(*id));
        out.member("title", row[2].value_or("")).key("snippet");
        row[3] ? out.string(snippet(*row[3], projection::first_found(*row[3], asked.words))) : out.null();
        out.key("score").integer(std::stoll(row[4].value_or("0"))).end_object();
    }
    out.end_array();
    return {std::move(text), found.as_of};
}
}  // namespace search
