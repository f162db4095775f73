// The long scenarios: many cycles, real deadlines, every hit of every fault point. Minutes each; `tools/test chaos`.
//
// CLIENTFLOW_CHAOS_CYCLES says how many kills there are (100), CLIENTFLOW_SEED repeats a run, CLIENTFLOW_HELPDESK_LOG
// names a real help desk's log, CLIENTFLOW_DESK_ROUNDS says how often it goes through every fault (3).
#include "tests/kit/scenario/caches.hpp"
#include "tests/kit/scenario/desk.hpp"
#include "tests/kit/scenario/kills.hpp"
#include "tests/kit/scenario/outages.hpp"
#include "tests/kit/scenario/points.hpp"
#include "tests/kit/scenario/races.hpp"
#include "tests/kit/scenario/seed.hpp"
#include "tests/kit/scenario/slow_readers.hpp"
#include "tests/kit/small_disk.hpp"
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

TEST_CASE("A hundred kills: every answer was true, and the read models equal a rebuild")
{
    scenario::site at;
    const auto seed = scenario::chosen_seed();
    const int cycles = scenario::chosen("CLIENTFLOW_CHAOS_CYCLES", 100);
    const auto told = scenario::kill_at_random(
        at, {.seed = seed, .cycles = cycles, .cycles_between_checks = 5, .clients = 6, .attempts_max = 400});
    tell(told, seed);
    CHECK(told.count("kills") == cycles);
    CHECK(told.count("lost, then found applied") > 0);
}

TEST_CASE("Every fault point at every hit, until no point is hit any more")
{
    scenario::site at;
    const auto seed = scenario::chosen_seed();
    const auto told = scenario::loop_fault_points(at, {.seed = seed, .hits_max = 0, .commands = 3});
    tell(told, seed);
    CHECK(told.count("points") >= 11);
}

TEST_CASE("Half a minute of a frozen PostgreSQL")
{
    scenario::site at;
    const auto seed = scenario::chosen_seed();
    const auto told = scenario::freeze(
        at, {.seed = seed, .lasting = std::chrono::seconds{30}, .command_time = std::chrono::seconds{10}});
    tell(told, seed);
    CHECK(told.count("health refused") > 0);
    CHECK(told.count("reads refused") > 0);
}

TEST_CASE("Twenty crashes of PostgreSQL")
{
    scenario::site at;
    const auto seed = scenario::chosen_seed();
    const auto told = scenario::crash_database(at, {.seed = seed, .times = 20});
    tell(told, seed);
    CHECK(told.count("crashes") == 20);
}

TEST_CASE("Sessions ended five times a second for half a minute")
{
    scenario::site at;
    const auto seed = scenario::chosen_seed();
    tell(scenario::end_sessions(at, {.seed = seed, .lasting = std::chrono::seconds{30}}), seed);
}

TEST_CASE("Links cut in mid-append, again and again")
{
    scenario::site at;
    const auto seed = scenario::chosen_seed();
    const auto told = scenario::cut_links(at, {.seed = seed, .times = 7});
    tell(told, seed);
    CHECK(told.count("cuts") == 21);
}

TEST_CASE("Caches spoiled in every way, again and again")
{
    scenario::site at;
    const auto seed = scenario::chosen_seed();
    tell(scenario::spoil_caches(at, {.seed = seed, .times = 5, .attempts = 400}), seed);
}

TEST_CASE("Two servers on one store for long")
{
    scenario::site at;
    scenario::pair nodes{at};
    tell(scenario::race_on_a_version(nodes, {.rounds = 20}));
    tell(scenario::race_for_a_quota(nodes, {.rounds = 10}));
    tell(scenario::revoke_elsewhere(nodes, 20));
    tell(scenario::share_a_store(nodes, 20));
}

TEST_CASE("Half a minute without PostgreSQL, and nobody's lease is taken")
{
    scenario::site at;
    scenario::pair nodes{at};
    const auto told = scenario::be_without_database(nodes, std::chrono::seconds{30});
    tell(told);
    CHECK(told.count("absences of the database") == 1);
    CHECK(told.count("leases kept") > 0);
}

TEST_CASE("Two thousand streams that nobody reads")
{
    scenario::site at;
    const auto told = scenario::read_slowly(at, {.readers = 2'000});
    tell(told);
    CHECK(told.count("slow readers") == 2'000);
    CHECK(told.count("cut as slow") > 0);
}

TEST_CASE("A help desk of eight tenants through three rounds of every fault")
{
    const int rounds = scenario::chosen("CLIENTFLOW_DESK_ROUNDS", 3);
    scenario::site at;
    const auto seed = scenario::chosen_seed();
    const char* real = std::getenv("CLIENTFLOW_HELPDESK_LOG");
    const auto log = real != nullptr ? std::filesystem::path{real} : at.room.path() / "log.csv";
    if (real == nullptr)
    {
        MESSAGE("CLIENTFLOW_HELPDESK_LOG names no log: a made one is played");
        kit::write_ticket_log(log, 2'500);
    }
    const auto told = scenario::run_a_desk(at, {.seed = seed,
                                                .log = log,
                                                .rounds = rounds,
                                                .in_full = true,
                                                .writes_per_s = 15,
                                                .rest_max = std::chrono::hours{1}});
    tell(told, seed);
    CHECK(told.count("kills") == 3 * rounds);
    for (const char* each :
         {"freezes", "restarts of the database", "crashes of the database", "poisons replayed", "poisons discarded",
          "losses of everything", "caches lost", "orderly stops", "freezes through a crash", "links cut",
          "links stalled", "absences of the database", "rebuilds through restarts", "damages repaired",
          "swaps under an analyst", "events of a later version", "events of a later type",
          "times that the largest was written", "times that all read slowly"})
        CHECK_MESSAGE(told.count(each) == rounds, each);
    CHECK(told.count("kills of the builder") == 2 * rounds);
    CHECK(told.count("restarts during a rebuild") >= rounds);
    CHECK(told.count("streams cut as slow") > 0);
    if (const auto why = kit::small_disk::refused())
        MESSAGE("skipped: full disks, " << *why);
    else
        for (const char* each : {"full disks of the log", "full disks of a cache"})
            CHECK_MESSAGE(told.count(each) == rounds, each);
    CHECK(told.count("writes") == told.count("replayed"));
}
