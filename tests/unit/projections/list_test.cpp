// What a list's query string means, and what it must not mean.
#include "projections/api_key.hpp"
#include "projections/catalogue.hpp"
#include "projections/client.hpp"
#include "projections/comment.hpp"
#include "projections/member.hpp"
#include "projections/org.hpp"
#include "projections/project.hpp"
#include "projections/runner/list.hpp"
#include "projections/task.hpp"
#include "schemas/text.hpp"

#include <doctest/doctest.h>

#include <set>

using projection::list_ask;
using projection::list_place;
using projection::parameters;

namespace
{
const std::string secret(32, 'k');
const list_place tasks{{}, "/api/v1/tasks"};
constexpr const char* some_project = "project_01h455vb4pex5vsknk084sn02q";

auto asked(const parameters& given, const list_place& place = tasks, const std::string& with = secret)
{
    return projection::read_list_query(task::listing(), given, place, with);
}

// The code of the only fault.
std::string fault(const parameters& given, const list_place& place = tasks, const std::string& with = secret)
{
    const auto read = asked(given, place, with);
    if (read)
        return "none";
    REQUIRE(read.error().size() == 1);
    return std::string{read.error().front().code};
}

// What it says.
std::string told(const parameters& given)
{
    const auto read = asked(given);
    return read ? "" : read.error().front().message;
}

list_ask well(const parameters& given)
{
    auto read = asked(given);
    REQUIRE(read);
    return *read;
}
}  // namespace

TEST_CASE("nothing asked is the newest fifty that are not archived")
{
    const auto ask = well({});
    CHECK(ask.limit == 50);
    CHECK(ask.sort->name == "created_at");
    CHECK(ask.is_descending);
    CHECK(ask.archived == projection::archived_rows::hidden);
    CHECK(ask.filters.empty());
}

TEST_CASE("values are or-ed, names are and-ed, and spellings of one name are one")
{
    const auto ask = well({{"status", "todo,done"}, {"projectId", some_project}, {"due_on[gte]", "2026-01-31"}});
    REQUIRE(ask.filters.size() == 3);
    CHECK(ask.filters[0].of->name == "due_on");
    CHECK(ask.filters[0].how == projection::comparison::gte);
    CHECK(ask.filters[1].of->name == "project_id");
    CHECK(ask.filters[1].values == std::vector<std::string>{"01890a5d-ac96-774b-bcce-b302099a8057"});
    CHECK(ask.filters[2].values == std::vector<std::string>{"done", "todo"});
    CHECK(fault({{"project_id", some_project}, {"projectId", some_project}}) == "duplicate");
}

TEST_CASE("null is a value of what can be unset, also beside others")
{
    CHECK(well({{"due_on", "null"}}).filters[0].or_null);
    CHECK(well({{"due_on", "2026-01-01,null"}}).filters[0].values.size() == 1);
    CHECK(well({{"labels", "null"}}).filters[0].or_null);
    CHECK(fault({{"status", "null"}}) == "mistyped");
}

TEST_CASE("members of lists are asked for by their singular too")
{
    CHECK(well({{"assignee_id", "member_01h455vb4pex5vsknk084sn02q"}}).filters[0].of->name == "assignee_ids");
    CHECK(well({{"label", "bug"}}).filters[0].of->name == "labels");
}

TEST_CASE("limits are clamped above and refused below")
{
    CHECK(well({{"limit", "200"}}).limit == 200);
    CHECK(well({{"limit", "99999999999999999999"}}).limit == 200);
    CHECK(fault({{"limit", "0"}}) == "too_small");
    CHECK(fault({{"limit", "-99999999999999999999"}}) == "too_small");
    CHECK(fault({{"limit", "ten"}}) == "mistyped");
    CHECK(fault({{"limit", ""}}) == "mistyped");
    CHECK(well({{"offset", "10000"}}).offset == 10'000);
    CHECK(fault({{"offset", "10001"}}) == "too_large");
    CHECK(fault({{"offset", "1"}, {"cursor", "x"}}) == "conflict");
}

TEST_CASE("words are sought in NFC, each once, and only so many of them")
{
    using words = std::vector<std::string>;
    CHECK(well({{"q", "  print\xC2\xA0the print "}}).sought == words{"print", "the"});
    CHECK(well({{"q", "Cafe\xCC\x81"}}).sought == words{"Café"});
    CHECK(well({{"q", "a b c d e f g h"}}).sought.size() == 8);
    CHECK(fault({{"q", "a b c d e f g h a"}}) == "too_many");
    std::string long_one;
    for (int i = 0; i < 200; ++i)
        long_one += "é";
    CHECK(well({{"q", long_one}}).sought.size() == 1);
    CHECK(fault({{"q", long_one + "e"}}) == "too_long");
    CHECK(fault({{"q", ""}}) == "too_short");
    CHECK(fault({{"q", " \xE3\x80\x80"}}) == "too_short");
    CHECK(fault({{"q", "a"}, {"q", "b"}}) == "duplicate");
    CHECK(fault({{"q[gte]", "a"}}) == "unknown");
}

TEST_CASE("every list but the organisation's own row has words to seek")
{
    const projection::list_place place{{}, "/api/v1/things"};
    for (const auto* shape : {&client::listing(), &project::listing(), &task::listing(), &comment::listing(),
                              &member::listing(), &api_key::listing()})
        CHECK(projection::read_list_query(*shape, {{"q", "word"}}, place, secret));
    CHECK_FALSE(projection::read_list_query(org::listing(), {{"q", "word"}}, place, secret));
}

TEST_CASE("what is not a parameter, a comparison, a value or a sort key is a fault")
{
    CHECK(fault({{"colour", "red"}}) == "unknown");
    CHECK(fault({{"description", "x"}}) == "unknown");
    CHECK(fault({{"title[gte]", "x"}}) == "unknown");
    CHECK(fault({{"due_on[around]", "2026-01-01"}}) == "unknown");
    CHECK(fault({{"due_on", "2026-02-30"}}) == "mistyped");
    CHECK(fault({{"status", "asleep"}}) == "mistyped");
    CHECK(told({{"status", "asleep"}}) == "holds what is not one of todo, in_progress, waiting, done");
    CHECK(told({{"due_on", "soon"}}) == "holds what is not a day as YYYY-MM-DD or null");
    CHECK(told({{"due_on[gte]", "null"}}) == "is not a day as YYYY-MM-DD");
    CHECK(told({{"sort", "height"}}).starts_with("must be one of created_at, updated_at, title"));
    CHECK(fault({{"status", "todo,"}}) == "mistyped");
    CHECK(fault({{"project_id", "task_01h455vb4pex5vsknk084sn02q"}}) == "mistyped");
    CHECK(fault({{"archived", "yes"}}) == "not_one_of");
    CHECK(fault({{"sort", "description"}}) == "not_one_of");
    CHECK(fault({{"sort", "created_at,title"}}) == "not_one_of");
    CHECK(well({{"sort", "-dueOn"}}).is_descending);
}

TEST_CASE("a cursor belongs to its organisation, route, filters and sort, and to nobody's pen")
{
    const parameters filters{{"status", "todo"}, {"sort", "due_on"}};
    const projection::seek last{"2026-01-01", {}};
    const std::string cursor = projection::cursor_from(well(filters), tasks, last, secret);
    const auto with = [&](parameters given) {
        given.emplace_back("cursor", cursor);
        return given;
    };

    const auto back = well(with(filters));
    REQUIRE(back.beside);
    CHECK(back.beside->value == "2026-01-01");
    CHECK_FALSE(back.goes_back());
    CHECK(well(with({{"status", "todo"}, {"sort", "due_on"}, {"limit", "7"}})).beside);
    const auto before = projection::cursor_from(well(filters), tasks, {"2026-01-01", {}, true}, secret);
    CHECK(well({{"status", "todo"}, {"sort", "due_on"}, {"cursor", before}}).goes_back());

    CHECK(fault(with({{"sort", "due_on"}})) == "bad_cursor");
    CHECK(fault(with({{"status", "done"}, {"sort", "due_on"}})) == "bad_cursor");
    CHECK(fault(with({{"status", "todo"}, {"sort", "-due_on"}})) == "bad_cursor");
    CHECK(fault(with({{"status", "todo"}})) == "bad_cursor");
    list_place other = tasks;
    other.tenant.bytes[0] = 1;
    CHECK(fault(with(filters), other) == "bad_cursor");
    CHECK(fault(with(filters), {{}, "/api/v1/projects"}) == "bad_cursor");
    CHECK(fault(with(filters), tasks, std::string(32, 'x')) == "bad_cursor");

    const auto bytes = schema::from_base64url(cursor);
    REQUIRE(bytes);
    for (std::size_t i = 0; i < bytes->size(); ++i)
    {
        std::string forged = *bytes;
        forged[i] = static_cast<char>(forged[i] ^ 1);
        auto given = filters;
        given.emplace_back("cursor", schema::base64url(forged));
        CHECK(fault(given) == "bad_cursor");
        given.back().second = schema::base64url(bytes->substr(0, i));
        CHECK(fault(given) == "bad_cursor");
    }
    CHECK(fault(with({{"status", "todo"}, {"sort", "due_on"}, {"q", "a"}})) == "bad_cursor");
    const parameters seeking{{"q", "ann bob"}};
    const std::string sought = projection::cursor_from(well(seeking), tasks, last, secret);
    CHECK(well({{"q", "bob  ann"}, {"cursor", sought}}).beside);
    for (const char* other_words : {"ann", "annbob", "ann bo", "Ann bob"})
        CHECK(fault({{"q", other_words}, {"cursor", sought}}) == "bad_cursor");
    CHECK(fault({{"cursor", sought}}) == "bad_cursor");
    for (const char* nonsense : {"", "%", "AAAA", "====", "null"})
        CHECK(fault({{"cursor", nonsense}}) == "bad_cursor");
}

TEST_CASE("values travel as arguments and never in the statement")
{
    const auto ask = well({{"title", "'; drop table read.task; --"}, {"labels", "x]::text"}});
    const auto made = projection::list_statement(task::listing(), ask, {});
    CHECK(made.body.find("drop") == std::string::npos);
    CHECK(made.body.find("x]") == std::string::npos);
    CHECK(made.arguments == std::vector<std::string>{"x]::text", "'; drop table read.task; --", "51"});

    const auto seeking = projection::list_statement(task::listing(), well({{"q", "') or a.*b [[:alpha:]] \\y"}}), {});
    CHECK(seeking.body.find("or a") == std::string::npos);
    CHECK(seeking.body.find(":alpha:") == std::string::npos);
    CHECK(seeking.arguments ==
          std::vector<std::string>{"'\\)", "\\[\\[:alpha:\\]\\]", "\\\\y", "a\\.\\*b", "or", "51"});
}

TEST_CASE("a statement prepared once has a parameter for each argument, one planned for its values an array of them")
{
    const auto ask = well({{"status", "todo"}, {"limit", "7"}});
    const auto once = projection::list_statement(task::listing(), ask, {}, projection::planned::once_for_all);
    CHECK(once.arguments == std::vector<std::string>{"todo", "8"});
    CHECK(once.body.starts_with("select t.id, "));
    CHECK(once.body.find("t.status in ($3::text)") != std::string::npos);
    CHECK(once.body.ends_with("limit $4::bigint"));
    const auto anew = projection::list_statement(task::listing(), ask, {}, projection::planned::for_values);
    CHECK(anew.arguments == once.arguments);
    CHECK(anew.body.starts_with("select $2, t.id, "));
    CHECK(anew.body.find("t.status in (($1)[1]::text)") != std::string::npos);
    CHECK(anew.body.ends_with("limit ($1)[2]::bigint"));
}

TEST_CASE("one plan serves every tenant where the order's index is the way to the page, and there alone")
{
    const auto along = [](const parameters& given) {
        return projection::is_read_along_order(task::listing(), well(given));
    };
    const std::string one = "task_" + schema::uuid::v7(1, {}).base32(),
                      other = "task_" + schema::uuid::v7(2, {}).base32();
    CHECK(along({}));
    CHECK(along({{"sort", "created_at"}, {"archived", "any"}, {"limit", "7"}}));
    CHECK(along({{"status", "todo"}, {"priority", "high"}, {"parent_id", one}}));
    CHECK_FALSE(along({{"status", "todo,done"}}));
    CHECK_FALSE(along({{"parent_id", one + "," + other}}));
    CHECK_FALSE(along({{"parent_id", "null"}}));
    CHECK_FALSE(along({{"due_on", "2026-01-01"}}));
    CHECK_FALSE(along({{"created_at[gte]", "2026-01-01T00:00:00Z"}}));
    CHECK_FALSE(along({{"labels", "red"}}));
    CHECK_FALSE(along({{"q", "word"}}));
    CHECK_FALSE(along({{"offset", "50"}}));
    CHECK_FALSE(along({{"sort", "-due_on"}}));
}

TEST_CASE("every projection's name, category and counters are told apart")
{
    std::set<std::string_view> names, tables;
    for (const auto* of : projection::read_models())
    {
        CHECK(names.insert(of->name).second);
        CHECK(tables.insert(of->table).second);
        CHECK(projection::read_model_named(of->name) == of);
        CHECK(of->facts.empty() == (of->kind == projection::row_kind::appended));
        std::vector<projection::share> shares;
        if (of->shares)
            of->shares(of->make().get(), shares);
        for (const auto& share : shares)
            CHECK(share.counter.starts_with(std::string{of->name} + '.'));
    }
    CHECK(projection::read_model_named("nothing") == nullptr);
}
