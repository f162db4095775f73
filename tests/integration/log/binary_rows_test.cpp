// Prepared questions whose rows come as bytes: every kind of value, refusals, and a session that is lost.
#include "events/log/binary_rows.hpp"
#include "events/log/wire.hpp"
#include "tests/kit/database.hpp"

#include <doctest/doctest.h>
#include <pqxx/pqxx>

#include <array>
#include <limits>
#include <memory>
#include <string>
#include <vector>

namespace wire = event_log::wire;

namespace
{
struct given_a_session
{
    kit::database db;
    std::unique_ptr<event_log::connection> on = [this] {
        event_log::connection_config config;
        config.dsn = db.dsn("postgres");
        return std::make_unique<event_log::connection>(config, std::make_shared<event_log::watchdog>());
    }();

    event_log::binary_rows ask(const std::string& statement, const std::vector<std::string>& arguments = {})
    {
        event_log::prepare(*on, "question " + std::to_string(++asked_), statement);
        return event_log::ask_prepared(*on, "question " + std::to_string(asked_), arguments);
    }
    std::string one(const std::string& value) { return std::string{ask("select " + value).at(0, 0).value()}; }

    std::vector<std::string> elements_of(const std::string& value)
    {
        const auto bytes = one(value);
        std::vector<std::string> made;
        for (wire::elements walk{bytes}; walk.next();)
            made.emplace_back(walk.value);
        return made;
    }

private:
    int asked_ = 0;
};
}  // namespace

TEST_CASE_FIXTURE(given_a_session, "every kind of value is read as what it was")
{
    CHECK(wire::boolean_in(one("true")));
    CHECK_FALSE(wire::boolean_in(one("false")));
    CHECK(wire::integer_in(one("-7::smallint")) == -7);
    CHECK(wire::integer_in(one("1000000::integer")) == 1'000'000);
    CHECK(wire::integer_in(one("'-9223372036854775808'::bigint")) == std::numeric_limits<std::int64_t>::min());
    CHECK(wire::uuid_in(one("'01a21d4b-37e1-7c7a-8471-2c416792df08'::uuid")).text() ==
          "01a21d4b-37e1-7c7a-8471-2c416792df08");
    for (const std::string at : {"0001-01-01T00:00:00.000000Z", "1999-12-31T23:59:59.999999Z",
                                 "2000-01-01T00:00:00.000000Z", "9999-12-31T23:59:59.999999Z"})
        CHECK(wire::moment_in(one("'" + at + "'::timestamptz")).text() == at);
    for (const std::string day : {"0001-01-01", "1999-12-31", "2000-02-29", "9999-12-31"})
        CHECK(wire::day_in(one("'" + day + "'::date")).text() == day);
    CHECK(one("'Grüße'::text") == "Grüße");
    CHECK(elements_of("array['a', '', 'b, \"c\"']::text[]") == std::vector<std::string>{"a", "", "b, \"c\""});
    CHECK(elements_of("'{}'::uuid[]").empty());
}

TEST_CASE_FIXTURE(given_a_session, "what is no value of its kind is refused without a word of it")
{
    const auto is_refused = [](auto read) {
        try
        {
            read();
            return false;
        }
        catch (const std::runtime_error& refusal)
        {
            return std::string{refusal.what()}.starts_with("the database answered with an unreadable ");
        }
    };
    CHECK(is_refused([&] { wire::boolean_in("ab"); }));
    CHECK(is_refused([&] { wire::integer_in("abc"); }));
    CHECK(is_refused([&] { wire::uuid_in("short"); }));
    CHECK(is_refused([&] { wire::moment_in(one("'infinity'::timestamptz")); }));
    CHECK(is_refused([&] { wire::moment_in(one("'-infinity'::timestamptz")); }));
    CHECK(is_refused([&] { wire::day_in(one("'infinity'::date")); }));
    CHECK(is_refused([&] { elements_of("array[['a'], ['b']]::text[]"); }));
    CHECK(is_refused([&] { elements_of("array['a', null]::text[]"); }));
    const auto whole = one("array['abc']::text[]");
    for (std::size_t cut = 0; cut < whole.size(); ++cut)
        CHECK(is_refused([&] {
            for (wire::elements walk{std::string_view{whole}.substr(0, cut)}; walk.next();)
                ;
        }));
}

TEST_CASE_FIXTURE(given_a_session, "arguments take the types that the statement says, and NULL is nothing")
{
    const auto rows = ask("select n, nullif(n, $2::bigint), $3::text from generate_series(1, $1::bigint) n order by n",
                          {"2", "2", "'; drop table es.event; --"});
    REQUIRE(rows.size() == 2);
    REQUIRE(rows.columns() == 3);
    CHECK(wire::integer_in(rows.at(1, 0).value()) == 2);
    CHECK(rows.at(0, 1).has_value());
    CHECK_FALSE(rows.at(1, 1).has_value());
    CHECK(rows.at(0, 2) == "'; drop table es.event; --");
    CHECK(ask("select 1 where false").size() == 0);
}

TEST_CASE_FIXTURE(given_a_session, "a refusal names its sqlstate, and the session answers on")
{
    CHECK_THROWS_AS(event_log::prepare(*on, "no table", "select * from nowhere"), pqxx::sql_error);
    event_log::prepare(*on, "a cast", "select $1::bigint");
    try
    {
        event_log::ask_prepared(*on, "a cast", std::array<std::string, 1>{"many"});
        FAIL("it was answered");
    }
    catch (const pqxx::sql_error& refused)
    {
        CHECK(refused.sqlstate() == "22P02");
        CHECK(event_log::understand(refused, *on).kind == event_log::failure_kind::refused);
    }
    CHECK(one("'here'::text") == "here");
}

TEST_CASE_FIXTURE(given_a_session, "what was forgotten is not known any more, and its name may be used again")
{
    event_log::prepare(*on, "page 1", "select 'old'::text");
    event_log::unprepare(*on, "page 1");
    CHECK_THROWS_AS(event_log::ask_prepared(*on, "page 1", {}), pqxx::sql_error);
    event_log::prepare(*on, "page 1", "select 'new'::text");
    CHECK(event_log::ask_prepared(*on, "page 1", {}).at(0, 0) == "new");
}

TEST_CASE_FIXTURE(given_a_session, "a session that ends meanwhile is lost, and says so")
{
    event_log::prepare(*on, "ended", "select pg_terminate_backend(pg_backend_pid())");
    try
    {
        event_log::ask_prepared(*on, "ended", {});
        FAIL("it was answered");
    }
    catch (const pqxx::failure& fault)
    {
        CHECK(event_log::understand(fault, *on).kind == event_log::failure_kind::lost);
    }
}
