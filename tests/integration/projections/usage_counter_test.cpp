// Counted calls: added once whatever becomes of the answer, in the quarter in which they were made.
#include "http/server/key_use.hpp"
#include "tests/kit/database.hpp"
#include "tests/kit/log/rounds.hpp"

#include <doctest/doctest.h>

#include <string>

namespace
{
schema::uuid id(std::uint8_t n) { return schema::uuid::v7(1'700'000'000'000, {n}); }

const schema::uuid ann = id(1), bob = id(2);

schema::moment at(const char* text) { return schema::moment::parse(text).value(); }

struct given_counters
{
    std::string one(const std::string& sql) const { return db.run(sql); }

    std::string calls_by_quarter() const
    {
        return one("set time zone 'UTC'; select string_agg(to_char(bucket, 'MM-DD HH24:MI') || ' ' || value, ', '"
                   " order by bucket) from read.usage_counter");
    }

    kit::database db;
    http::key_use_writer writer{log_tests::at(db.dsn())};
};

}  // namespace

TEST_CASE_FIXTURE(given_counters, "a sending whose answer was lost is sent again and counts once; the next one counts")
{
    const http::use_sending first{1,
                                  {{ann, {id(3)}, at("2026-03-01T10:14:59.000000Z"), 3},
                                   {ann, {id(3)}, at("2026-03-01T10:15:00.000000Z"), 4},
                                   {bob, {id(4)}, at("2026-02-28T23:59:59.000000Z"), 5}}};
    writer.keep(first);
    writer.keep(first);
    CHECK(calls_by_quarter() == "02-28 23:45 5, 03-01 10:00 3, 03-01 10:15 4");
    CHECK(one("select string_agg(calls || ' ' || month, ', ' order by month) from read.api_key_use") ==
          "5 2026-02-01, 7 2026-03-01");

    writer.keep({2, {{ann, {id(3)}, at("2026-03-01T10:15:10.000000Z"), 1}}});
    CHECK(calls_by_quarter() == "02-28 23:45 5, 03-01 10:00 3, 03-01 10:15 5");
    writer.keep(first);  // as a packet that comes late
    CHECK(calls_by_quarter() == "02-28 23:45 5, 03-01 10:00 3, 03-01 10:15 5");

    http::key_use_writer other{log_tests::at(db.dsn())};
    other.keep(first);  // another life of a process counts for itself
    CHECK(calls_by_quarter() == "02-28 23:45 10, 03-01 10:00 6, 03-01 10:15 9");
    CHECK(one("select count(*) from read.key_use_sent") == "2");
}

TEST_CASE_FIXTURE(given_counters, "numbers of nodes that have sent nothing for a week are forgotten, of others not")
{
    writer.keep({1, {{ann, {id(3)}, at("2026-03-01T10:00:00.000000Z"), 1}}});
    one("insert into read.key_use_sent values (gen_random_uuid(), 7, now() - interval '8 days')");
    CHECK(one("set role clientflow_app; select read.forget_key_use_sent()") == "1");
    CHECK(one("select string_agg(number::text, ',') from read.key_use_sent") == "1");
}
