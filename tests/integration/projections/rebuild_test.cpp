// New versions of read models: built beside the live ones while these are fed and read, swapped, taken back, thrown
// away.
#include "events/project.hpp"
#include "projections/catalogue.hpp"
#include "projections/project.hpp"
#include "projections/runner/tenant_rebuild.hpp"
#include "projections/task.hpp"
#include "tests/kit/projections/swap.hpp"
#include "tests/kit/projections/world.hpp"

#include <doctest/doctest.h>
#include <pqxx/pqxx>

#include <array>
#include <barrier>
#include <cstdlib>
#include <fstream>
#include <future>

using namespace projection_tests;
using projection::version_store;

namespace
{
const std::array<const projection::definition*, 2> both{&project::read_model(), &task::read_model()};

version_store open_versions(world& in)
{
    version_store made{in.rows()};
    made.open();
    return made;
}

// Rows and totals that one version has and the other has not.
std::string differences(world& in, const std::string& name, int one, int other)
{
    const auto table = [&](int n) {
        return in.db.run("select rows_in from read.projection where projection = '" + name +
                         "' and version = " + std::to_string(n));
    };
    const auto totals = [&](int n) {
        return "(select distinct on (tenant_id, counter, bucket) tenant_id, counter, bucket, value from read.sum"
               " where version = " +
               std::to_string(n) + " and counter like '" + name + ".%' order by tenant_id, counter, bucket, seq desc)";
    };
    const auto rows = [](const std::string& a, const std::string& b) {
        return "(select count(*) from (select t::text from " + a + " t except select t::text from " + b + " t) d)";
    };
    return in.db.run("select " + rows(table(one), table(other)) + " + " + rows(table(other), table(one)) + " + " +
                     rows(totals(one), totals(other)) + " + " + rows(totals(other), totals(one)));
}

// The live and the other versions once both show everything.
void check_alike(world& in, running& it, const std::string& name, int one, int other)
{
    kit::await("both versions show the same position", [&] {
        it.catch_up();
        return in.db.run(
                   "select count(distinct seq) = count(distinct lane) from (select distinct on (version, lane) lane,"
                   " lane || '/' || seq as seq from read.checkpoint where projection = '" +
                   name + "' and version in (" + std::to_string(one) + ", " + std::to_string(other) +
                   ") order by version, lane, step desc) c") == "t";
    });
    CHECK(differences(in, name, one, other) == "0");
}

project::created new_project(const std::string& name)
{
    project::created fact;
    fact.id = {fresh_id()};
    fact.name = name;
    return fact;
}

void append_project(world& in, const uuid& tenant, const std::string& name)
{
    const auto fact = new_project(name);
    in.append(tenant, "project", fact.id.value, fact);
}

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

// As it is refused to whoever comes while another one builds; nothing when it is not.
template <class Work>
std::string refusal_of(Work work)
{
    try
    {
        work();
    }
    catch (const projection::not_now& told)
    {
        return told.what();
    }
    return {};
}

std::string environment(const char* name)
{
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}
}  // namespace

TEST_CASE("versions are built beside the live ones, fed like them, swapped, taken back, and thrown away")
{
    world in;
    const auto tenants = random_history(in, 31, {4, 900});
    running it{in, in.room.path() / "cache"};
    it.catch_up();
    projection::reader reader{in.reading()};
    const projection::list_place place{tenants.front(), "/api/v1/tasks"};
    const auto ask = projection::read_list_query(task::listing(), {}, place, std::string(32, 's'));
    REQUIRE(ask);
    const auto before = reader.list(task::listing(), place, *ask).data;

    const auto made = in.rebuild(both);
    REQUIRE(made.size() == 2);
    CHECK(made[1].number == 2);
    CHECK(made[1].rows_in == "read.task_v2");
    random_history(in, 32, {4, 300});
    check_alike(in, it, "task", 1, 2);
    check_alike(in, it, "project", 2, 3);
    CHECK(in.verified().different == 0);

    auto versions = open_versions(in);
    CHECK(swap(versions, "task", 2) == 1);
    CHECK(reader.list(task::listing(), place, *ask).data == before);
    random_history(in, 33, {4, 300});
    check_alike(in, it, "task", 1, 2);
    const auto live = versions.live(projection::read_models());
    CHECK(in.verified(definitions_of(live)).different == 0);

    // What is written to the version that is shown is seen, and only that.
    in.db.run("update read.task_v2 set title = 'of the second version' where tenant_id = '" + tenants.front().text() +
              "'");
    CHECK(reader.list(task::listing(), place, *ask).data.find("of the second version") != std::string::npos);
    projection::reader knows_the_second{in.reading()};
    CHECK(knows_the_second.list(task::listing(), place, *ask).count > 0);
    CHECK(swap(versions, "task", 1) == 2);
    CHECK(reader.list(task::listing(), place, *ask).data == before);
    CHECK(in.verified().different == 0);

    versions.retire(task::read_model(), 2, "a test");
    it.catch_up();
    kit::await("the runner feeds it no more", [&] {
        random_history(in, 46, {4, 5});
        it.catch_up();
        return in.db.run("select count(*) from pg_locks where relation = to_regclass('read.task_v2')") == "0";
    });
    versions.remove_retired(task::read_model(), 2);
    CHECK(in.db.run("select to_regclass('read.task_v2') is null") == "t");
    CHECK(knows_the_second.list(task::listing(), place, *ask).data == reader.list(task::listing(), place, *ask).data);
    random_history(in, 34, {4, 100});
    it.catch_up();
    CHECK(in.db.run("select count(*) from read.checkpoint where projection = 'task' and version = 2") == "0");
    CHECK(in.db.run("select count(*) from read.sum where counter like 'task.%' and version = 2") == "0");
    CHECK(in.verified().different == 0);
}

TEST_CASE("a swap waits for no analyst; the analyst's view follows once the analyst is done")
{
    world in;
    random_history(in, 45);
    in.rebuild({&both[1], 1});
    const auto shown_of = [&] { return in.db.run("select of_table from read.analyst_view where name = 'tasks'"); };
    CHECK(shown_of() == "read.task");
    auto versions = open_versions(in);
    {
        event_log::connection_config config = in.connection("postgres");
        event_log::connection analyst{config, in.watchdog};
        pqxx::work long_query{analyst.raw()};
        long_query.exec("select count(*) from read.tasks");
        CHECK(swap(versions, "task", 2) == 1);
        CHECK_FALSE(versions.show_to_analysts("task", std::chrono::milliseconds{50}));
        CHECK(shown_of() == "read.task");
    }
    CHECK(versions.show_to_analysts("task", std::chrono::milliseconds{5'000}));
    CHECK(shown_of() == "read.task_v2");
    CHECK(in.db.run("select (select count(*) from read.tasks) = (select count(*) from read.task_v2)") == "t");
}

TEST_CASE("a version's table has the keys, indexes, row security and rights of the first one's")
{
    world in;
    random_history(in, 35);
    in.rebuild({&both[1], 1});
    const auto of = [&](const std::string& what) {
        const auto one = [&](const std::string& table) {
            std::string asked = what;
            for (auto at = asked.find("$t"); at != std::string::npos; at = asked.find("$t"))
                asked.replace(at, 2, table);
            return in.db.run(asked);
        };
        CHECK(one("task") == one("task_v2"));
        CHECK_FALSE(one("task").empty());
    };
    of("select string_agg(replace(indexdef, 'task_v2', 'task'), ';' order by replace(indexname, 'task_v2', 'task'))"
       " from pg_indexes where schemaname = 'read' and tablename = '$t'");
    of("select string_agg(policyname || roles::text || cmd || qual || coalesce(with_check, ''), ';' order by "
       "policyname)"
       " from pg_policies where schemaname = 'read' and tablename = '$t'");
    of("select relrowsecurity::text || relforcerowsecurity || reloptions::text from pg_class"
       " where oid = 'read.$t'::regclass");
    of("select string_agg(grantee || privilege_type, ';' order by grantee, privilege_type)"
       " from information_schema.role_table_grants where table_schema = 'read' and table_name = '$t'"
       " and grantee <> 'clientflow_owner'");
}

TEST_CASE("a version that is behind, or has stopped keys, is not shown; the latter unless they are accepted")
{
    world in;
    const uuid tenant = in.tenant(1);
    const auto poisoned = new_project("poisoned");
    in.append(tenant, "project", poisoned.id.value, poisoned);
    in.append_raw(tenant, "project", poisoned.id.value, "project.activated", 1, fresh_id(), R"({"id": 5})");
    append_project(in, tenant, "good");
    in.flush();
    auto it = std::make_unique<running>(in, in.room.path() / "cache");
    it->catch_up();
    in.rebuild({&both[0], 1});
    auto versions = open_versions(in);
    CHECK(in.db.run("select string_agg(version || '/' || from_seq, ' ' order by version) from read.parked") ==
          in.db.run("select '2/' || seq || ' 3/' || seq from es.event where type = 'project.activated'"));
    CHECK_THROWS_AS(swap(versions, "project", 3), projection::not_now);

    it.reset();
    in.db.run("update read.checkpoint set seq = seq - 1 where version = 3 and lane = 1");
    CHECK_THROWS_AS(swap(versions, "project", 3, true), projection::not_now);
    in.db.run("update read.checkpoint set seq = seq + 1 where version = 3 and lane = 1");
    CHECK(swap(versions, "project", 3, true) == 2);
    CHECK_THROWS_AS(swap(versions, "project", 7, true), projection::not_now);
    CHECK_THROWS_AS(versions.retire(project::read_model(), 3, "a test"), projection::not_now);
}

TEST_CASE("a row that the database refuses stops its key at its first event, and the others are there")
{
    world in;
    const uuid tenant = in.tenant(1);
    for (int i = 0; i < 120; ++i)
        append_project(in, tenant, "good");
    const auto bad = new_project("refused");
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

TEST_CASE("one tenant's rows are made anew in place, beside a runner, and nobody else's are touched")
{
    world in;
    const auto tenants = random_history(in, 43, {8, 900});
    running it{in, in.room.path() / "cache"};
    it.catch_up();
    in.db.run("update read.task set title = 'bent'; delete from read.project where tenant_id = '" + tenants[1].text() +
              "'; update read.sum set value = value + 7 where counter like 'task.%'");
    const auto renew = [&](const uuid& tenant, std::int32_t lane) {
        auto versions = open_versions(in);
        const auto models = versions.fed(both);
        projection::row_store rows{in.rows(), projection::definitions_of(models)};
        rows.open();
        projection::personal_keys keys{*in.keys, in.verifying().keys};
        const auto feed = in.feed();
        for (const auto& each : models)
            CHECK(projection::rebuild_tenant({rows, *feed, keys}, each->fed, tenant, lane).is_done);
    };
    renew(tenants[1], lanes_used[1]);
    CHECK(in.db.run("select count(*) from read.task where title = 'bent' and tenant_id = '" + tenants[1].text() +
                    "'") == "0");
    CHECK(in.db.run("select count(*) from read.task where title <> 'bent' and tenant_id <> '" + tenants[1].text() +
                    "'") == "0");
    for (std::size_t i = 0; i < tenants.size(); ++i)
        renew(tenants[i], lanes_used[i % std::size(lanes_used)]);
    random_history(in, 44, {8, 300});
    it.catch_up();
    CHECK(in.verified().different == 0);
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

TEST_CASE("what is called with the owner's rights drops and copies no table but a read model's own")
{
    world in;
    const auto as_projector = [&](const std::string& call) {
        return in.db.run("set role clientflow_projector; select count(*)::text from " + call);
    };
    for (const char* foreign :
         {"es.event", "read.task", "pg_catalog.pg_class", "read.project_d2; drop table read.task"})
    {
        CAPTURE(foreign);
        CHECK_THROWS(as_projector("read.register_projection('x', 1, '', '" + std::string{foreign} + "')"));
        CHECK_THROWS(as_projector("read.begin_version('project', 1, '', '" + std::string{foreign} + "')"));
        CHECK_THROWS(as_projector("read.drop_version('project', 1, '" + std::string{foreign} + "')"));
    }
}

TEST_CASE("a way back leads to the version that was live before, not to the one that was rejected before that")
{
    world in;
    random_history(in, 47);
    running it{in, in.room.path() / "cache"};
    it.catch_up();
    const projection::definition* of = &task::read_model();
    auto versions = open_versions(in);
    in.rebuild({&of, 1});
    check_alike(in, it, "task", 1, 2);
    CHECK(swap(versions, "task", 2) == 1);
    CHECK(versions.live_before("task")->number == 1);
    CHECK(swap(versions, "task", 1) == 2);
    in.rebuild({&of, 1});
    check_alike(in, it, "task", 1, 3);
    CHECK(swap(versions, "task", 3) == 1);
    CHECK(versions.live_before("task")->number == 1);
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

TEST_CASE("no more versions are built than may stand beside the live one, until one of them is thrown away or shown")
{
    world in;
    random_history(in, 51, {2, 100});
    auto versions = open_versions(in);
    const auto* task = &task::read_model();
    for (std::size_t n = 0; n < version_store::beside_max; ++n)
        in.rebuild({&task, 1});
    CHECK(refusal_of([&] { in.rebuild(both); }) ==
          "versions 2, 3, 4 of task stand beside the live one, and no more are kept: throw one away with `clientflow "
          "projection retire task --version 2 --reason …`");
    CHECK(in.db.run("select count(*) from read.projection where state = 'building'") == "0");  // the other one neither
    versions.retire(*task, 3, "a test");
    CHECK(in.rebuild({&task, 1}).front().number == 5);
    CHECK(refusal_of([&] { in.rebuild({&task, 1}); }).starts_with("versions 2, 4, 5 of task"));
}

TEST_CASE("no more versions are kept that were live than can be fed for long; the ways back stay open")
{
    world in;
    random_history(in, 52, {2, 100});
    auto versions = open_versions(in);
    const auto* task = &task::read_model();
    for (std::size_t n = 0; n < version_store::former_max; ++n)
        swap(versions, "task", in.rebuild({&task, 1}).front().number);
    const auto next = in.rebuild({&task, 1}).front();
    REQUIRE(next.number == 10);
    const std::string told =
        "versions 1, 2, 3, 4, 5, 6, 7, 8, 9 of task would all be kept as those that were live before, and no more "
        "than 8 are: throw one away with `clientflow projection retire task --version 1 --reason …`";
    CHECK(refusal_of([&] { versions.expect_room_for_former(next); }) == told);
    CHECK(refusal_of([&] {
              swap(versions, "task", 10);
          }).ends_with("`clientflow projection retire task --version 1 --reason …`"));
    CHECK(versions.find("task", 9)->state == projection::version_state::live);  // nothing has changed

    CHECK(swap(versions, "task", 8) == 9);
    CHECK(swap(versions, "task", 9) == 8);
    versions.retire(*task, 1, "a test");
    versions.expect_room_for_former(next);
    CHECK(swap(versions, "task", 10) == 9);
}

TEST_CASE("a build that is interrupted is gone on with: what was done is not done again")
{
    world in;
    random_history(in, 37, {4, 900});
    CHECK(interrupted_build(in).what == projection::rebuilt::end::interrupted);
    CHECK_THROWS_AS(in.rebuild(both), projection::not_now);

    auto config = in.rebuilding();
    std::int64_t first_told = -1;
    config.tell_every = std::chrono::milliseconds{0};
    config.tell = [&](const projection::rebuild_progress& told) {
        if (first_told < 0)
            first_told = told.events;
    };
    CHECK(projection::rebuild(config, both, *in.keys, in.clock, true).what == projection::rebuilt::end::beside);
    CHECK(first_told > 0);
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
}

TEST_CASE("a definition that changed without a new version is refused, and so is one that made no live rows")
{
    world in;
    random_history(in, 39);
    auto versions = open_versions(in);
    versions.register_missing(projection::read_models());
    CHECK(versions.live(projection::read_models()).size() == projection::read_models().size());

    auto changed = task::read_model();
    changed.record = &schema::schema_of<project::item>;
    const projection::definition* of = &changed;
    CHECK_THROWS_AS(versions.fed({&of, 1}), projection::unknown_definition);

    auto newer = task::read_model();
    newer.version = 2;
    of = &newer;
    CHECK_THROWS_AS(versions.fed({&of, 1}), projection::unknown_definition);
    CHECK(in.rebuild({&of, 1}).front().definition == 2);
    CHECK(swap(versions, "task", 2) == 1);
    CHECK(versions.fed({&of, 1}).size() == 1);
}

TEST_CASE("child: builds and ends" * doctest::skip())
{
    const std::string dsn = environment("REBUILD_CHILD_DSN");
    if (dsn.empty())
        return;
    const auto guard = std::make_shared<event_log::watchdog>();
    event_log::keyring keys{{environment("REBUILD_CHILD_KEY")}};
    projection::rebuild_config config;
    config.rows.connection.dsn = dsn;
    config.rows.watchdog = guard;
    config.keys.dsn = dsn;
    config.keys.guard = guard;
    config.lanes = {std::begin(lanes_used), std::end(lanes_used)};
    config.room = environment("REBUILD_CHILD_ROOM");
    config.feed = [&] {
        event_feed::store_feed_config feed;
        feed.dsn = dsn;
        feed.guard = guard;
        feed.feed.batch_events_max = 100;
        return std::make_unique<event_feed::store_feed>(feed);
    };
    schema::system_clock clock;
    CHECK(projection::rebuild(config, both, keys, clock, true).what == projection::rebuilt::end::beside);
}

TEST_CASE("killed at every point of a build, again and again, it is gone on with and is as if nothing had happened")
{
    for (const char* point : {"rebuild.lane_folded", "rebuild.before_commit", "rebuild.after_commit",
                              "rebuild.finished", "rebuild.caught_up"})
    {
        CAPTURE(point);
        world in;
        random_history(in, 40, {4, 400});
        bool is_over = false;
        int kills = 0;
        for (int nth = 1; !is_over; ++nth)
        {
            REQUIRE(nth < 12);
            kit::launch child;
            child.program = "/proc/self/exe";
            child.arguments = {"--no-skip", "--test-case=child: builds and ends"};
            child.environment = {{"REBUILD_CHILD_DSN", in.db.dsn()},
                                 {"REBUILD_CHILD_KEY", (in.room.path() / "master.key").string()},
                                 {"REBUILD_CHILD_ROOM", (in.room.path() / "rebuild").string()},
                                 {"CLIENTFLOW_FAULT", std::string{point} + ":kill:" + std::to_string(nth)}};
            is_over = kit::run(child).end == kit::ending{0, 0};
            kills += is_over ? 0 : 1;
        }
        CHECK(kills > 0);
        running it{in, in.room.path() / "cache"};
        check_alike(in, it, "task", 1, 2);
        check_alike(in, it, "project", 2, 3);
    }
}
