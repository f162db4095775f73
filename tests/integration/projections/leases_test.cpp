// Runners that share lanes by lease: one serves a lane, the next one fences it, and a sleeper writes nothing.
#include "events/project.hpp"
#include "projections/runner/projector.hpp"
#include "projections/runner/versions.hpp"
#include "projections/task.hpp"
#include "tests/kit/projections/world.hpp"

#include <doctest/doctest.h>
#include <pqxx/pqxx>

#include <optional>

using namespace projection_tests;

namespace
{
constexpr std::int32_t lane = 1;

// A runner without its thread and its cache, that is told its leases.
struct half
{
    explicit half(world& in, std::vector<std::int32_t> lanes = {lane}, int deaths_max = 1)
        : rows(hasty(in.rows()), projection::read_models())
        , core(configured(std::move(lanes), deaths_max), projection::read_models(), rows, nullptr, positions, in.clock)
        , feed(in.feed())
    {
        in.register_read_models();
        core.open();
    }

    static projection::row_store_config hasty(projection::row_store_config rows)
    {
        rows.connection.lock_timeout = std::chrono::milliseconds{200};
        return rows;
    }

    static projection::projector_config configured(std::vector<std::int32_t> lanes, int deaths_max)
    {
        projection::projector_config made;
        made.lanes = std::move(lanes);
        made.by_lease = true;
        made.deaths_max = deaths_max;
        made.take_again_after = std::chrono::milliseconds{1};
        return made;
    }

    void hold(std::int64_t term, bool is_from_dead = false)
    {
        const event_feed::lease given{lane, term, is_from_dead};
        core.hold({&given, 1});
    }

    std::vector<event_log::recorded> read()
    {
        const auto from = core.after();
        return from.empty() ? std::vector<event_log::recorded>{} : feed->read(from);
    }

    void apply(const std::vector<event_log::recorded>& events)
    {
        core.apply(events, [](const event_log::recorded&) { return nullptr; });
    }

    projection::positions positions;
    projection::row_store rows;
    projection::projector core;
    std::unique_ptr<event_feed::feed> feed;
};

// The lease as the store has it.
void lease(world& in, std::int64_t term, std::int32_t of_lane = lane)
{
    in.db.run(
        "insert into es.lane_lease (role, lane, term, owner) values ('projector', " + std::to_string(of_lane) + ", " +
        std::to_string(term) +
        ", gen_random_uuid()) on conflict (role, lane) do update set term = excluded.term, owner = excluded.owner");
}

void one_more(world& in, const uuid& tenant)
{
    project::created fact;
    fact.id = {fresh_id()};
    fact.name = "some";
    in.append(tenant, "project", fact.id.value, fact);
    in.flush();
}
}  // namespace

TEST_CASE("a runner reads no lane that it holds no lease of, and tells nothing of it")
{
    world in;
    one_more(in, in.tenant(lane));
    half one{in};
    CHECK(one.core.after().empty());
    CHECK_FALSE(one.core.serves(lane));
    CHECK(one.core.take().lags.empty());

    lease(in, 1);
    one.hold(1);
    CHECK(one.core.serves(lane));
    one.apply(one.read());
    CHECK(in.db.run("select count(*) from read.project") == "1");

    one.core.hold({});
    CHECK(one.core.after().empty());
    CHECK_FALSE(one.core.serves(lane));
}

TEST_CASE("an owner that sleeps past its lease and wakes with a batch in its hands writes nothing of it")
{
    world in;
    const uuid tenant = in.tenant(lane);
    half sleeper{in}, next{in};
    lease(in, 1);
    sleeper.hold(1);
    one_more(in, tenant);
    const auto in_its_hands = sleeper.read();
    REQUIRE_FALSE(in_its_hands.empty());

    SUBCASE("the next one has only just taken the lease")
    {
        lease(in, 2);
        sleeper.apply(in_its_hands);
        CHECK(in.db.run("select count(*) from read.project") == "0");
        next.hold(2);
        next.apply(next.read());
    }
    SUBCASE("the next one has fenced the lane")
    {
        lease(in, 2);
        next.hold(2, true);
        sleeper.apply(in_its_hands);
        CHECK(in.db.run("select count(*) from read.project") == "0");
        next.apply(next.read());
    }
    SUBCASE("the next one has gone on")
    {
        lease(in, 2);
        next.hold(2, true);
        next.apply(next.read());
        sleeper.apply(in_its_hands);
    }
    CHECK(sleeper.core.after().empty());
    sleeper.hold(1);  // its own news are old
    CHECK(sleeper.core.after().empty());
    CHECK(next.core.take().lost_races == 0);
    CHECK(in.db.run("select count(*) || ' ' || max(version) from read.project") == "1 1");
    CHECK(in.verified().different == 0);
}

TEST_CASE("a lane is taken although its owner before commits in the same moment")
{
    world in;
    const uuid tenant = in.tenant(lane);
    half before{in}, next{in};
    lease(in, 1);
    before.hold(1);
    for (int i = 0; i < 20; ++i)
        one_more(in, tenant);
    std::thread writing{[&] { before.apply(before.read()); }};
    lease(in, 2);
    next.hold(2);
    writing.join();
    next.apply(next.read());
    CHECK(in.db.run("select count(*) from read.project") == "20");
    CHECK(in.verified().different == 0);
}

TEST_CASE("events folded one at a time are all folded, though somebody frees a key in the middle")
{
    world in;
    const uuid tenant = in.tenant(lane);
    half one{in, {lane}, 0};
    for (int i = 0; i < 3; ++i)
        one_more(in, tenant);
    lease(in, 1);
    one.hold(1, true);
    REQUIRE(in.db.run("select deaths from read.suspicion") == "1");
    const auto events = one.read();
    REQUIRE(events.size() >= 3);

    // As a replay of some key does it: a step of its projection, at the same place.
    in.db.run("insert into read.checkpoint (projection, version, lane, step, seq, generation, incarnation, event_id)"
              " select projection, version, lane, step + 1, seq, generation + 1, incarnation, event_id"
              "   from read.checkpoint where projection = 'project' and lane = 1 order by step desc limit 1");
    one.apply(events);
    one.apply(one.read());
    CHECK(in.db.run("select count(*) from read.project") == "3");
    CHECK(in.db.run("select count(*) from read.parked") == "0");
    CHECK(in.verified().different == 0);
}

TEST_CASE("one death counts once, however often the runner connects anew under the lease that it took then")
{
    world in;
    one_more(in, in.tenant(lane));
    half one{in};
    lease(in, 1);
    const auto deaths = [&] { return in.db.run("select deaths from read.suspicion where lane = 1"); };
    for (int connection = 0; connection < 4; ++connection)
    {
        one.core.open();
        one.hold(1, true);
        CHECK(deaths() == "1");
    }
    lease(in, 2);
    one.hold(2, true);
    CHECK(deaths() == "2");
}

TEST_CASE("a lane whose owner before stands still in mid-commit is taken later, and holds up no other lane")
{
    world in;
    const uuid here = in.tenant(lane), there = in.tenant(2);
    one_more(in, here);
    one_more(in, there);
    half one{in, {lane, 2}};
    lease(in, 1);
    lease(in, 1, 2);
    const std::vector<event_feed::lease> leases{{lane, 1, true}, {2, 1, true}};
    {
        event_log::connection frozen{in.connection("postgres"), in.watchdog};
        pqxx::work commits{frozen.raw()};
        commits.exec("insert into read.checkpoint (projection, version, lane, step, seq, generation, incarnation)"
                     " values ('project', 2, 1, 1, 0, 0, '1.1')");
        one.core.hold(leases);
        CHECK_FALSE(one.core.serves(lane));
        CHECK(one.core.serves(2));
    }
    kit::await("the lane is taken", [&] {
        one.core.hold(leases);
        return one.core.serves(lane);
    });
}

TEST_CASE("a runner that may not feed the live rows takes no lane, says so, and takes them once it may")
{
    world in;
    in.db.run("insert into read.projection (projection, version, definition, digest, rows_in, state)"
              " values ('task', 1, 1, 'of another shape', 'read.task', 'live')");
    auto config = in.runner(in.room.path() / "cache");
    config.leases.emplace();
    config.leases->connection = in.connection();
    projection::positions reached;
    projection::runner runner{config, projection::read_models(), *in.keys, reached, in.clock};
    runner.start();
    kit::await("it says why", [&] { return runner.take().refused.find("rebuild task") != std::string::npos; });
    CHECK(in.db.run("select count(*) from es.lane_lease where owner is not null") == "0");
    in.db.run("update read.projection set digest = '" + projection::digest_of(task::read_model()) +
              "' where projection = 'task'");
    kit::await("it serves", [&] { return runner.serves(lane) && runner.take().refused.empty(); });
}

TEST_CASE("a runner that is stopped gives its lanes to the next one at once, which misses nothing and repeats nothing")
{
    world in;
    random_history(in, 11, {4, 400});
    const auto leased = [&](projection::runner_config made) {
        made.projector.lanes.clear();
        for (int i = 0; i < std::stoi(in.db.run("select count(*) from es.lane")); ++i)
            made.projector.lanes.push_back(i);
        made.leases.emplace();
        made.leases->connection = in.connection();
        made.leases->beat = std::chrono::milliseconds{200};
        return made;
    };
    projection::positions first_reached, second_reached;
    projection::runner first{leased(in.runner(in.room.path() / "a")), projection::read_models(), *in.keys,
                             first_reached, in.clock};
    first.start();
    REQUIRE(first_reached.wait_until(in.heads(), std::chrono::steady_clock::now() + std::chrono::seconds{30}));
    projection::runner second{leased(in.runner(in.room.path() / "b")), projection::read_models(), *in.keys,
                              second_reached, in.clock};
    second.start();
    kit::await("both serve some", [&] { return !first.take().lags.empty() && !second.take().lags.empty(); });
    random_history(in, 12, {4, 400});
    first.stop();
    REQUIRE(second_reached.wait_until(in.heads(), std::chrono::steady_clock::now() + std::chrono::seconds{30}));
    CHECK(second.take().lost_races == 0);
    CHECK(in.verified().different == 0);
}
