// Runners that share lanes by lease: one serves a lane, the next one fences it, and a sleeper writes nothing.
#include "events/project.hpp"
#include "projections/runner/projector.hpp"
#include "tests/kit/projections/world.hpp"

#include <doctest/doctest.h>

#include <optional>

using namespace projection_tests;

namespace
{
constexpr std::int32_t lane = 1;

// A runner without its thread and its cache, that is told its leases.
struct half
{
    explicit half(world& in)
        : rows(in.rows(), projection::read_models())
        , core(configured(), projection::read_models(), rows, nullptr, positions, in.clock)
        , feed(in.feed())
    {
        core.open();
    }

    static projection::projector_config configured()
    {
        projection::projector_config made;
        made.lanes = {lane};
        made.by_lease = true;
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
void lease(world& in, std::int64_t term)
{
    in.db.run(
        "insert into es.lane_lease (role, lane, term, owner) values ('projector', 1, " + std::to_string(term) +
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
