// The store feed: contiguous batches per lane, whatever else the cluster is doing.
#include "events/feed/notifier.hpp"
#include "events/feed/store_feed.hpp"
#include "tests/kit/log/rounds.hpp"
#include "tests/kit/eventually.hpp"
#include "tests/kit/proxy.hpp"

#include <doctest/doctest.h>
#include <pqxx/pqxx>

#include <algorithm>
#include <atomic>
#include <thread>

using namespace log_tests;
using event_feed::store_feed;

namespace
{
event_feed::store_feed_config feeding(const kit::database& db)
{
    event_feed::store_feed_config config;
    config.dsn = db.dsn();
    return config;
}

event_feed::notifier_config telling(const kit::database& db)
{
    event_feed::notifier_config config;
    config.dsn = db.dsn();
    return config;
}

struct given_two_lanes
{
    kit::database db;
    store log{at(db.dsn())};
    tenant left = new_born(log, 3), right = new_born(log, 5);

    void append(tenant& to, int events)
    {
        stream task = to.fresh_stream();
        for (int i = 0; i < events; ++i)
            log.append(round_of({command{to}.write(task)}));
    }
};

// Follows some lanes the way a consumer does.
struct follower
{
    store_feed feed;
    std::vector<position> at;
    std::vector<recorded> seen;

    std::size_t step()
    {
        const auto batch = feed.read(at);
        for (const recorded& each : batch)
            for (position& mine : at)
                if (mine.lane == each.at.lane)
                    mine = each.at;
        seen.insert(seen.end(), batch.begin(), batch.end());
        return batch.size();
    }
};
}  // namespace

TEST_CASE_FIXTURE(given_two_lanes, "a feed hands out each lane in order, from where the reader stands")
{
    append(left, 4);
    append(right, 2);
    store_feed feed{feeding(db)};

    const std::vector<position> from{{3, 0}, {5, 1}, {7, 0}};
    const auto batch = feed.read(from);

    REQUIRE(batch.size() == 7);
    CHECK(batch[0].at == position{3, 1});
    CHECK(batch[4].at == position{3, 5});
    CHECK(batch[5].at == position{5, 2});
    CHECK(batch[6].stream.tenant == right.id);
    const std::vector<std::int32_t> lanes{5, 3, 9};
    CHECK(feed.heads(lanes) == std::vector<position>{{5, 3}, {3, 5}, {9, 0}});
}

TEST_CASE_FIXTURE(given_two_lanes, "batches are bounded per lane and go on where they ended")
{
    append(left, 9);
    auto config = feeding(db);
    config.feed.batch_events_max = 4;
    follower reader{store_feed{config}, {{3, 0}}, {}};

    CHECK(reader.step() == 4);
    CHECK(reader.step() == 4);
    CHECK(reader.step() == 2);
    CHECK(reader.step() == 0);
    CHECK(reader.seen.back().at == position{3, 10});
}

TEST_CASE_FIXTURE(given_two_lanes, "events come as they are stored, old, unreadable and newer than this build alike")
{
    stream task = left.fresh_stream();
    command newer = command{left}.write(task, "task.created", "{\"estimate_hours\": 2}")
                        .write(task, "task.created", "[1]")
                        .write(task, "task.created", "{}");
    newer.part.events.back().schema_version = 99;
    log.append(round_of({newer}));

    const std::vector<position> from{{3, 1}};
    const auto batch = store_feed{feeding(db)}.read(from);

    REQUIRE(batch.size() == 3);
    CHECK(batch[0].data == "{\"estimate_hours\": 2}");
    CHECK(batch[1].data == "[1]");
    CHECK(batch[2].schema_version == 99);
}

TEST_CASE_FIXTURE(given_two_lanes,
                  "large events keep a batch within its bytes, packed by the table or not, and none is lost")
{
    const auto large = [](int i, bool packs) {
        std::string text = packs ? std::string(100'000, 'a') : std::string{};
        for (int n = 0; text.size() < 100'000; ++n)
            text += schema::hex(hash_of(std::to_string(i * 10'000 + n)));
        return "{\"description\":\"" + text + "\"}";
    };
    append(left, 20);
    stream a = left.fresh_stream(), b = right.fresh_stream();
    for (int i = 0; i < 24; ++i)
    {
        log.append(round_of({command{left}.write(a, "task.changed", large(i, i % 2 == 0))}));
        log.append(round_of({command{right}.write(b, "task.changed", large(i, i % 2 == 1))}));
    }
    auto config = feeding(db);
    config.feed.batch_bytes_max = 1'000'000;
    follower reader{store_feed{config}, {{3, 0}, {5, 0}}, {}};

    std::size_t before = 0, most = 0;
    while (reader.step() > 0)
    {
        std::size_t bytes = 0;
        for (; before < reader.seen.size(); ++before)
            bytes += reader.seen[before].data.size() + reader.seen[before].meta.size();
        most = std::max(most, bytes);
        CHECK(bytes <= config.feed.batch_bytes_max);
    }
    CHECK(most > config.feed.batch_bytes_max / 2);
    CHECK(reader.seen.size() == 2 + 20 + 2 * 24);
}

TEST_CASE_FIXTURE(given_two_lanes, "an event that is larger than a whole batch is handed out alone")
{
    stream task = left.fresh_stream();
    log.append(round_of({command{left}.write(task, "task.changed", "{\"a\":\"" + std::string(5'000, 'b') + "\"}")}));
    append(left, 2);
    auto config = feeding(db);
    config.feed.batch_bytes_max = 1'000;
    follower reader{store_feed{config}, {{3, 1}}, {}};
    CHECK(reader.step() == 1);
    while (reader.step() > 0)
        ;
    CHECK(reader.seen.size() == 3);
}

TEST_CASE_FIXTURE(given_two_lanes, "after a read that failed a feed asks for half as much, and then for more again")
{
    append(left, 20);
    kit::proxy link{db.server().port()};
    auto config = feeding(db);
    config.dsn = db.dsn_through(link.port());
    config.feed.batch_events_max = 8;
    follower reader{store_feed{config}, {{3, 0}}, {}};
    CHECK(reader.step() == 8);

    link.refuse();
    link.cut();
    CHECK_THROWS_AS(reader.step(), unreachable);
    link.heal();

    CHECK(reader.step() == 4);
    CHECK(reader.step() == 8);
}

TEST_CASE_FIXTURE(given_two_lanes, "a hole in the log is seen, never skipped")
{
    append(left, 4);
    db.run("set session_replication_role = replica; alter table es.event disable trigger event_is_immutable;"
           "delete from es.event where lane = 3 and seq = 3;"
           "alter table es.event enable always trigger event_is_immutable");
    store_feed feed{feeding(db)};

    const std::vector<position> before{{3, 0}}, at_it{{3, 2}};
    CHECK_THROWS_AS(feed.read(before), event_feed::hole);
    CHECK_THROWS_AS(feed.read(at_it), event_feed::hole);
}

TEST_CASE_FIXTURE(given_two_lanes, "a transaction held open elsewhere hides nothing and delays nobody")
{
    pqxx::connection held{db.dsn("postgres")};
    pqxx::work open{held};
    open.exec("create table bystander (n int); insert into bystander values (1)");
    pqxx::connection other{db.server().dsn()};
    pqxx::work reading{other, "r"};
    reading.exec("select pg_current_xact_id()");

    append(left, 5);
    store_feed feed{feeding(db)};
    const std::vector<position> from{{3, 0}};
    CHECK(feed.read(from).size() == 6);
}

TEST_CASE_FIXTURE(given_two_lanes, "an append that is rolled back leaves no hole")
{
    pqxx::connection admin{db.dsn("postgres")};
    {
        pqxx::work doomed{admin};
        doomed.exec("insert into es.event select 3, 1, 2, 1, now(), gen_random_uuid(), '" + left.id.text() +
                    "', gen_random_uuid(), 'task', 'task.created', '{}', '{}'");
    }
    append(left, 2);
    store_feed feed{feeding(db)};
    const std::vector<position> from{{3, 0}};
    CHECK(feed.read(from).size() == 3);
}

TEST_CASE_FIXTURE(given_two_lanes,
                  "four writers on two lanes and a reader beside them: every event once, in order, recorded ever later")
{
    constexpr int writers = 4, rounds = 40;
    std::atomic<int> running = writers;
    std::vector<std::thread> threads;
    for (int w = 0; w < writers; ++w)
        threads.emplace_back([&, w] {
            store mine{at(db.dsn())};
            tenant& to = w % 2 == 0 ? left : right;
            for (int i = 0; i < rounds; ++i)
            {
                stream a = to.fresh_stream(), b = to.fresh_stream();
                mine.append(round_of({command{to}.write(a), command{to}.write(b).write(b)}));
            }
            --running;
        });

    follower reader{store_feed{feeding(db)}, {{3, 0}, {5, 0}}, {}};
    while (running > 0)
        reader.step();
    for (std::thread& each : threads)
        each.join();
    while (reader.step() > 0)
        ;

    CHECK(reader.seen.size() == 2 + writers * rounds * 3);  // contiguity is the feed's own check
    std::map<std::int32_t, schema::moment> last;
    for (const recorded& each : reader.seen)
    {
        CHECK_FALSE(each.recorded_at < last[each.at.lane]);
        last[each.at.lane] = each.recorded_at;
    }
}

TEST_CASE_FIXTURE(given_two_lanes, "recorded_at does not fall when the server's clock does")
{
    db.run("set session_replication_role = replica; alter table es.event disable trigger event_is_immutable;"
           "update es.event set recorded_at = '2100-01-01' where lane = 3;"
           "alter table es.event enable always trigger event_is_immutable");
    append(left, 1);
    CHECK(db.run("select min(recorded_at) = '2100-01-01' from es.event where lane = 3") == "t");
}

TEST_CASE_FIXTURE(given_two_lanes, "a waiting feed is woken in the process, by the notifier, and by its poll")
{
    auto patient = feeding(db);
    patient.feed.poll_min = patient.feed.poll_max = std::chrono::minutes{10};
    store_feed feed{patient};

    feed.wake();
    feed.wait();

    std::atomic<bool> woken = false;
    std::thread waits{[&] {
        feed.wait();
        woken = true;
    }};
    event_feed::notifier tells{telling(db)};
    CHECK(kit::eventually([&] {
        tells.appended();
        return woken.load();
    }));
    waits.join();

    auto brisk = feeding(db);
    brisk.feed.poll_min = brisk.feed.poll_max = std::chrono::milliseconds{1};
    store_feed{brisk}.wait();
}

TEST_CASE_FIXTURE(given_two_lanes, "NOTIFYs are coalesced")
{
    event_feed::notifier_config config = telling(db);
    config.apart_min = std::chrono::minutes{10};
    event_feed::notifier tells{config};
    for (int i = 0; i < 1000; ++i)
        tells.appended();
    CHECK(kit::eventually([&] { return tells.sent() == 1; }));
    tells.appended();
    CHECK(tells.sent() == 1);
}

TEST_CASE_FIXTURE(given_two_lanes, "a feed outlives its connections")
{
    auto config = feeding(db);
    config.feed.poll_min = config.feed.poll_max = std::chrono::milliseconds{5};
    store_feed feed{config};
    const std::vector<position> from{{3, 0}};
    feed.wait();
    CHECK(feed.read(from).size() == 1);

    db.server().terminate_backends();
    CHECK(kit::eventually([&] {
        feed.wait();
        return feed.read(from).size() == 1;
    }));
}
