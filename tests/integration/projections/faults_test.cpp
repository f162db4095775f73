// The runner killed, failed and left in doubt around every commit: what a restart finds equals a rebuild.
//
// A second program (this one, running the test marked as the child) catches up with the log while a fault waits at one
// point; the driver raises the count of hits until the fault does not fire any more.
#include "tests/kit/projections/world.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>

using namespace projection_tests;

namespace
{
constexpr const char* points[] = {"projection.before_commit", "projection.after_commit", "projection.before_cache",
                                  "projection.after_cache"};

std::string environment(const char* name)
{
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

std::string text_of(const std::filesystem::path& file)
{
    std::ifstream from{file};
    return {std::istreambuf_iterator<char>{from}, {}};
}

struct child_end
{
    kit::ending how;
    bool fired = false;
};

// Runs the child with a fault.
child_end run_child(world& in, const std::filesystem::path& cache, const std::string& fault)
{
    const auto log = in.room.path() / "fired";
    std::filesystem::remove(log);
    std::string heads;
    for (const auto& head : in.heads())
        heads += std::to_string(head.lane) + ":" + std::to_string(head.seq) + " ";
    kit::launch child;
    child.program = "/proc/self/exe";
    child.arguments = {"--no-skip", "--test-case=child: catches up and ends"};
    child.environment = {{"PROJECTION_CHILD_DSN", in.db.dsn()},
                         {"PROJECTION_CHILD_KEY", (in.room.path() / "master.key").string()},
                         {"PROJECTION_CHILD_CACHE", cache.string()},
                         {"PROJECTION_CHILD_HEADS", heads},
                         {"CLIENTFLOW_FAULT", fault},
                         {"CLIENTFLOW_FAULT_LOG", log.string()}};
    const auto done = kit::run(child);
    return {done.end, !text_of(log).empty()};
}
}  // namespace

TEST_CASE("child: catches up and ends" * doctest::skip())
{
    const std::string dsn = environment("PROJECTION_CHILD_DSN");
    if (dsn.empty())
        return;
    std::istringstream heads{environment("PROJECTION_CHILD_HEADS")};
    std::vector<position> wanted;
    for (std::string each; heads >> each;)
        wanted.push_back({std::stoi(each), std::stoll(each.substr(each.find(':') + 1))});

    const auto watchdog = std::make_shared<event_log::watchdog>();
    event_log::keyring keys{{environment("PROJECTION_CHILD_KEY")}};
    schema::system_clock clock;
    projection::positions positions;
    projection::runner_config config;
    config.projector.lanes = {std::begin(lanes_used), std::end(lanes_used)};
    config.rows.connection.dsn = dsn;
    config.rows.watchdog = watchdog;
    config.cache.directory = environment("PROJECTION_CHILD_CACHE");
    config.keys.dsn = dsn;
    config.keys.guard = watchdog;
    config.retry_min = std::chrono::milliseconds{5};
    config.feed = [&] {
        event_feed::store_feed_config feed;
        feed.dsn = dsn;
        feed.guard = watchdog;
        feed.feed.batch_events_max = 40;
        return std::make_unique<event_feed::store_feed>(feed);
    };
    projection::runner runner{config, projection::read_models(), keys, positions, clock};
    runner.start();
    CHECK(positions.wait_until(wanted, std::chrono::steady_clock::now() + std::chrono::seconds{20}));
    runner.stop();
}

TEST_CASE("killed at every point around the commit, at every batch, a restart finds rows that equal a rebuild")
{
    for (const char* point : points)
    {
        world in;
        const auto cache = in.room.path() / "cache";
        std::uint32_t seed = 60;
        int fired = 0;
        for (int nth = 1;; ++nth)
        {
            CAPTURE(point);
            CAPTURE(nth);
            random_history(in, ++seed, {4, 160});
            const auto end = run_child(in, cache, std::string{point} + ":kill:" + std::to_string(nth));
            if (!end.fired)
            {
                CHECK(end.how == kit::ending{0, 0});
                break;
            }
            ++fired;
            CHECK(end.how.exit_code == 137);
            const auto found = in.verified();
            CHECK(found.different == 0);
            REQUIRE(nth < 50);
        }
        CHECK(fired >= 2);
        const auto found = in.verified();
        CHECK(found.different == 0);
        CHECK(found.events > 160);
    }
}

TEST_CASE("a failure or a lost answer at any point is tried again and applies nothing twice")
{
    for (const char* point : points)
        for (const char* kind : {"error", "unknown"})
        {
            CAPTURE(point);
            CAPTURE(kind);
            world in;
            random_history(in, 90, {4, 160});
            const auto end = run_child(in, in.room.path() / "cache", std::string{point} + ":" + kind + ":2");
            CHECK(end.fired);
            CHECK(end.how == kit::ending{0, 0});
            const auto found = in.verified();
            CHECK(found.different == 0);
            CHECK(in.db.run("select count(*) from read.parked") == "0");
        }
}
