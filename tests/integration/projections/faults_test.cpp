// The runner killed, failed and left in doubt around every commit: what a restart finds equals a rebuild.
//
// A second program (this one, running the test marked as the child) catches up with the log while a fault waits at one
// point; the driver raises the count of hits until the fault does not fire any more.
#include "events/client.hpp"
#include "events/project.hpp"
#include "tests/kit/projections/world.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <utility>

using namespace projection_tests;

namespace
{
constexpr const char* points[] = {"projection.before_commit", "projection.after_commit", "projection.before_cache",
                                  "projection.after_cache"};
constexpr const char* emptying_points[] = {"empty_lane.before_commit", "empty_lane.after_commit"};

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

constexpr const char* foreign_rows = "select count(*) from read.task where title = 'of another history'";

// As after a restore: the checkpoints name events that this log does not have, and the rows say something else.
void put_another_history(world& in)
{
    in.db.run("update read.checkpoint set event_id = gen_random_uuid() where seq > 0;"
              "update read.task set title = 'of another history'");
    REQUIRE(in.db.run(foreign_rows) != "0");
}

void check_equals_a_rebuild(world& in)
{
    const auto found = in.verified();
    CHECK(found.different == 0);
    CHECK(in.db.run(foreign_rows) == "0");
}

constexpr const char* refused_name = "refused on purpose";

// Two keys that stop: one at its second event, which cannot be read, one at its first, whose row the database refuses.
void append_poison(world& in, const uuid& tenant)
{
    project::created unreadable;
    unreadable.id = {fresh_id()};
    unreadable.name = "unreadable";
    in.append(tenant, "project", unreadable.id.value, unreadable);
    in.append_raw(tenant, "project", unreadable.id.value, "project.exploded", 1, fresh_id(), "{}");
    in.append(tenant, "project", unreadable.id.value, project::archived{unreadable.id});
    client::created refused;
    refused.id = {fresh_id()};
    refused.name = refused_name;
    in.append(tenant, "client", refused.id.value, refused);
    in.append(tenant, "client", refused.id.value, client::archived{refused.id});
}

// Poison in every lane, so densely that no whole batch is without.
void poisoned_history(world& in, std::uint32_t seed)
{
    for (std::uint32_t part = 0; part < 3; ++part)
        for (const auto& tenant : random_history(in, 10 * seed + part, {4, 60}))
            append_poison(in, tenant);
    in.flush();
}

// Stopped are those keys that the log says, as far as each projection stands, and no others; how many.
int check_stopped_up_to_positions(world& in)
{
    const std::string by_log =
        "select p.*, k.lane, k.stream_id, k.seq from (values ('project', 'unknown_type', 'project.exploded'),"
        " ('client', 'refused_by_store', 'client.created')) p (projection, kind, type) join es.event k on"
        " k.type = p.type and (k.type <> 'client.created' or k.data->>'name' = '" +
        std::string{refused_name} +
        "') where k.seq <= (select seq from read.checkpoint c where c.projection = p.projection and c.lane = k.lane"
        " order by step desc limit 1)";
    const std::string text = "select count(*) || ': ' || coalesce(string_agg(concat_ws(' ', projection, kind, lane, ";
    const auto found =
        in.db.run(text + "from_seq, key), ', ' order by projection, lane, from_seq), '') from read.parked");
    CHECK(found == in.db.run(text + "seq, stream_id), ', ' order by projection, lane, seq), '') from (" + by_log +
                             ") w"));
    CHECK(in.verified().different == 0);
    return std::stoi(found);
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

TEST_CASE("killed around every commit that stops keys, a restart has the same keys stopped at the same events")
{
    for (const char* point : points)
    {
        CAPTURE(point);
        world in;
        in.db.run("alter table read.client add constraint test_refuses check (name <> '" + std::string{refused_name} +
                  "')");
        const auto cache = in.room.path() / "cache";
        int fired = 0, stopped = 0;
        for (int nth = 1;; ++nth)
        {
            CAPTURE(nth);
            REQUIRE(nth < 50);
            poisoned_history(in, 140 + static_cast<std::uint32_t>(nth));
            const auto end = run_child(in, cache, std::string{point} + ":kill:" + std::to_string(nth));
            const int stopped_before = std::exchange(stopped, check_stopped_up_to_positions(in));
            if (!end.fired)
            {
                CHECK(end.how == kit::ending{0, 0});
                break;
            }
            ++fired;
            CHECK(end.how.exit_code == 137);
            // Each whole batch that was committed has stopped some.
            const bool is_committed = point != points[0];
            CHECK(stopped - stopped_before >= (is_committed ? nth : nth - 1));
        }
        CHECK(fired >= 2);
        CHECK(stopped == fired * 24 + 24);
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

TEST_CASE("killed around every emptying of a lane, a restart throws away what is left and ends at a rebuild")
{
    for (const char* point : emptying_points)
    {
        world in;
        const auto cache = in.room.path() / "cache";
        random_history(in, 120, {4, 160});
        REQUIRE(run_child(in, cache, "").how == kit::ending{0, 0});
        int fired = 0;
        for (int nth = 1;; ++nth)
        {
            CAPTURE(point);
            CAPTURE(nth);
            put_another_history(in);
            const auto end = run_child(in, cache, std::string{point} + ":kill:" + std::to_string(nth));
            if (!end.fired)
            {
                CHECK(end.how == kit::ending{0, 0});
                check_equals_a_rebuild(in);
                break;
            }
            ++fired;
            CHECK(end.how.exit_code == 137);
            CHECK(run_child(in, cache, "").how == kit::ending{0, 0});
            check_equals_a_rebuild(in);
            REQUIRE(nth < 50);
        }
        CHECK(fired >= 2);
    }
}

TEST_CASE("a failure or a lost answer around the emptying of a lane is tried again")
{
    for (const char* point : emptying_points)
        for (const char* kind : {"error", "unknown"})
        {
            CAPTURE(point);
            CAPTURE(kind);
            world in;
            const auto cache = in.room.path() / "cache";
            random_history(in, 130, {4, 160});
            REQUIRE(run_child(in, cache, "").how == kit::ending{0, 0});
            put_another_history(in);
            const auto end = run_child(in, cache, std::string{point} + ":" + kind + ":2");
            CHECK(end.fired);
            CHECK(end.how == kit::ending{0, 0});
            check_equals_a_rebuild(in);
        }
}
