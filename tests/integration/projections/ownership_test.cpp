// Two runners of the same lanes, driven step by step: who serves a lane, and what the other one knows of it.
#include "events/project.hpp"
#include "projections/runner/position_poll.hpp"
#include "projections/runner/projector.hpp"
#include "tests/kit/projections/world.hpp"

#include <doctest/doctest.h>

using namespace projection_tests;

namespace
{
constexpr std::int32_t lane = 1;

class set_clock final : public schema::clock
{
public:
    moment now() const override { return at; }
    moment at{1'800'000'000'000'000};
};

// A runner without its thread, its cache and its patience: a lost lane is looked at again after a millisecond.
struct half
{
    explicit half(world& in, std::chrono::milliseconds patience = std::chrono::milliseconds{1})
        : rows(in.rows(), projection::read_models())
        , core(configured(patience), projection::read_models(), rows, nullptr, positions, clock)
        , feed(in.feed())
    {
        in.register_read_models();
        core.open();
    }

    projection::projector_config configured(std::chrono::milliseconds patience)
    {
        projection::projector_config made;
        made.lanes = {lane};
        made.lost_min = made.lost_max = patience;
        made.opened = [this](const std::string& incarnation) { history = incarnation; };
        return made;
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

    void look_at_head() { core.heads(feed->heads(core.lanes())); }

    projection::lag lag() { return core.take().lags.front(); }

    std::string history;  // as told when it opened
    set_clock clock;
    projection::positions positions;
    projection::row_store rows;
    projection::projector core;
    std::unique_ptr<event_feed::feed> feed;
};

project::created new_project(const std::string& name)
{
    project::created fact;
    fact.id = {fresh_id()};
    fact.name = name;
    return fact;
}

// The lane's next events, once it counts as abandoned.
std::vector<event_log::recorded> take_up(half& of)
{
    std::vector<event_log::recorded> events;
    kit::await("the lane is taken up", [&] {
        of.look_at_head();
        of.clock.at.us += 1'000'000;
        events = of.read();
        return !events.empty();
    });
    return events;
}

// The other loses the lane at these events.
void lose(half& owner, half& other)
{
    const auto events = other.read();
    REQUIRE_FALSE(events.empty());
    owner.apply(owner.read());
    other.apply(events);
    REQUIRE(other.core.take().lost_races == 1);
}
}  // namespace

TEST_CASE("a runner that takes a lane up again knows the keys that its owner has stopped meanwhile")
{
    world in;
    const uuid tenant = in.tenant(lane);
    half owner{in}, other{in};
    const auto poisoned = new_project("poisoned");
    in.append(tenant, "project", poisoned.id.value, poisoned);
    in.flush();
    lose(owner, other);

    in.append_raw(tenant, "project", poisoned.id.value, "project.activated", 1, fresh_id(), R"({"id": 5})");
    in.flush();
    owner.apply(owner.read());
    REQUIRE(in.db.run("select count(*) from read.parked") == "1");

    in.append(tenant, "project", poisoned.id.value, project::archived{poisoned.id});
    in.flush();
    other.apply(take_up(other));
    CHECK(in.db.run("select version || ' ' || (archived_at is null) from read.project") == "1 true");
    CHECK(in.verified().different == 0);
}

TEST_CASE("a lane at rest is left to its owner; one that stands still behind its head is taken")
{
    world in;
    const uuid tenant = in.tenant(lane);
    half owner{in}, other{in};
    in.append(tenant, "project", fresh_id(), new_project("first"));
    in.flush();
    lose(owner, other);
    for (int i = 0; i < 50; ++i)
    {
        other.look_at_head();
        other.clock.at.us += 1'000'000;
        REQUIRE(other.core.after().empty());
    }

    in.append(tenant, "project", fresh_id(), new_project("second"));
    in.flush();
    other.look_at_head();
    for (int i = 0; i < 50; ++i)
        REQUIRE(other.core.after().empty());  // no time has passed
    other.apply(take_up(other));
    CHECK(in.db.run("select count(*) from read.project") == "2");
    CHECK(other.core.take().lost_races == 1);
}

TEST_CASE("a runner that connects again takes the history, the positions and the heads as they are then")
{
    world in;
    const uuid tenant = in.tenant(lane);
    half one{in};
    for (int i = 0; i < 200; ++i)
        in.append(tenant, "project", fresh_id(), new_project("some"));
    in.flush();
    one.apply(one.read());
    const auto before = one.positions.at(lane);
    REQUIRE(before > 100);
    REQUIRE(one.history.ends_with(".1"));

    // As after a failover to a copy that was behind: another history, of which the rows show less.
    in.db.run("insert into es.incarnation (number, reason) values (2, 'a test')");
    in.db.run("insert into read.checkpoint (projection, version, lane, step, seq, generation, incarnation, event_id)"
              " select projection, version, lane, max(step) + 1, 50, 0, '1.2', (select event_id from es.event e"
              " where e.lane = c.lane and e.seq = 50) from read.checkpoint c group by 1, 2, 3");
    one.core.open();
    CHECK(one.history.ends_with(".2"));
    CHECK(one.positions.at(lane) == 50);
    CHECK(one.lag().head == 50);
}

TEST_CASE("who waits beside a runner that leaves the lane alone learns of its owner's commits by asking")
{
    world in;
    const uuid tenant = in.tenant(lane);
    projection::version_store versions{in.rows()};
    versions.open();
    versions.register_missing(projection::read_models());
    half owner{in}, other{in, std::chrono::hours{1}};
    projection::position_poll_config config{in.rows(), std::chrono::milliseconds{5}, std::chrono::milliseconds{20}};
    config.serves = [&](std::int32_t each) { return other.core.serves(each); };
    const projection::position_poll poll{config, projection::read_models(), other.positions};
    REQUIRE(other.core.serves(lane));
    lose(owner, other);
    REQUIRE_FALSE(other.core.serves(lane));

    in.append(tenant, "project", fresh_id(), new_project("second"));
    in.flush();
    owner.apply(owner.read());
    CHECK(other.positions.wait_until(in.heads(), std::chrono::steady_clock::now() + std::chrono::seconds{20}));
}

TEST_CASE("the lag in seconds is the age of the oldest event not shown, also while catching up")
{
    world in;
    const uuid tenant = in.tenant(lane);
    half one{in};
    for (int i = 0; i < 400; ++i)
        in.append(tenant, "project", fresh_id(), new_project("some"));
    in.flush();
    one.look_at_head();
    one.apply(one.read());
    const auto events = one.read();
    REQUIRE_FALSE(events.empty());
    one.clock.at.us = events.front().recorded_at.us + 7'000'000;
    one.apply(events);
    REQUIRE(one.lag().events() > 0);
    CHECK(one.lag().seconds == 7.0);

    one.apply(one.read());
    REQUIRE(one.lag().events() == 0);
    CHECK(one.lag().seconds == 0.0);
}

TEST_CASE("a lane that its owner serves shows no lag in a runner that leaves it alone")
{
    world in;
    const uuid tenant = in.tenant(lane);
    half owner{in}, other{in};
    in.append(tenant, "project", fresh_id(), new_project("first"));
    in.flush();
    lose(owner, other);
    CHECK(other.lag().events() == 0);
    CHECK(other.lag().seconds == 0.0);
}
