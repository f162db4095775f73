// Counted calls: added once whatever becomes of the answer, in the quarter in which they were made, and summed when
// their month is over without a figure of any zone's month changing.
#include "http/server/key_use.hpp"
#include "tests/kit/database.hpp"
#include "tests/kit/log/rounds.hpp"

#include <doctest/doctest.h>
#include <pqxx/pqxx>

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

    // Every month of every zone, so that one figure that changes changes it.
    std::string all_figures() const
    {
        return one("select md5(string_agg(concat_ws(' ', tenant_id, metric, zone, month, used), ',' order by tenant_id,"
                   " metric, zone, month)) from (select u.tenant_id, u.metric, z.name as zone,"
                   " date_trunc('month', u.bucket at time zone z.name) as month, sum(u.value) as used"
                   " from read.usage_counter u cross join pg_timezone_names z group by 1, 2, 3, 4) as every");
    }

    // Steps until one finds nothing, as housekeeping does; how many rows were summed.
    long roll_up(int at_most) const
    {
        long rows = 0;
        for (;;)
        {
            const auto done =
                std::stol(one("set role clientflow_app; select read.roll_up_usage(" + std::to_string(at_most) + ")"));
            CHECK(done <= at_most);
            if (done == 0)
                return rows;
            rows += done;
        }
    }

    kit::database db;
    http::key_use_writer writer{log_tests::at(db.dsn())};
};

// A call in every quarter of two organisations, of months that are over and of the one that is not.
constexpr const char* busy =
    "insert into read.usage_counter select t::uuid, 'api_calls', b, 1 + extract(epoch from b)::bigint / 900 % 7"
    "  from unnest(array['00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-000000000002']) t,"
    "       generate_series(timestamptz '2024-01-31 00:00Z', '2024-04-02 00:00Z', '15 minutes') b;"
    "insert into read.usage_counter select '00000000-0000-7000-8000-000000000001', 'api_calls',"
    "       date_bin('15 minutes', now(), 'epoch') - n * interval '15 minutes', 1 from generate_series(0, 50) n";
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

TEST_CASE_FIXTURE(given_counters, "months that are over are summed in bounded steps, and no zone's figure changes")
{
    one(busy);
    const auto before = all_figures();
    const auto rows = [&] { return std::stol(one("select count(*) from read.usage_counter")); };
    const auto of_march = [&] {
        return one("select count(*) from read.usage_counter where bucket >= '2024-03-01Z' and bucket < '2024-04-01Z'"
                   " and tenant_id = '00000000-0000-7000-8000-000000000001'");
    };
    CHECK(of_march() == "2976");
    const auto all = rows();
    const auto summed = roll_up(1'000);
    CHECK(summed > 10'000);
    CHECK(rows() < all - 10'000);
    CHECK(of_march() == "129");  // 16 hours at both ends, and the middle
    CHECK(all_figures() == before);
    CHECK(roll_up(1'000) == 0);

    // What comes late for such a month counts as ever, and is summed, too.
    one("insert into read.usage_counter values ('00000000-0000-7000-8000-000000000001', 'api_calls',"
        " '2024-03-10 12:00Z', 5)");
    const auto with_late = all_figures();
    CHECK(with_late != before);
    CHECK(roll_up(1'000) == 1);
    CHECK(all_figures() == with_late);
    CHECK(of_march() == "129");
}

TEST_CASE_FIXTURE(given_counters, "the month that is not over, and one that has just ended, keep their quarters")
{
    one("insert into read.usage_counter select '00000000-0000-7000-8000-000000000001', 'api_calls', b, 1 from"
        " generate_series(date_trunc('month', (now() - interval '2 days') at time zone 'UTC') at time zone 'UTC',"
        " now(), '15 minutes') b");
    CHECK(roll_up(1'000) == 0);
}

TEST_CASE_FIXTURE(given_counters, "a step that is cut off has done nothing, and rows being added to wait for another")
{
    one(busy);
    const auto before = all_figures();
    const auto rows = one("select count(*) from read.usage_counter");
    one("begin; select read.roll_up_usage(1000); rollback");
    CHECK(one("select count(*) from read.usage_counter") == rows);
    CHECK(all_figures() == before);

    pqxx::connection adding{db.dsn("postgres")};
    pqxx::work held{adding};
    held.exec("update read.usage_counter set value = value + 1 where bucket = '2024-02-10 12:00Z'");
    CHECK(roll_up(1'000) > 10'000);
    held.commit();
    CHECK(roll_up(1'000) == 2);
    CHECK(one("select count(*) from read.usage_counter where bucket = '2024-02-10 12:00Z'") == "0");
    CHECK(one("select sum(value) from read.usage_counter where bucket < '2024-05-01Z'") ==
          one("select 2 + sum(1 + extract(epoch from b)::bigint / 900 % 7) * 2 from"
              " generate_series(timestamptz '2024-01-31 00:00Z', '2024-04-02 00:00Z', '15 minutes') b"));
}
