// The scenarios of tests/chaos, short: each in seconds, with every kind of fault at least once.
#include "tests/kit/scenario/bystanders.hpp"
#include "tests/kit/scenario/caches.hpp"
#include "tests/kit/scenario/canaries.hpp"
#include "tests/kit/scenario/desk.hpp"
#include "tests/kit/scenario/kills.hpp"
#include "tests/kit/scenario/outages.hpp"
#include "tests/kit/scenario/points.hpp"
#include "tests/kit/scenario/races.hpp"
#include "tests/kit/scenario/seed.hpp"
#include "tests/kit/scenario/versions.hpp"
#include "tests/kit/ticket_log.hpp"

#include <doctest/doctest.h>

namespace
{
void tell(const scenario::findings& told, std::uint32_t seed = 0)
{
    MESSAGE("seed " << seed << ": " << told.text());
    CHECK(told.count("problems") == 0);
}
}  // namespace

TEST_CASE("A server killed at random instants keeps every promise that it gave")
{
    scenario::site at;
    const auto seed = scenario::chosen_seed();
    const auto told = scenario::kill_at_random(at, {.seed = seed});
    tell(told, seed);
    CHECK(told.count("kills") == 4);
    CHECK(told.count("addresses taken") > 0);
    CHECK(told.count("addresses refused") > 0);
}

TEST_CASE("A server that dies, fails or loses an answer at any fault point recovers everything")
{
    scenario::site at;
    const auto seed = scenario::chosen_seed();
    const auto told = scenario::loop_fault_points(at, {.seed = seed, .hits_max = 1, .commands = 6});
    tell(told, seed);
    CHECK(told.count("points") >= 13);
}

TEST_CASE("A frozen PostgreSQL is answered with 503 in time, and the server heals by itself")
{
    scenario::site at;
    const auto seed = scenario::chosen_seed();
    const auto told = scenario::freeze(at, {.seed = seed, .lasting = std::chrono::seconds{8}});
    tell(told, seed);
    CHECK(told.count("health refused") > 0);
    CHECK(told.count("reads refused") > 0);
}

TEST_CASE("A crashed PostgreSQL costs no acknowledged command, and the server heals by itself")
{
    scenario::site at;
    const auto seed = scenario::chosen_seed();
    tell(scenario::crash_database(at, {.seed = seed}), seed);
}

TEST_CASE("Sessions ended in mid-append leave no answer open")
{
    scenario::site at;
    const auto seed = scenario::chosen_seed();
    tell(scenario::end_sessions(at, {.seed = seed}), seed);
}

TEST_CASE("A link cut in mid-append while the old backend lives on is settled by the truth")
{
    scenario::site at;
    const auto seed = scenario::chosen_seed();
    const auto told = scenario::cut_links(at, {.seed = seed});
    tell(told, seed);
    CHECK(told.count("cut before the lane, answered 201") == 1);
    CHECK(told.count("cut before the commit, answered 201") == 1);
    CHECK(told.count("cut before the commit, answered unknown") == 1);
}

TEST_CASE("A cache that is gone, damaged or of another history is filled again and never trusted")
{
    scenario::site at;
    const auto seed = scenario::chosen_seed();
    const auto told = scenario::spoil_caches(at, {.seed = seed});
    tell(told, seed);
    CHECK(told.count("files damaged") > 0);
}

TEST_CASE("Two servers on one store")
{
    static scenario::site at;
    static scenario::pair nodes{at};

    SUBCASE("let exactly one of many writers of one version win")
    {
        const auto told = scenario::race_on_a_version(nodes, {});
        tell(told);
        CHECK(told.count("answered 200") == 2);
    }

    SUBCASE("keep a plan's limit exactly")
    {
        const auto told = scenario::race_for_a_quota(nodes, {});
        tell(told);
        CHECK(told.count("answered 402") == 2 * (64 - 5));
    }

    SUBCASE("refuse a key that the other has revoked") { tell(scenario::revoke_elsewhere(nodes, 3)); }

    SUBCASE("hand lanes over when one is killed, frozen or stopped")
    {
        const auto told = scenario::hand_lanes_over(nodes);
        tell(told);
        CHECK(told.count("hand-overs") == 3);
    }

    SUBCASE("share the read models, also when one of them is killed") { tell(scenario::share_a_store(nodes, 2)); }
}

TEST_CASE("New versions are built, shown and taken back under load, and no reader notices")
{
    scenario::site at;
    const auto told = scenario::rebuild_under_load(at);
    tell(told);
    CHECK(told.count("kills of the builder") == 1);
    CHECK(told.count("swaps") == 3);
    CHECK(told.count("rows compared") > 0);
}

TEST_CASE("A help desk of eight tenants works through every fault at once, and its figures stay exact")
{
    scenario::site at;
    const auto seed = scenario::chosen_seed();
    const auto log = at.room.path() / "log.csv";
    kit::write_ticket_log(log, 300);
    const auto told = scenario::run_a_desk(at, {.seed = seed, .log = log});
    tell(told, seed);
    CHECK(told.count("kills") == 3);
    for (const char* once : {"freezes", "restarts of the database", "crashes of the database", "kills of the builder",
                             "poisons replayed", "poisons discarded"})
        CHECK_MESSAGE(told.count(once) == 1, once);
    for (const char* some : {"swaps", "keys discarded", "events followed", "CSV files read", "writes during faults"})
        CHECK_MESSAGE(told.count(some) > 0, some);
    CHECK(told.count("writes") == told.count("replayed"));
}

TEST_CASE("Planted personal values and secrets are nowhere to be found")
{
    scenario::site at;
    const auto told = scenario::plant_canaries(at);
    tell(told);
    CHECK(told.count("places searched") > 20);
}

TEST_CASE("Transactions that others hold open hide nothing and delay no reader")
{
    scenario::site at;
    tell(scenario::hold_transactions(at, 4));
}
