// New versions of read models: built beside the live ones while these are fed and read, and gone on with whatever cut
// them off.
#include "events/project.hpp"
#include "projections/audit_log.hpp"
#include "projections/catalogue.hpp"
#include "projections/project.hpp"
#include "projections/task.hpp"
#include "tests/kit/projections/child.hpp"
#include "tests/kit/projections/versions.hpp"
#include "tests/kit/projections/world.hpp"

#include <doctest/doctest.h>
#include <pqxx/pqxx>

#include <array>
#include <barrier>
#include <filesystem>
#include <future>

using namespace projection_tests;

namespace
{
// Rows that are folded, with words, and rows that are appended.
const std::array<const projection::definition*, 3> of_each_kind{&project::read_model(), &task::read_model(),
                                                                &audit_log::read_model()};

// Of both, ended when two lanes are done.
projection::rebuilt interrupted_build(world& in)
{
    auto config = in.rebuilding();
    std::int64_t lanes_done = 0;
    config.tell_every = std::chrono::milliseconds{0};
    config.tell = [&](const projection::rebuild_progress& told) {
        lanes_done = std::ranges::count_if(told.lanes, [](const auto& each) { return each.is_done; });
    };
    config.is_interrupted = [&] { return lanes_done == 2; };
    return projection::rebuild(config, both, *in.keys, in.clock, false);
}
}  // namespace

TEST_CASE("a row that the database refuses stops its key at its first event, and the others are there")
{
    world in;
    const uuid tenant = in.tenant(1);
    for (int i = 0; i < 120; ++i)
        append_project(in, tenant, "good");
    project::created bad;
    bad.id = {fresh_id()};
    bad.name = "refused";
    in.append(tenant, "project", bad.id.value, bad);
    in.append(tenant, "project", bad.id.value, project::archived{bad.id});
    in.flush();
    in.db.run("alter table read.project add constraint refuses check (name <> 'refused')");
    const auto made = in.rebuild({&both[0], 1});
    CHECK(in.db.run("select count(*) from read.project_v3") == "120");
    CHECK(in.db.run("select kind || ' ' || from_seq || ' ' || version from read.parked") ==
          in.db.run("select 'refused_by_store ' || seq || ' 3' from es.event where data->>'name' = 'refused'"));
    CHECK(in.db.run("select sum(value) from read.sum where counter = 'project.status' and version = 3") == "120");
    projection::model second{project::read_model(), made.front()};
    const projection::definition* of = &second.fed;
    CHECK(in.verified({&of, 1}).different == 0);
}

TEST_CASE("rows that are appended, one per event, are built anew as well, and a comparison says what differs")
{
    world in;
    random_history(in, 41, {4, 500});
    running it{in, in.room.path() / "cache"};
    it.catch_up();
    const projection::definition* of = projection::read_model_named("audit_log");
    REQUIRE(of != nullptr);
    in.rebuild({&of, 1});
    random_history(in, 42, {4, 200});
    kit::await("the second version has every event", [&] {
        return in.db.run("select (select count(*) from read.audit_log_v2) = (select count(*) from es.event)") == "t";
    });
    it.catch_up();
    auto versions = open_versions(in);
    const auto all = versions.all();
    const auto numbered = [&](int n) {
        return *std::ranges::find_if(
            all, [&](const auto& each) { return each.projection == "audit_log" && each.number == n; });
    };
    const auto alike = versions.compare(numbered(1), numbered(2), 5);
    CHECK(alike.is_equal());
    CHECK(alike.rows_of_one > 500);
    in.db.run("update read.audit_log_v2 set action = 'forged' where seq = 2");
    const auto forged = versions.compare(numbered(1), numbered(2), 5);
    CHECK(forged.rows_different == static_cast<std::int64_t>(in.heads().size()));
    CHECK(forged.differences.front().second == "2");
    CHECK_FALSE(forged.is_equal());
}

TEST_CASE("one build of a read model at a time; a cancelled one leaves nothing, and its builder stops")
{
    world in;
    random_history(in, 36, {4, 600});
    auto versions = open_versions(in);
    auto config = in.rebuilding();
    bool is_cancelled = false;
    config.tell_every = std::chrono::milliseconds{0};
    config.tell = [&](const projection::rebuild_progress& told) {
        if (is_cancelled || told.events == 0)
            return;
        is_cancelled = true;
        CHECK_THROWS_AS(in.rebuild(both), projection::not_now);
        versions.retire(project::read_model(), 3, "a test");
        versions.remove_retired(project::read_model(), 3);
    };
    const auto made = projection::rebuild(config, {both.data(), 1}, *in.keys, in.clock, false);
    REQUIRE(is_cancelled);
    CHECK(made.what == projection::rebuilt::end::cancelled);
    CHECK(made.versions.front().state == projection::version_state::retired);
    CHECK(in.db.run("select to_regclass('read.project_v3') is null") == "t");
    CHECK_FALSE(std::filesystem::exists(config.room / "0" / "rows"));
    CHECK(in.rebuild({both.data(), 1}).front().number == 4);
}

TEST_CASE("a build that is interrupted is gone on with: what was done is not done again")
{
    world in;
    random_history(in, 37, {4, 900});
    CHECK(interrupted_build(in).what == projection::rebuilt::end::interrupted);
    CHECK_THROWS_AS(in.rebuild(both), projection::not_now);
    const auto quiet_tables = [&] {
        return in.db.run("select coalesce(string_agg(relname, ' ' order by relname), '') from pg_class"
                         " where reloptions && array['autovacuum_enabled=off']");
    };
    CHECK(quiet_tables() == "project_v3 search_term_project_v3 search_term_task_v2 task_v2");

    auto config = in.rebuilding();
    std::int64_t first_told = -1;
    config.tell_every = std::chrono::milliseconds{0};
    config.tell = [&](const projection::rebuild_progress& told) {
        if (first_told < 0)
            first_told = told.events;
    };
    CHECK(projection::rebuild(config, both, *in.keys, in.clock, true).what == projection::rebuilt::end::beside);
    CHECK(first_told > 0);
    CHECK(quiet_tables() == "");
    running it{in, in.room.path() / "cache"};
    check_alike(in, it, "task", 1, 2);
    check_alike(in, it, "project", 2, 3);
}

TEST_CASE("whoever would go on with a build that somebody is at is refused at once, and the build goes on")
{
    world in;
    random_history(in, 53, {4, 400});
    auto config = in.rebuilding();
    bool has_asked = false;
    config.tell_every = std::chrono::milliseconds{0};
    config.tell = [&](const projection::rebuild_progress& told) {
        if (has_asked || told.events == 0)
            return;
        has_asked = true;
        // As while the indexes are made: nobody may wait for the version's row.
        event_log::connection builder{in.connection("postgres"), in.watchdog};
        pqxx::work holds{builder.raw()};
        holds.exec("select from read.projection where state = 'building' for update");
        const auto session =
            in.db.run("select distinct pid from pg_locks where locktype = 'advisory' and classid = 7107");
        CHECK(refusal_of([&] { in.rebuild(both, true); }) ==
              "version 3 of project is being built by another program just now (session " + session +
                  " of the database): `clientflow projection list` shows how far it is; wait for it, or cancel it with "
                  "`clientflow projection retire`");
    };
    const auto made = projection::rebuild(config, both, *in.keys, in.clock, false);
    CHECK(has_asked);
    CHECK(made.what == projection::rebuilt::end::beside);
    CHECK(in.db.run("select count(*) from pg_locks where locktype = 'advisory' and classid = 7107") == "0");
    running it{in, in.room.path() / "cache"};
    check_alike(in, it, "task", 1, 2);
    check_alike(in, it, "project", 2, 3);
}

TEST_CASE("of two that go on with a build at once one does, whatever order they name its read models in")
{
    world in;
    random_history(in, 54, {4, 900});
    CHECK(interrupted_build(in).what == projection::rebuilt::end::interrupted);
    const std::array<const projection::definition*, 2> other_way{both[1], both[0]};
    std::barrier both_ready{2};
    const auto goes_on = [&](std::span<const projection::definition* const> these) {
        event_log::keyring keys{{(in.room.path() / "master.key").string()}};
        const auto config = in.rebuilding();
        both_ready.arrive_and_wait();
        return refusal_of([&] { projection::rebuild(config, these, keys, in.clock, true); });
    };
    auto other = std::async(std::launch::async, [&] { return goes_on(other_way); });
    const auto refusals = std::array{goes_on(both), other.get()};
    CHECK(refusals[0].empty() != refusals[1].empty());
    CHECK(in.db.run("select string_agg(projection || version || state, ' ' order by projection) from read.projection "
                    "where version > 1 and projection in ('project', 'task') and state <> 'live'") ==
          "project3beside task2beside");
    running it{in, in.room.path() / "cache"};
    check_alike(in, it, "task", 1, 2);
    check_alike(in, it, "project", 2, 3);
}

TEST_CASE(
    "a build is free for whoever goes on when its builder's session ends, and is claimed anew when that comes back")
{
    world in;
    random_history(in, 55, {4, 400});
    auto config = in.rebuilding();
    int told_times = 0;
    std::string before, after;
    const auto holder = [&] {
        return in.db.run("select coalesce(string_agg(distinct pid::text, ' '), '') from pg_locks"
                         " where locktype = 'advisory' and classid = 7107");
    };
    config.tell_every = std::chrono::milliseconds{0};
    config.tell = [&](const projection::rebuild_progress&) {
        if (++told_times == 1)
        {
            before = holder();
            in.db.run("select pg_terminate_backend(" + before + ")");
            kit::await("the claim is free", [&] { return holder().empty(); });
        }
        else if (after.empty())
            after = holder();
    };
    CHECK(projection::rebuild(config, both, *in.keys, in.clock, false).what == projection::rebuilt::end::beside);
    CHECK_FALSE(after.empty());
    CHECK(after != before);
}

TEST_CASE("a build tells the rows of each read model, also of lanes that were done by whoever began it")
{
    world in;
    random_history(in, 52, {4, 900});
    const auto begun = interrupted_build(in);
    const auto check_rows = [&](const projection::rebuilt& made) {
        std::uint64_t of_all = 0;
        for (const auto& each : made.versions)
        {
            CAPTURE(each.projection);
            const auto held = in.db.run("select count(*) from " + each.rows_in);
            CHECK(std::to_string(made.progress.rows_of(each.projection)) == held);
            CHECK(in.db.run("select sum(rows) from read.build where projection = '" + each.projection + "'") == held);
            of_all += std::stoull(held);
        }
        CHECK(made.progress.rows() == of_all);
        CHECK(made.progress.rows_of("task") != made.progress.rows_of("project"));
    };
    REQUIRE(begun.versions.size() == 2);
    CHECK(begun.versions.front().state == projection::version_state::building);
    check_rows(begun);

    const auto made = projection::rebuild(in.rebuilding(), both, *in.keys, in.clock, true);
    REQUIRE(made.versions.size() == 2);
    for (const auto& each : made.versions)
        CHECK(each.state == projection::version_state::beside);
    CHECK(made.progress.rows_of("task") > begun.progress.rows_of("task"));
    check_rows(made);
}

TEST_CASE("a database that is restarted again and again is waited for")
{
    kit::cluster server{{false, {}}};
    world in{server};
    random_history(in, 38, {4, 1'500});
    auto config = in.rebuilding();
    int restarts = 0;
    config.tell_every = std::chrono::milliseconds{0};
    config.tell = [&](const projection::rebuild_progress& told) {
        const auto done = std::ranges::count_if(told.lanes, [](const auto& each) { return each.is_done; });
        if (done < restarts || restarts >= 4)
            return;
        ++restarts;
        restarts % 2 == 0 ? server.stop_fast() : server.stop_immediate();
        server.start();
    };
    const auto made = projection::rebuild(config, both, *in.keys, in.clock, false);
    CHECK(made.what == projection::rebuilt::end::beside);
    CHECK(restarts == 4);
    running it{in, in.room.path() / "cache"};
    check_alike(in, it, "task", 1, 2);
    check_alike(in, it, "project", 2, 3);
    CHECK(in.verified_versions().different == 0);
}

TEST_CASE("child: builds and ends" * doctest::skip())
{
    if (!guest::is_one())
        return;
    guest at;
    CHECK(projection::rebuild(at.rebuilding(), of_each_kind, at.keys, at.clock, true).what ==
          projection::rebuilt::end::beside);
}

TEST_CASE("killed at every point of a build, again and again, it is gone on with and is as if nothing had happened")
{
    for (const std::string point : {"rebuild.lane_folded", "rebuild.before_commit", "rebuild.after_commit",
                                    "rebuild.finished", "rebuild.caught_up"})
    {
        CAPTURE(point);
        world in;
        random_history(in, 40, {4, 400});
        int kills = 0;
        for (auto end = killed; end == killed; kills += end == killed)
        {
            REQUIRE(kills < 12);
            end = run_child(in, "child: builds and ends", point + ":kill:" + std::to_string(kills + 1));
            REQUIRE((end == killed || end == ended_well));
        }
        CHECK(kills > 0);
        running it{in, in.room.path() / "cache"};
        check_alike(in, it, "project", 2, 3);
        check_alike(in, it, "task", 1, 2);
        check_alike(in, it, "audit_log", 1, 2);
        for (const std::string words : {"project", "task"})
            CHECK(in.db.run("select count(*) > 0 from read.search_term where projection = '" + words + "'") == "t");
        CHECK(in.db.run("select (select count(*) from read.audit_log_v2) = (select count(*) from es.event)") == "t");
        const auto fed = open_versions(in).fed(projection::read_models());
        CHECK(in.verified(projection::definitions_of(fed)).different == 0);
    }
}
