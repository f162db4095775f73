// The words by which things are found: they follow the rows whatever happens to these, a search reads a bounded part of
// them in the order of an index, and other tenants are not there.
#include "events/client.hpp"
#include "events/project.hpp"
#include "events/task.hpp"
#include "projections/runner/terms.hpp"
#include "projections/search.hpp"
#include "projections/task.hpp"
#include "tests/kit/projections/swap.hpp"
#include "tests/kit/projections/world.hpp"

#include <doctest/doctest.h>
#include <pqxx/pqxx>

#include <algorithm>
#include <array>
#include <string>
#include <thread>

using namespace projection_tests;

namespace
{
std::string first_difference(const projection::verified& found)
{
    if (found.differences.empty())
        return "";
    const auto& each = found.differences.front();
    return each.projection + " " + each.key + " kind " + std::to_string(static_cast<int>(each.what));
}

void check_equal(const projection::verified& found)
{
    INFO("first difference: " << first_difference(found));
    CHECK(found.different == 0);
}

// "strasse! one two": a thing's words in order, those of the title marked.
std::string words_of(world& in, const uuid& tenant, const uuid& id)
{
    return in.db.run(
        "select coalesce(string_agg(term || case place when 0 then '!' else '' end, ' ' order by term), '')"
        " from read.search_term where tenant_id = '" +
        tenant.text() + "' and id = '" + id.text() + "'");
}

// One tenant whose things have short names.
struct office
{
    office(world& given, std::int32_t lane) : in(given), tenant(given.tenant(lane)) {}

    uuid task(const std::string& title, const std::string& description = {})
    {
        task::created fact;
        fact.id = {fresh_id()};
        fact.project_id = {fresh_id()};
        fact.title = title;
        if (!description.empty())
            fact.description = description;
        at.us += 1'000'000;
        in.append(tenant, "task", fact.id.value, fact, at);
        return fact.id.value;
    }
    uuid project(const std::string& name)
    {
        project::created fact;
        fact.id = {fresh_id()};
        fact.name = name;
        at.us += 1'000'000;
        in.append(tenant, "project", fact.id.value, fact, at);
        return fact.id.value;
    }
    uuid client(const std::string& name, const std::string& email = {}, const std::string& notes = {})
    {
        client::created fact;
        fact.id = {fresh_id()};
        fact.name = name;
        if (!email.empty())
            fact.email = schema::personal<std::string>{email};
        if (!notes.empty())
            fact.notes = schema::personal<std::string>{notes};
        at.us += 1'000'000;
        in.append(tenant, "client", fact.id.value, fact, at);
        return fact.id.value;
    }
    void rename(const uuid& task, const std::string& title)
    {
        task::changed fact;
        fact.id = {task};
        fact.title = event_log::change<std::string>{"", title};
        in.append(tenant, "task", task, fact);
    }

    // "type title score; ..."
    std::string found(const std::string& q, int hits = search::hits_default,
                      std::array<bool, 3> types = {true, true, true})
    {
        projection::reader from{in.reading()};
        const auto shown = search::read(from, tenant, {projection::sought_terms(q), types, hits});
        std::string all;
        const std::string& json = *shown.data;
        const auto value = [&](std::string_view name, std::size_t from_at) {
            const auto begin = json.find(name, from_at) + name.size();
            return json.substr(begin, json.find_first_of("\"}", begin) - begin);
        };
        for (auto at_hit = json.find("{\"type\":\""); at_hit != std::string::npos;
             at_hit = json.find("{\"type\":\"", at_hit + 1))
            all += (all.empty() ? "" : "; ") + value("\"type\":\"", at_hit) + " " + value("\"title\":\"", at_hit) +
                   " " + value("\"score\":", at_hit);
        return all;
    }

    world& in;
    uuid tenant;
    moment at{1'700'000'000'000'000};
};

constexpr std::array<bool, 3> tasks_alone{false, false, true};
}  // namespace

TEST_CASE("the words are those of the rows after random histories, two runners, a restart and a deleted cache")
{
    world in;
    random_history(in, 91);
    {
        running one{in, in.room.path() / "cache"};
        running two{in, in.room.path() / "cache"};
        random_history(in, 92, {4, 300});
        one.catch_up();
        two.catch_up();
        const auto found = in.verified();
        check_equal(found);
        CHECK(found.terms > 200);
    }
    std::filesystem::remove_all(in.room.path() / "cache");
    random_history(in, 93, {4, 200});
    running again{in, in.room.path() / "cache"};
    again.catch_up();
    check_equal(in.verified());
}

TEST_CASE("words come with a thing, change with its title, leave with its archiving and return with its restoring")
{
    world in;
    office of{in, 1};
    const uuid task = of.task("Print the Straße plan", "the plan of the plan");
    const uuid client = of.client("Ann & Söhne", "ann@north.example", "calls at night");
    in.flush();
    running it{in, in.room.path() / "cache"};
    it.catch_up();
    CHECK(words_of(in, of.tenant, task) == "of plan! print! strasse! the!");
    CHECK(words_of(in, of.tenant, client) == "ann! söhne!");
    CHECK(in.db.run("select count(*) from read.search_term where term in ('north', 'example', 'calls', 'night')") ==
          "0");

    of.rename(task, "Draw the map");
    in.append(of.tenant, "task", task, task::started{{task}, {task::status::todo, task::status::in_progress}});
    in.flush();
    it.catch_up();
    CHECK(words_of(in, of.tenant, task) == "draw! map! of plan the!");

    in.append(of.tenant, "task", task, task::archived{{task}});
    in.flush();
    it.catch_up();
    CHECK(words_of(in, of.tenant, task).empty());
    CHECK(of.found("map").empty());

    in.append(of.tenant, "task", task, task::restored{{task}});
    in.append(of.tenant, "task", task, task::moved{{task}, {{}, project::project_id{fresh_id()}}});
    in.flush();
    it.catch_up();
    CHECK(words_of(in, of.tenant, task) == "draw! map! of plan the!");
    check_equal(in.verified());
}

TEST_CASE("the comparison names the things whose words were altered, taken away or added by hand")
{
    world in;
    office of{in, 2};
    const uuid altered = of.task("altered words"), bare = of.task("bare words"), archived = of.task("gone");
    in.append(of.tenant, "task", archived, task::archived{{archived}});
    in.flush();
    running it{in, in.room.path() / "cache"};
    it.catch_up();
    it.stop();
    check_equal(in.verified());

    in.db.run("update read.search_term set place = 1 where term = 'altered'");
    in.db.run("delete from read.search_term where id = '" + bare.text() + "'");
    in.db.run("insert into read.search_term select tenant_id, 'task', version, '" + archived.text() +
              "', 'ghost', 0, created_at from read.search_term where term = 'altered'");
    const auto found = in.verified();
    CHECK(found.different == 3);
    const auto kind_of = [&](const uuid& id) {
        for (const auto& each : found.differences)
            if (each.key == id.text() + "/terms")
                return each.what;
        FAIL("not named");
        return projection::difference::kind::other;
    };
    CHECK(kind_of(altered) == projection::difference::kind::other);
    CHECK(kind_of(bare) == projection::difference::kind::missing);
    CHECK(kind_of(archived) == projection::difference::kind::unexpected);
}

TEST_CASE("a version has words of its own: made with it, searched where it is live, and dropped with it")
{
    world in;
    office of{in, 1};
    of.task("an old word", "and what it means");
    of.task("another word");
    in.flush();
    running it{in, in.room.path() / "cache"};
    it.catch_up();
    const std::array<const projection::definition*, 1> tasks{&task::read_model()};
    in.rebuild(tasks);
    const auto words_in = [&](const std::string& table) {
        return in.db.run("select string_agg(id || term || place || created_at, ' ' order by id, term) from " + table);
    };
    CHECK_FALSE(words_in("read.search_term_task_v1").empty());
    CHECK(words_in("read.search_term_task_v1") == words_in("read.search_term_task_v2"));

    projection::version_store versions{in.rows()};
    versions.open();
    CHECK(swap(versions, "task", 2) == 1);
    of.task("a third word");
    in.flush();
    kit::await("both versions are fed", [&] {
        it.catch_up();
        return in.db.run("select count(distinct version) from read.search_term where term = 'third'") == "2";
    });
    CHECK(of.found("word") == "task a third word 100; task another word 100; task an old word 100");
    CHECK(words_in("read.search_term_task_v1") == words_in("read.search_term_task_v2"));

    versions.retire(task::read_model(), 1, "a test");
    of.task("a fourth word");
    in.flush();
    kit::await("the runner feeds the first one no more", [&] {
        it.catch_up();
        return in.db.run("select count(*) from read.search_term where version = 1 and term = 'fourth'") == "0" &&
               of.found("fourth") == "task a fourth word 100";
    });
    {
        pqxx::connection reading{in.db.dsn("postgres")};
        pqxx::work long_query{reading};
        long_query.exec("select count(*) from read.search_term");
        std::jthread later{[&] {
            kit::await("the words are waited for", [&] {
                return in.db.run("select count(*) from pg_locks where not granted"
                                 " and relation = 'read.search_term'::regclass") != "0";
            });
            CHECK(of.found("fourth") == "task a fourth word 100");
            long_query.abort();
        }};
        versions.remove_retired(task::read_model(), 1);
        later.join();
        for (const char* role : {"clientflow_app", "clientflow_projector", "clientflow_analyst"})
            CHECK(in.db.run("select has_table_privilege('" + std::string{role} +
                            "', 'read.search_term_task_v2', 'select, insert, update, delete')") == "f");
    }
    CHECK(in.db.run("select to_regclass('read.search_term_task_v1') is null") == "t");
    CHECK(of.found("word") ==
          "task a fourth word 100; task a third word 100; task another word 100; task an old word 100");
    it.stop();
    check_equal(in.verified());
}

TEST_CASE("rows of another history lose their words too")
{
    world in;
    office of{in, 1};
    of.task("an old word");
    in.flush();
    const auto cache = in.room.path() / "cache";
    {
        running it{in, cache};
        it.catch_up();
    }
    in.db.run("update read.checkpoint set event_id = gen_random_uuid() where lane = 1");
    in.db.run("update read.search_term set term = 'stranger ' || term");
    running it{in, cache};
    it.catch_up();
    kit::await("the lane is folded again",
               [&] { return in.db.run("select count(*) from read.search_term where term like 'stranger%'") == "0"; });
    it.catch_up();
    it.stop();
    check_equal(in.verified());
}

TEST_CASE("whole words come before beginnings, titles before descriptions, the newest first, in groups by type")
{
    world in;
    office of{in, 1}, other{in, 1}, elsewhere{in, 3};
    of.task("Notes", "what the meeting said");
    of.task("Meeting one");
    of.task("All meetings");
    of.task("Meet Ann");
    of.task("Meeting two");
    of.task("Other", "we meet often");
    of.project("Meet");
    of.client("Meeting rooms Ltd");
    other.task("Meet nobody of them");
    elsewhere.task("Meet nobody of them");
    in.flush();
    running it{in, in.room.path() / "cache"};
    it.catch_up();

    CHECK(of.found("meet") == "client Meeting rooms Ltd 75; project Meet 100; task Meet Ann 100; task Meeting two 75; "
                              "task All meetings 75; task Meeting one 75; task Other 50; task Notes 25");
    CHECK(of.found("MEE", 2) == "client Meeting rooms Ltd 75; project Meet 75; task Meeting two 75; task Meet Ann 75");
    CHECK(of.found("meeting", 50, tasks_alone) ==
          "task Meeting two 100; task Meeting one 100; task All meetings 75; task Notes 50");
    CHECK(of.found("meet", 1, {false, true, false}) == "project Meet 100");
    CHECK(of.found("eeting").empty());
    CHECK(other.found("meet") == "task Meet nobody of them 100");
    CHECK(other.found("ann").empty());
}

TEST_CASE("of several words each must begin a word of the thing, wherever it stands")
{
    world in;
    office of{in, 1};
    of.task("Print the plan");
    of.task("Plan a reprint");
    of.task("Plan", "to be printed");
    of.task("東京都庁の会議");
    for (int i = 0; i < 40; ++i)
        of.task("plan " + std::to_string(i));
    in.flush();
    running it{in, in.room.path() / "cache"};
    it.catch_up();
    CHECK(of.found("plan print") == "task Print the plan 100; task Plan 62");
    CHECK(of.found("print plan") == of.found("plan print"));
    CHECK(of.found("pla pri") == "task Print the plan 75; task Plan 50");
    CHECK(of.found("plan print the") == "task Print the plan 100");
    CHECK(of.found("plan nowhere").empty());
    CHECK(of.found("plan plan pla 39") == "task plan 39 91");
    CHECK(of.found("都庁") == "task 東京都庁の会議 100");
    CHECK(of.found("会議 東京都") == "task 東京都庁の会議 100");
}

TEST_CASE("a search reads no more than its bound of what matches, and says how new it is")
{
    world in;
    office of{in, 0};
    in.flush();
    in.register_read_models();
    in.db.run("insert into read.task select '" + of.tenant.text() +
              "', md5(n::text)::uuid, 1, now() - n * interval '1 s', now(), null, gen_random_uuid(), 'common w' || n,"
              " null, 'todo', 'normal', null, '{}', null, '{}', null, null from generate_series(1, 20000) n");
    in.db.run("insert into read.search_term select tenant_id, 'task', 1, id, unnest(string_to_array(title, ' ')), 0,"
              " created_at from read.task");
    in.db.run("analyze read.search_term; analyze read.task");
    const auto newest = [&](int n) { return "task common w" + std::to_string(n); };
    CHECK(of.found("common", 2) == newest(1) + " 100; " + newest(2) + " 100");
    CHECK(of.found("com", 2) == newest(1) + " 75; " + newest(2) + " 75");
    CHECK(of.found("common w17") ==
          "task common w17 100; task common w170 87; task common w171 87; task common w172 87;"
          " task common w173 87; task common w174 87; task common w175 87;"
          " task common w176 87; task common w177 87; task common w178 87");

    // What the index was read for, counted by PostgreSQL itself, in the application's role.
    pqxx::connection raw{in.db.dsn()};
    pqxx::nontransaction work{raw};
    work.exec("select set_config('app.tenant', '" + of.tenant.text() + "', false)");
    const auto rows_read = [&](const std::string& words) {
        const auto read_so_far = [&] {
            work.exec("select pg_stat_force_next_flush()");
            return std::stoll(in.db.run("select sum(idx_tup_read) from pg_stat_user_indexes"
                                        " where schemaname = 'read' and relname like 'search_term%'"));
        };
        const auto before = read_so_far();
        work.exec("select * from read.search('task', 1, '" + words + "', 10)");
        return read_so_far() - before;
    };
    CHECK(rows_read("{com}") > 0);
    CHECK(rows_read("{com}") < 100);
    CHECK(rows_read("{w}") < 500);
    CHECK(rows_read("{common,w1}") < 2'500);
}

TEST_CASE("a word is read as a range of the index with the tenant as its bound, under row security")
{
    world in;
    office of{in, 0}, other{in, 0};
    in.flush();
    in.register_read_models();
    in.db.run("insert into read.search_term select t.id::uuid, 'task', 1, gen_random_uuid(), 'word' || n % 500, 0,"
              " now() from unnest(array['" +
              of.tenant.text() + "', '" + other.tenant.text() +
              "']) as t (id), generate_series(1, 20000) n; analyze read.search_term");
    pqxx::connection raw{in.db.dsn()};
    pqxx::nontransaction work{raw};
    work.exec("select set_config('app.tenant', '" + of.tenant.text() + "', false)");
    const auto plan = [&](const std::string& statement) {
        std::string text;
        for (const auto& row : work.exec("explain " + statement))
            text += row[0].c_str() + std::string{"\n"};
        return text;
    };
    const auto newest = plan("select t.id, t.created_at from read.search_term t where t.projection = 'task' and"
                             " t.version = 1 and t.place = 0 and t.term = 'word7' order by t.created_at desc, t.id"
                             " limit 10");
    CHECK_MESSAGE(newest.find("Index Only Scan using search_term_task_v1_by_word") != std::string::npos, newest);
    CHECK_MESSAGE(newest.find("Sort") == std::string::npos, newest);
    CHECK_MESSAGE(newest.find("Index Cond: ((tenant_id = ") != std::string::npos, newest);
    CHECK_MESSAGE(newest.find(") AND (place = 0) AND (term = 'word7'::text))\n") != std::string::npos, newest);
    // What is true of every row of the part.
    CHECK_MESSAGE(newest.find("Filter: ((projection = 'task'::text) AND (version = 1))\n") != std::string::npos,
                  newest);
    const auto range =
        plan("select t.term from read.search_term t where t.projection = 'task' and t.version = 1 and"
             " t.place = 0 and t.term >= 'wor' and t.term < 'wor' || U&'\\+10FFFF' order by t.term limit 1");
    CHECK_MESSAGE(range.find("using search_term_task_v1_by_word") != std::string::npos, range);
    CHECK_MESSAGE(range.find("(term >= 'wor'::text)") != std::string::npos, range);
    CHECK_MESSAGE(range.find("Filter: ((projection = 'task'::text) AND (version = 1))\n") != std::string::npos, range);
}
