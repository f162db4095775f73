// COPY in its binary form: all of it or nothing, and a connection that can be used afterwards.
#include "events/log/binary_copy.hpp"
#include "events/log/wire.hpp"
#include "tests/kit/database.hpp"

#include <doctest/doctest.h>
#include <pqxx/pqxx>

#include <memory>
#include <string>
#include <vector>

using event_log::binary_copy;
using event_log::wire::fields;

namespace
{
const std::vector<std::string> columns{"id", "name", "small", "mid", "large", "is_so", "at", "on_day", "names", "none"};

struct given_a_table
{
    kit::database db;
    std::unique_ptr<event_log::connection> on = [this] {
        event_log::connection_config config;
        config.dsn = db.dsn("postgres");
        return std::make_unique<event_log::connection>(config, std::make_shared<event_log::watchdog>());
    }();

    given_a_table()
    {
        db.run("create table copied (id uuid, name text check (name <> 'bad'), small smallint, mid integer,"
               " large bigint, is_so boolean, at timestamptz, on_day date, names text[], none text)");
    }

    static std::string row(const std::string& name)
    {
        std::string made;
        event_log::wire::array names{event_log::wire::text_oid};
        names.text("a").text("b, \"c\"");
        fields{made}
            .uuid(*schema::uuid::parse("01a21d4b-37e1-7c7a-8471-2c416792df08"))
            .text(name)
            .int2(-7)
            .int4(1'000'000)
            .int8(-9'000'000'000)
            .boolean(true)
            .timestamptz(*schema::moment::parse("1999-12-31T23:59:59.999999Z"))
            .date(*schema::day::parse("2026-11-27"))
            .text(names.take())
            .null();
        return made;
    }
    std::string count() { return db.run("select count(*) from copied"); }
};
}  // namespace

TEST_CASE_FIXTURE(given_a_table, "every kind of field arrives as what it was")
{
    pqxx::work work{on->raw()};
    binary_copy out{*on, "copied", columns};
    out.row(row("line\n\ttab \\ ü"));
    CHECK(out.finish() == 1);
    work.commit();
    CHECK(db.run("select copied::text from copied") ==
          "(01a21d4b-37e1-7c7a-8471-2c416792df08,\"line\n\ttab \\\\ ü\",-7,1000000,-9000000000,t,"
          "\"1999-12-31 23:59:59.999999+00\",2026-11-27,\"{a,\"\"b, \\\\\"\"c\\\\\"\"\"\"}\",)");
}

TEST_CASE_FIXTURE(given_a_table,
                  "more than is gathered at once arrives whole, and several follow each other in one transaction")
{
    pqxx::work work{on->raw()};
    for (int copies = 0; copies < 2; ++copies)
    {
        binary_copy out{*on, "copied", columns};
        for (int i = 0; i < 5'000; ++i)
            out.row(row(std::string(50, 'x')));
        CHECK(out.finish() == 5'000);
    }
    work.commit();
    CHECK(count() == "10000");
}

TEST_CASE_FIXTURE(given_a_table,
                  "a row that is refused is told with its state, nothing is there, and the connection goes on")
{
    {
        pqxx::work work{on->raw()};
        binary_copy out{*on, "copied", columns};
        out.row(row("good"));
        out.row(row("bad"));
        try
        {
            out.finish();
            FAIL("it was taken");
        }
        catch (const std::exception& refused)
        {
            const auto why = event_log::understand(refused, *on);
            CHECK(why.kind == event_log::failure_kind::refused);
            CHECK(why.sqlstate == "23514");
            CHECK(why.message.find("'bad'") == std::string::npos);
            CHECK(why.message.find("Failing row") == std::string::npos);
        }
    }
    CHECK(count() == "0");
    pqxx::work again{on->raw()};
    binary_copy out{*on, "copied", columns};
    out.row(row("good"));
    out.finish();
    again.commit();
    CHECK(count() == "1");
}

TEST_CASE_FIXTURE(given_a_table, "one that is left unfinished has copied nothing, and the connection goes on")
{
    {
        pqxx::work work{on->raw()};
        binary_copy out{*on, "copied", columns};
        for (int i = 0; i < 5'000; ++i)
            out.row(row("some"));
    }
    CHECK(count() == "0");
    CHECK_FALSE(on->lost());
    pqxx::nontransaction work{on->raw()};
    CHECK(work.exec1("select 1")[0].as<int>() == 1);
}

TEST_CASE_FIXTURE(given_a_table, "a session that ends meanwhile is lost, and says so")
{
    pqxx::work work{on->raw()};
    const auto pid = work.exec1("select pg_backend_pid()")[0].as<std::string>();
    binary_copy out{*on, "copied", columns};
    db.run("select pg_terminate_backend(" + pid + ", 10000)");
    try
    {
        for (int i = 0; i < 100'000; ++i)
            out.row(row("some"));
        out.finish();
        FAIL("it was taken");
    }
    catch (const std::exception& lost)
    {
        CHECK(event_log::understand(lost, *on).kind == event_log::failure_kind::lost);
    }
}
