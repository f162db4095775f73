// Events that end the process that folds them, or whose fold does not end: found one by one, and their keys stopped.
//
// A second program (this one, running the test marked as the child) folds a history with such an event; it dies, is
// started again, and so on, as a supervisor would do it.
#include "events/project.hpp"
#include "projections/project.hpp"
#include "tests/kit/projections/stopped.hpp"
#include "tests/kit/projections/world.hpp"

#include <doctest/doctest.h>

#include <csignal>
#include <cstdlib>

using namespace projection_tests;

namespace
{
constexpr std::int32_t lane = 1;

std::string environment(const char* name)
{
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

// As the noun's own fold, but for projects with these names.
void deadly_fold(void* row, const projection::recorded& happened, schema::opener* open)
{
    if (happened.data.find("ends the process") != std::string::npos)
        ::raise(SIGKILL);
    while (happened.data.find("does not end") != std::string::npos)
        std::this_thread::yield();
    project::read_model().apply(row, happened, open);
}

const projection::definition& deadly()
{
    static const auto made = [] {
        auto of = project::read_model();
        of.apply = deadly_fold;
        return of;
    }();
    return made;
}

project::created new_project(const std::string& name)
{
    project::created fact;
    fact.id = {fresh_id()};
    fact.name = name;
    return fact;
}

kit::ending run_child(world& in)
{
    kit::launch child;
    child.program = "/proc/self/exe";
    child.arguments = {"--no-skip", "--test-case=child: folds what may be deadly"};
    child.environment = {{"DEADLY_CHILD_DSN", in.db.dsn()},
                         {"DEADLY_CHILD_KEY", (in.room.path() / "master.key").string()},
                         {"DEADLY_CHILD_CACHE", (in.room.path() / "cache").string()},
                         {"DEADLY_CHILD_SEQ", std::to_string(in.heads()[lane].seq)}};
    return kit::run(child).end;
}
}  // namespace

TEST_CASE("child: folds what may be deadly" * doctest::skip())
{
    const std::string dsn = environment("DEADLY_CHILD_DSN");
    if (dsn.empty())
        return;
    const auto guard = std::make_shared<event_log::watchdog>();
    event_log::keyring keys{{environment("DEADLY_CHILD_KEY")}};
    schema::system_clock clock;
    projection::positions positions;
    projection::runner_config config;
    config.projector.lanes = {std::begin(lanes_used), std::end(lanes_used)};
    config.rows.connection.dsn = dsn;
    config.rows.watchdog = guard;
    config.cache.directory = environment("DEADLY_CHILD_CACHE");
    config.keys.dsn = dsn;
    config.keys.guard = guard;
    config.hang_after = std::chrono::milliseconds{500};
    config.leases.emplace();
    config.leases->connection.dsn = dsn;
    config.leases->guard = guard;
    config.leases->beat = std::chrono::milliseconds{100};
    config.leases->expiry = std::chrono::milliseconds{1'000};
    config.leases->absence = std::chrono::milliseconds{50};
    config.leases->look_again = std::chrono::milliseconds{25};
    config.feed = [&] {
        event_feed::store_feed_config feed;
        feed.dsn = dsn;
        feed.guard = guard;
        return std::make_unique<event_feed::store_feed>(feed);
    };
    const projection::definition* of = &deadly();
    projection::runner runner{config, {&of, 1}, keys, positions, clock};
    runner.start();
    const position wanted{lane, std::stoll(environment("DEADLY_CHILD_SEQ"))};
    CHECK(positions.wait_until({&wanted, 1}, std::chrono::steady_clock::now() + std::chrono::seconds{30}));
    runner.stop();
}

TEST_CASE("an event that ends whoever folds it is found, and stops its own key and nothing else")
{
    std::string name, kind;
    kit::ending end;
    SUBCASE("by a crash")
    {
        name = "ends the process";
        kind = "crashed";
        end = {-1, SIGKILL};
    }
    SUBCASE("by never ending")
    {
        name = "does not end";
        kind = "hung";
        end = {70, 0};
    }
    world in;
    const uuid tenant = in.tenant(lane), other = in.tenant(lane);
    const auto ten_good_ones = [&](const uuid& of) {
        for (int i = 0; i < 10; ++i)
        {
            const auto good = new_project("good");
            in.append(of, "project", good.id.value, good);
        }
    };
    ten_good_ones(tenant);
    const auto bad = new_project(name);
    in.append(tenant, "project", bad.id.value, bad);
    in.append(tenant, "project", bad.id.value, project::archived{bad.id});
    ten_good_ones(other);
    in.flush();

    int deaths = 0;
    for (auto how = run_child(in); how != kit::ending{0, 0}; how = run_child(in))
    {
        CHECK(how == end);
        REQUIRE(++deaths < 8);
    }
    CHECK(deaths == 4);
    CHECK(in.db.run("select count(*) from read.project") == "20");
    CHECK(
        in.db.run("select kind || ' ' || key || ' ' || (from_seq = (select seq from es.event where data->>'name' = '" +
                  name + "')) from read.parked") == kind + " " + bad.id.value.text() + " true");
    CHECK(in.db.run("select count(*) from read.parked") == "1");
    const projection::definition* sound = &project::read_model();
    CHECK(in.verified({&sound, 1}).different == 0);

    // A build whose fold bears the event shows it all.
    for (const auto& each : replay_all(in, {&sound, 1}))
        CHECK(each.what == projection::replayed::end::freed);
    CHECK(stopped_keys(in).empty());
    CHECK(in.db.run("select count(*) from read.project where version = 2 and archived_at is not null") == "1");
    CHECK(in.verified({&sound, 1}).different == 0);
}

TEST_CASE("one who is killed where there is nothing to fold leaves no suspicion")
{
    world in;
    in.tenant(lane);
    projection::positions seen;
    auto config = in.runner(in.room.path() / "cache");
    config.leases.emplace();
    config.leases->connection = in.connection();
    config.leases->beat = std::chrono::milliseconds{100};
    config.leases->expiry = std::chrono::milliseconds{500};
    in.db.run("insert into es.lane_lease (role, lane, term, owner) select 'projector', lane, 4, gen_random_uuid()"
              " from es.lane");
    in.db.run("insert into es.process (process, role) select distinct owner, 'projector' from es.lane_lease");
    projection::runner runner{config, projection::read_models(), *in.keys, seen, in.clock};
    runner.start();
    REQUIRE(seen.wait_until(in.heads(), std::chrono::steady_clock::now() + std::chrono::seconds{30}));
    kit::await("every lane is taken over", [&] { return runner.serves(lane); });
    // The lane of the tenant had its org to fold, the others nothing.
    CHECK(in.db.run("select count(*) from read.suspicion where lane <> 1") == "0");
}
