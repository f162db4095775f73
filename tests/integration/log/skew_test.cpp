// Transactions that begin, take their ids and commit in another order than they write: no reader passes an event that
// comes later, and whoever reads again, from wherever, reads the same.
//
// Rounds are appended by raw calls on connections that hold their transactions open.
#include "events/feed/store_feed.hpp"
#include "tests/kit/eventually.hpp"
#include "tests/kit/log/rounds.hpp"

#include <doctest/doctest.h>
#include <pqxx/pqxx>

#include <future>
#include <memory>
#include <random>
#include <stdexcept>

using namespace log_tests;
using event_feed::store_feed;

namespace
{
// One session in one open transaction. Its id is taken at once, as by any write that comes before the append.
class held
{
public:
    explicit held(const kit::database& db)
        : on_(db.dsn()), open_(on_), id_(open_.exec1("select pg_current_xact_id()")[0].as<std::int64_t>())
    {}

    std::int64_t id() const { return id_; }
    int session() const { return on_.backendpid(); }
    void append(const std::string& call)
    {
        if (open_.exec1(call)[0].is_null())
            throw std::runtime_error("the test's own append was not taken");
    }
    void commit() { open_.commit(); }
    void roll_back() { open_.abort(); }

private:
    pqxx::connection on_;
    pqxx::work open_;
    std::int64_t id_;
};

std::string quoted(const uuid& id) { return "'" + id.text() + "'"; }

// A round of one command: the next event of one stream, which must stand where the test believes it to be.
std::string append_call(const tenant& of, const stream& to, const uuid& event)
{
    const std::string key = quoted(of.id) + ", " + quoted(to.key.id);
    const std::string expected = to.at.version == 0 ? "null" : quoted(to.at.last_event_id);
    return "select es.append(" + quoted(fresh_id()) + ", array[" + std::to_string(of.lane) + "], array[row(1, " +
           quoted(of.id) + ", null)]::es.tenant_in[], array[row(1, 1, 1, " + std::to_string(to.at.version + 1) + ", " +
           quoted(event) + ", " + key + ", 'task', 'task.changed', '{}', '{}')]::es.event_in[], array[row(" +
           std::to_string(to.at.version) + ", " + key + ", 'task', " + expected +
           ")]::es.head_in[], '{}', '{}', '{}', '{}', '{}')";
}

struct given_a_tenant
{
    // Nobody takes an id without writing; here it stands for a write before.
    given_a_tenant() { db.run("grant execute on function pg_current_xact_id() to clientflow_app"); }

    kit::database db;
    store log{at(db.dsn())};
    tenant left = new_born(log, 3);

    // Appends the next event of the stream in the transaction, and remembers what the log should say.
    uuid append(held& in, stream& to)
    {
        const uuid event = fresh_id();
        in.append(append_call(left, to, event));
        to.at = {to.at.version + 1, event};
        return event;
    }

    bool waits_for_a_lane(int session) const
    {
        return db.run("select count(*) from pg_locks where locktype = 'advisory' and not granted and pid = " +
                      std::to_string(session)) == "1";
    }

    store_feed feed(std::size_t batch = 5'000) const
    {
        event_feed::store_feed_config config;
        config.dsn = db.dsn();
        config.feed.batch_events_max = batch;
        return store_feed{config};
    }

    // The lane's events after a position, one id each, as a reader that remembers its place gets them.
    std::vector<uuid> read_from(std::int64_t after, std::size_t batch = 5'000) const
    {
        store_feed reads = feed(batch);
        std::vector<position> from{{left.lane, after}};
        std::vector<uuid> out;
        for (auto got = reads.read(from); !got.empty(); got = reads.read(from))
            for (const recorded& each : got)
            {
                out.push_back(each.event_id);
                from[0] = each.at;
            }
        return out;
    }

    // The same sequence from every cursor, in batches of every size up to three.
    void check_every_cursor(const std::vector<uuid>& expected) const
    {
        for (std::size_t batch = 1; batch <= 3; ++batch)
            for (std::size_t after = 0; after <= expected.size(); ++after)
            {
                CAPTURE(batch);
                CAPTURE(after);
                const auto first = expected.begin() + static_cast<std::ptrdiff_t>(after);
                CHECK(read_from(static_cast<std::int64_t>(after), batch) == std::vector<uuid>(first, expected.end()));
            }
    }
};
}  // namespace

TEST_CASE_FIXTURE(given_a_tenant, "an append begun first and committed last: the later one waits behind it, unread")
{
    const tenant right = new_born(log, 5);
    stream early = left.fresh_stream(), late = left.fresh_stream(), aside = right.fresh_stream();
    held first{db}, second{db}, other{db};
    const uuid one = append(first, early);

    // The second could commit first if it were let: it is not, and nobody reads past what is still open.
    auto two = std::async(std::launch::async, [&] { return append(second, late); });
    CHECK(kit::eventually([&] { return waits_for_a_lane(second.session()); }));
    CHECK(read_from(1).empty());
    other.append(append_call(right, aside, fresh_id()));  // another lane waits for nobody
    other.commit();
    store_feed reads = feed();
    const std::vector<position> from{{3, 1}, {5, 1}};
    REQUIRE(reads.read(from).size() == 1);
    CHECK(reads.read(from)[0].at == position{5, 2});

    first.commit();
    const uuid after = two.get();
    CHECK(read_from(1) == std::vector<uuid>{one});
    second.commit();
    check_every_cursor({left.org.at.last_event_id, one, after});
}

TEST_CASE_FIXTURE(given_a_tenant, "an id taken early inverts nothing: version 2 of whoever began first is read second")
{
    stream task = left.fresh_stream();
    held early{db}, late{db};
    REQUIRE(early.id() < late.id());
    const uuid one = append(late, task);
    late.commit();
    CHECK(read_from(1) == std::vector<uuid>{one});  // although an older transaction is still open

    const uuid two = append(early, task);
    CHECK(read_from(2).empty());
    early.commit();
    CHECK(db.run("select string_agg(version::text, ' ' order by seq) from es.event where category = 'task'") == "1 2");
    check_every_cursor({left.org.at.last_event_id, one, two});
}

TEST_CASE_FIXTURE(given_a_tenant, "transactions skewed at random: replay from every cursor gives what was read live")
{
    const unsigned seed = std::random_device{}();
    CAPTURE(seed);
    std::mt19937 random{seed};
    std::vector<std::unique_ptr<held>> open;
    for (int i = 0; i < 5; ++i)
        open.push_back(std::make_unique<held>(db));
    std::vector<stream> tasks;
    for (int i = 0; i < 3; ++i)
        tasks.push_back(left.fresh_stream());

    store_feed reads = feed();
    std::vector<position> from{{3, 0}};
    std::vector<uuid> committed{left.org.at.last_event_id}, live;
    int undone = 0;
    for (int turn = 0; turn < 40; ++turn)
    {
        auto& mine = open[random() % open.size()];  // of any age
        stream& task = tasks[random() % tasks.size()];
        const head before = task.at;
        const uuid event = append(*mine, task);
        if (turn == 7 || random() % 4 == 0)
        {
            mine->roll_back();
            task.at = before;
            ++undone;
        }
        else
        {
            mine->commit();
            committed.push_back(event);
        }
        mine.reset();
        mine = std::make_unique<held>(db);
        for (const recorded& each : reads.read(from))
        {
            live.push_back(each.event_id);
            from[0] = each.at;
        }
    }
    CHECK(undone > 0);
    CHECK(live == committed);
    check_every_cursor(committed);
}

TEST_CASE_FIXTURE(given_a_tenant, "many events in one microsecond: a cursor between any two of them skips none")
{
    // With the last event in the future, every later one is recorded at that very moment.
    db.run("set session_replication_role = replica; alter table es.event disable trigger event_is_immutable;"
           "update es.event set recorded_at = '2100-01-01' where lane = 3;"
           "alter table es.event enable always trigger event_is_immutable");
    stream one = left.fresh_stream(), two = left.fresh_stream();
    std::vector<uuid> expected{left.org.at.last_event_id};
    for (int i = 0; i < 4; ++i)
    {
        held first{db}, second{db};
        expected.push_back(append(second, i % 2 == 0 ? one : two));
        second.commit();
        expected.push_back(append(first, two));
        first.commit();
    }
    CHECK(db.run("select count(distinct recorded_at) || ' ' || count(*) from es.event where lane = 3") == "1 9");
    check_every_cursor(expected);
}
