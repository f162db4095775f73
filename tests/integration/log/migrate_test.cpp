// Migrations: in order, once, by one runner, and never over a schema that is not ours.
#include "events/log/migrator.hpp"
#include "tests/kit/database.hpp"
#include "tests/kit/paths.hpp"
#include "tests/kit/process.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <thread>

using namespace event_log;

namespace
{
struct given_an_empty_database
{
    kit::cluster& in = kit::plain_cluster();
    std::string name = next_name();
    kit::temporary_directory files;

    given_an_empty_database() { in.create_database(name); }
    ~given_an_empty_database() { in.drop_database(name); }

    static std::string next_name()
    {
        static int count = 0;
        return "cf_empty_" + std::to_string(++count);
    }

    std::unique_ptr<connection> admin() const
    {
        connection_config config;
        config.dsn = in.dsn("postgres", name);
        return std::make_unique<connection>(config, std::make_shared<watchdog>());
    }

    void file(const std::string& file_name, const std::string& sql) const
    {
        std::ofstream{files.path() / file_name} << sql;
    }

    std::vector<migration> wanted() const { return read_migrations(files.path()); }

    void given_the_first() const
    {
        file("0001_log.sql",
             "create schema es; create table es.migration (number int primary key, name text, checksum text,"
             " applied_at timestamptz default now());");
    }
};

const std::vector<migration>& ours()
{
    static const auto all = read_migrations(kit::source_root() / "migrations");
    return all;
}

#ifdef CLIENTFLOW_FAULT_POINTS
// Runs the child over this database with a fault that kills it; what it left behind.
struct child_end
{
    bool fired = false;
    int exit_code = -1;
};

child_end run_child(const given_an_empty_database& over, const std::string& fault)
{
    const auto log = over.files.path() / "fired";
    kit::launch child;
    child.program = "/proc/self/exe";
    child.arguments = {"--no-skip", "--test-case=child: migrates and begins an incarnation"};
    child.environment = {{"MIGRATE_CHILD_DSN", over.in.dsn("postgres", over.name)},
                         {"CLIENTFLOW_FAULT", fault},
                         {"CLIENTFLOW_FAULT_LOG", log.string()}};
    const auto done = kit::run(child);
    return {std::filesystem::exists(log), done.end.exit_code};
}
#endif
}  // namespace

TEST_CASE("child: migrates and begins an incarnation" * doctest::skip())
{
    const char* dsn = std::getenv("MIGRATE_CHILD_DSN");
    if (dsn == nullptr)
        return;
    connection_config config;
    config.dsn = dsn;
    connection on{config, std::make_shared<watchdog>()};
    migrate(on, ours());
    begin_incarnation(on, "a test");
}

TEST_CASE_FIXTURE(given_an_empty_database,
                  "an empty database is brought to today's schema, and a second run finds nothing to do")
{
    const auto on = admin();
    CHECK(inspect_schema(*on, ours()).state == schema_state::empty);
    CHECK(inspect_schema(*on, ours()).pending.size() == ours().size());

    CHECK(migrate(*on, ours()).size() == ours().size());
    CHECK(inspect_schema(*on, ours()).state == schema_state::current);
    CHECK(migrate(*on, ours()).empty());
    CHECK(in.run("select count(*) from es.migration", name) == std::to_string(ours().size()));
}

TEST_CASE_FIXTURE(given_an_empty_database, "two runners at once migrate once")
{
    std::vector<std::size_t> ran(2);
    std::vector<std::thread> runners;
    for (std::size_t i = 0; i < 2; ++i)
        runners.emplace_back([&, i] { ran[i] = migrate(*admin(), ours()).size(); });
    for (std::thread& each : runners)
        each.join();
    CHECK(std::max(ran[0], ran[1]) == ours().size());
    CHECK(std::min(ran[0], ran[1]) == 0);
}

TEST_CASE_FIXTURE(given_an_empty_database, "what is missing is run in order, and only that")
{
    given_the_first();
    migrate(*admin(), wanted());
    file("0007_later.sql", "insert into es.note values ('later');");
    file("0003_sooner.sql", "create table es.note (said text);");

    const auto report = inspect_schema(*admin(), wanted());
    CHECK(report.state == schema_state::behind);
    CHECK(report.pending.size() == 2);
    const auto ran = migrate(*admin(), wanted());
    REQUIRE(ran.size() == 2);
    CHECK(ran[0].name == "sooner");
    CHECK(ran[1].number == 7);
    CHECK(in.run("select said from es.note", name) == "later");
}

TEST_CASE_FIXTURE(given_an_empty_database,
                  "words that were found before their versions had tables of their own stay found")
{
    auto before = ours();
    std::erase_if(before, [](const migration& each) { return each.number >= 204; });
    migrate(*admin(), before);
    in.run("insert into read.projection (projection, version, definition, digest, rows_in, state) values"
           " ('task', 1, 1, '', 'read.task', 'live'), ('task', 2, 1, '', 'read.task_v2', 'building'),"
           " ('client', 2, 2, '', 'read.client', 'live')",
           name);
    in.run("insert into read.search_term select md5(t::text)::uuid, p.projection, p.version, md5(n::text)::uuid,"
           " 'word' || n, n % 2, now() from read.projection p, generate_series(1, 3) t, generate_series(1, 50) n",
           name);
    const auto words = [&] {
        return in.run("select md5(string_agg(t::text, ' ' order by t)) || count(*) from read.search_term t", name);
    };
    const auto there = words();
    CHECK(migrate(*admin(), ours()).size() == ours().size() - before.size());
    CHECK(words() == there);
    CHECK(in.run("select count(*) from read.search_term_task_v1", name) == "150");

    // A program that had begun a version goes on through the whole, one that knows its table copies into that.
    in.run("begin; set local role clientflow_projector; insert into read.search_term values"
           " (gen_random_uuid(), 'task', 2, gen_random_uuid(), 'old', 0, now());"
           " insert into read.search_term_task_v2 values"
           " (gen_random_uuid(), 'task', 2, gen_random_uuid(), 'new', 0, now()); commit",
           name);
    in.run("begin; set local role clientflow_projector; select read.finish_terms('task', 2); commit", name);
    CHECK(in.run("select has_table_privilege('clientflow_projector', 'read.search_term_task_v2', 'insert')", name) ==
          "f");
    CHECK(in.run("select count(*) from read.search_term where version = 2 and projection = 'task'", name) == "152");

    // By an index that begins with what differs within a version: of the whole, and as its part of each version's
    // table.
    const auto by_word = [&](const std::string& where) {
        return in.run("select count(*) from pg_index i join pg_class c on c.oid = i.indexrelid and c.relname like"
                      " 'search_term%' where i.indisvalid and i.indnkeyatts = 5 and i.indnatts = 7 and " +
                          where,
                      name);
    };
    CHECK(by_word("c.relname = 'search_term_by_word'") == "1");
    CHECK(by_word("c.relname like 'search_term_%_by_word' and exists (select from pg_inherits p where"
                  " p.inhrelid = c.oid and p.inhparent = 'read.search_term_by_word'::regclass)") == "3");
}

TEST_CASE_FIXTURE(given_an_empty_database, "an edited migration is refused before anything runs")
{
    given_the_first();
    file("0002_two.sql", "create table es.two (n int);");
    migrate(*admin(), wanted());
    file("0002_two.sql", "create table es.two (n bigint);");
    file("0003_three.sql", "create table es.three (n int);");

    CHECK(inspect_schema(*admin(), wanted()).state == schema_state::edited);
    CHECK_THROWS_AS(migrate(*admin(), wanted()), schema_refused);
    CHECK(in.run("select to_regclass('es.three') is null", name) == "t");
}

TEST_CASE_FIXTURE(given_an_empty_database, "a newer schema is refused")
{
    given_the_first();
    file("0002_two.sql", "create table es.two (n int);");
    migrate(*admin(), wanted());
    std::filesystem::remove(files.path() / "0002_two.sql");

    CHECK(inspect_schema(*admin(), wanted()).state == schema_state::newer);
    CHECK_THROWS_AS(migrate(*admin(), wanted()), schema_refused);
}

TEST_CASE_FIXTURE(given_an_empty_database, "a migration that fails leaves nothing behind, and can be mended")
{
    given_the_first();
    file("0002_two.sql", "create table es.two (n int); select 1 / 0;");
    CHECK_THROWS_AS(migrate(*admin(), wanted()), std::runtime_error);
    CHECK(in.run("select to_regclass('es.two') is null", name) == "t");
    CHECK(in.run("select count(*) from es.migration", name) == "1");

    file("0002_two.sql", "create table es.two (n int);");
    CHECK(migrate(*admin(), wanted()).size() == 1);
}

TEST_CASE_FIXTURE(given_an_empty_database, "files are named NNNN_what_it_does.sql, each number once")
{
    file("2_two.sql", "");
    CHECK_THROWS(wanted());
    std::filesystem::remove(files.path() / "2_two.sql");
    file("0002_two.sql", "");
    file("0002_again.sql", "");
    CHECK_THROWS(wanted());
}

TEST_CASE_FIXTURE(given_an_empty_database, "the incarnation is the server's timeline and a number that can be raised")
{
    const auto on = admin();
    migrate(*on, ours());
    const incarnation first = read_incarnation(*on);
    CHECK(first.timeline >= 1);
    CHECK(first.number == 1);
    const incarnation second = begin_incarnation(*on, "restored from a backup");
    CHECK(second.number == 2);
    CHECK(second != first);
    CHECK(second.text() == std::to_string(first.timeline) + ".2");
}

#ifdef CLIENTFLOW_FAULT_POINTS
TEST_CASE("a migrate killed before or after any commit is run again, and everything is there once")
{
    for (const char* point : {"migrate.before_commit", "migrate.after_commit"})
        for (std::size_t nth = 1;; ++nth)
        {
            CAPTURE(point);
            CAPTURE(nth);
            const given_an_empty_database given;
            const auto end = run_child(given, std::string{point} + ":kill:" + std::to_string(nth));
            if (!end.fired)
            {
                CHECK(end.exit_code == 0);
                CHECK(nth == ours().size() + 1);
                break;
            }
            CHECK(end.exit_code == 137);
            const std::size_t left = std::string_view{point} == "migrate.before_commit" ? nth - 1 : nth;
            const auto before = inspect_schema(*given.admin(), ours());
            CHECK(before.pending.size() == ours().size() - left);

            CHECK(migrate(*given.admin(), ours()).size() == ours().size() - left);
            CHECK(inspect_schema(*given.admin(), ours()).state == schema_state::current);
            CHECK(given.in.run("select count(*) from es.migration", given.name) == std::to_string(ours().size()));
            REQUIRE(nth < 100);
        }
}

TEST_CASE("an incarnation killed before its commit was not begun, after it was begun once")
{
    for (const auto& [point, number] : {std::pair{"incarnation.before_commit", 1}, {"incarnation.after_commit", 2}})
    {
        CAPTURE(point);
        const given_an_empty_database given;
        const auto end = run_child(given, std::string{point} + ":kill");
        CHECK(end.fired);
        CHECK(end.exit_code == 137);
        CHECK(read_incarnation(*given.admin()).number == number);
        CHECK(begin_incarnation(*given.admin(), "once more").number == number + 1);
    }
}
#endif
