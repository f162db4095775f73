// Stopped keys and their end: folded again once the cause is mended, or left for good.
#include "events/project.hpp"
#include "projections/project.hpp"
#include "projections/runner/replay.hpp"
#include "tests/kit/process.hpp"
#include "tests/kit/projections/world.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <thread>

using namespace projection_tests;

namespace
{
project::created new_project(const std::string& name)
{
    project::created fact;
    fact.id = {fresh_id()};
    fact.name = name;
    return fact;
}

// A project that the runner stops at: its second event cannot be read.
struct given_a_stopped_key
{
    given_a_stopped_key()
    {
        in.append(tenant, "project", bad.id.value, bad);
        in.append_raw(tenant, "project", bad.id.value, "project.activated", 1, poison, R"({"id": 5})");
        in.append(tenant, "project", bad.id.value, project::archived{bad.id});
        in.append(tenant, "project", good.id.value, good);
        in.flush();
    }

    // As a later build would, which can read it.
    void mend_the_event()
    {
        std::string data;
        schema::write_json(project::activated{bad.id, {project::status::planned, project::status::active}}, data);
        in.db.run("alter table es.event disable trigger all");
        in.db.run("update es.event set data = '" + data + "' where event_id = '" + poison.text() + "'");
        in.db.run("alter table es.event enable trigger all");
    }

    projection::replayed replay()
    {
        projection::row_store rows{in.rows(), projection::read_models()};
        rows.open();
        const auto stopped = rows.parked(lanes_used);
        REQUIRE(stopped.size() == 1);
        event_log::store log{in.verifying().keys};
        projection::personal_keys keys{*in.keys, in.verifying().keys};
        return projection::replay({rows, log, keys}, stopped.front());
    }

    std::string row(const std::string& what)
    {
        return in.db.run("select " + what + " from read.project where id = '" + bad.id.value.text() + "'");
    }
    std::string parked(const std::string& what = "count(*)")
    {
        return in.db.run("select " + what + " from read.parked");
    }

    // As the runner at work tells it.
    static std::size_t stopped_in(const running& it)
    {
        std::size_t parked = 0;
        for (const auto& lag : it.runner.take().lags)
            parked += lag.parked;
        return parked;
    }

    world in;
    const uuid tenant = in.tenant(1);
    const project::created bad = new_project("bad"), good = new_project("good");
    const uuid poison = fresh_id();
};
}  // namespace

TEST_CASE_FIXTURE(given_a_stopped_key, "a key whose cause is not mended stays stopped, and nothing changes")
{
    running it{in, in.room.path() / "cache"};
    it.catch_up();
    CHECK(parked("kind") == "cannot_decode");
    const auto steps = in.db.run("select max(step) from read.checkpoint where projection = 'project' and lane = 1");
    const auto end = replay();
    CHECK(end.what == projection::replayed::end::still_stopped);
    CHECK_FALSE(end.cause.empty());
    CHECK(parked() == "1");
    CHECK(row("version") == "1");
    CHECK(in.db.run("select max(step) from read.checkpoint where projection = 'project' and lane = 1") == steps);
}

TEST_CASE_FIXTURE(given_a_stopped_key,
                  "a replayed key has its row and totals from the log, and goes on with the others")
{
    const auto cache = in.room.path() / "cache";
    running it{in, cache};
    it.catch_up();
    mend_the_event();
    const auto end = replay();
    CHECK(end.what == projection::replayed::end::freed);
    CHECK(end.events == 3);
    CHECK(parked() == "0");
    CHECK(row("version || (archived_at is not null)::text") == "3true");
    CHECK(in.verified().different == 0);

    // The runner at work learns of it and goes on with the key, without being started again.
    in.append(tenant, "project", bad.id.value, project::restored{bad.id});
    in.append(tenant, "project", good.id.value, project::archived{good.id});
    in.flush();
    it.runner.wake();
    it.catch_up();
    CHECK(row("version || (archived_at is null)::text") == "4true");
    CHECK(in.verified().different == 0);
    it.stop();
    running again{in, cache};
    again.catch_up();
    CHECK(in.verified().different == 0);
}

TEST_CASE_FIXTURE(given_a_stopped_key, "a key is freed although its lane never stands still")
{
    running it{in, in.room.path() / "cache"};
    it.catch_up();
    mend_the_event();
    std::atomic<bool> ending{false};
    std::thread writing{[&] {
        while (!ending)
        {
            const auto next = new_project("next");
            in.append(tenant, "project", next.id.value, next);
            in.flush();
            it.runner.wake();
        }
    }};
    const auto end = replay();
    ending = true;
    writing.join();
    CHECK(end.what == projection::replayed::end::freed);
    it.catch_up();
    CHECK(parked() == "0");
    CHECK(in.verified().different == 0);
}

#ifdef CLIENTFLOW_FAULT_POINTS
TEST_CASE("child: replays what is stopped" * doctest::skip())
{
    const char* dsn = std::getenv("REPLAY_CHILD_DSN");
    if (dsn == nullptr)
        return;
    const auto guard = std::make_shared<event_log::watchdog>();
    event_log::connection_config connection;
    connection.dsn = dsn;
    event_log::store_config where;
    where.dsn = dsn;
    where.guard = guard;
    event_log::keyring ring{event_log::keyring_config{std::getenv("REPLAY_CHILD_KEY")}};
    event_log::store log{where};
    projection::personal_keys keys{ring, where};
    projection::row_store rows{{connection, guard}, projection::read_models()};
    rows.open();
    projection::replay({rows, log, keys}, rows.parked(lanes_used).front());
}

TEST_CASE_FIXTURE(given_a_stopped_key,
                  "a replay that is killed around its commit has freed the key whole or not at all")
{
    running it{in, in.room.path() / "cache"};
    it.catch_up();
    mend_the_event();
    for (const std::string point : {"free_key.before_commit", "free_key.after_commit"})
    {
        CAPTURE(point);
        const auto fired = in.room.path() / ("fired-" + point);
        kit::launch child;
        child.program = "/proc/self/exe";
        child.arguments = {"--no-skip", "--test-case=child: replays what is stopped"};
        child.environment = {{"REPLAY_CHILD_DSN", in.db.dsn()},
                             {"REPLAY_CHILD_KEY", (in.room.path() / "master.key").string()},
                             {"CLIENTFLOW_FAULT", point + ":kill"},
                             {"CLIENTFLOW_FAULT_LOG", fired.string()}};
        CHECK(kit::run(child).end.exit_code == 137);
        CHECK(std::filesystem::exists(fired));
        const bool is_freed = point == "free_key.after_commit";
        CHECK(parked() == (is_freed ? "0" : "1"));
        CHECK(row("version") == (is_freed ? "3" : "1"));
    }
    in.append(tenant, "project", bad.id.value, project::restored{bad.id});
    in.flush();
    it.runner.wake();
    it.catch_up();
    CHECK(row("version") == "4");
    CHECK(in.verified().different == 0);
}
#endif

TEST_CASE_FIXTURE(given_a_stopped_key,
                  "a replay is no other owner: the runner keeps its lane, and tells what is stopped")
{
    running it{in, in.room.path() / "cache"};
    it.catch_up();
    CHECK(stopped_in(it) == 1);
    mend_the_event();
    CHECK(replay().what == projection::replayed::end::freed);
    in.append(tenant, "project", good.id.value, project::archived{good.id});
    in.flush();
    it.runner.wake();
    it.catch_up();
    for (const auto& each : it.reports())
        CHECK(each.what != projection::report::kind::lane_lost);
    CHECK(kit::eventually([&] { return stopped_in(it) == 0; }));
}

TEST_CASE_FIXTURE(given_a_stopped_key, "what is discarded counts as stopped no more, although no step was taken")
{
    running it{in, in.room.path() / "cache"};
    it.catch_up();
    CHECK(stopped_in(it) == 1);
    projection::row_store rows{in.rows(), projection::read_models()};
    rows.open();
    CHECK(rows.discard("project", project::read_model().version, {tenant, bad.id.value}, "made by a test"));
    CHECK(kit::eventually([&] { return stopped_in(it) == 0; }));
}

TEST_CASE_FIXTURE(given_a_stopped_key,
                  "a discarded key stays as it is and makes no read stale; a replay still frees it")
{
    running it{in, in.room.path() / "cache"};
    it.catch_up();
    const auto is_stale = [&] {
        projection::reader from{in.reading()};
        const auto ask = projection::read_list_query(project::listing(), {}, {tenant, "/api/v1/projects"},
                                                     in.reading().cursor_secret);
        REQUIRE(ask);
        return from.list(project::listing(), {tenant, "/api/v1/projects"}, *ask).as_of.has_parked;
    };
    CHECK(is_stale());
    projection::row_store rows{in.rows(), projection::read_models()};
    rows.open();
    CHECK(rows.discard("project", project::read_model().version, {tenant, bad.id.value}, "made by a test"));
    CHECK_FALSE(is_stale());
    CHECK(parked("reason") == "made by a test");

    in.append(tenant, "project", bad.id.value, project::restored{bad.id});
    in.flush();
    it.catch_up();
    CHECK(row("version") == "1");
    CHECK(in.verified().different == 0);
    mend_the_event();
    CHECK(replay().what == projection::replayed::end::freed);
    CHECK(row("version") == "4");
    CHECK_FALSE(
        rows.discard("project", project::read_model().version, {tenant, bad.id.value}, "it is not stopped any more"));
}
