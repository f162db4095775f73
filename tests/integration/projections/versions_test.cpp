// Versions of read models that are shown: fed beside the live ones, swapped, taken back, kept, refused, thrown away.
#include "events/project.hpp"
#include "projections/catalogue.hpp"
#include "projections/project.hpp"
#include "projections/task.hpp"
#include "tests/kit/projections/versions.hpp"
#include "tests/kit/projections/world.hpp"

#include <doctest/doctest.h>
#include <pqxx/pqxx>

using namespace projection_tests;
using projection::version_store;

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
    running it{in, in.room.path() / "cache"};
    it.catch_up();
    CHECK(in.verified_versions().different == 0);
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
    project::created poisoned;
    poisoned.id = {fresh_id()};
    poisoned.name = "poisoned";
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
