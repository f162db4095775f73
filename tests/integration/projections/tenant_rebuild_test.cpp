// One tenant's rows made anew from the log, in place, beside whoever serves its lane.
#include "events/project.hpp"
#include "projections/project.hpp"
#include "projections/runner/tenant_rebuild.hpp"
#include "projections/task.hpp"
#include "tests/kit/projections/child.hpp"
#include "tests/kit/projections/versions.hpp"
#include "tests/kit/projections/world.hpp"

#include <doctest/doctest.h>

using namespace projection_tests;

namespace
{
// Project first, then task: each in a transaction of its own.
void renew_both(const projection::row_store_config& where, event_feed::feed& feed, projection::personal_keys& keys,
                const uuid& tenant, std::int32_t lane)
{
    projection::version_store versions{where};
    versions.open();
    const auto models = versions.fed(both);
    projection::row_store rows{where, projection::definitions_of(models)};
    rows.open();
    for (const auto& each : models)
        CHECK(projection::rebuild_tenant({rows, feed, keys}, each->fed, tenant, lane).is_done);
}

// Rows, words and totals of a tenant, as one line that is the same for the same ones.
std::string held_of(const world& in, const uuid& tenant, const std::string& noun)
{
    const auto of = "tenant_id = '" + tenant.text() + "'";
    return in.db.run(
        "select md5(concat((select string_agg(t::text, ';' order by t.id) from read." + noun + " t where " + of +
        "), (select string_agg(w::text, ';' order by w.id, w.term) from read.search_term w where " + of +
        " and w.projection = '" + noun + "'), (select string_agg(s::text, ';' order by s.counter," +
        " s.bucket) from (select distinct on (counter, bucket) counter, bucket, value from read.sum" + " where " + of +
        " and counter like '" + noun + ".%' order by counter, bucket, seq desc) s" + " where s.value <> 0)))");
}

// Other titles, no words, other totals; of projects no rows at all.
void bend(const world& in, const uuid& tenant)
{
    const auto of = "tenant_id = '" + tenant.text() + "'";
    in.db.run("update read.task set title = 'bent' where " + of + "; delete from read.project where " + of +
              "; delete from read.search_term where projection in ('task', 'project') and " + of +
              "; update read.sum set value = value + 7 where split_part(counter, '.', 1) in ('task', 'project') and " +
              of);
}
}  // namespace

TEST_CASE("one tenant's rows are made anew in place, beside a runner, and nobody else's are touched")
{
    world in;
    const auto tenants = random_history(in, 43, {8, 900});
    running it{in, in.room.path() / "cache"};
    it.catch_up();
    in.db.run("update read.task set title = 'bent'; delete from read.project where tenant_id = '" + tenants[1].text() +
              "'; update read.sum set value = value + 7 where counter like 'task.%'");
    const auto renew = [&](const uuid& tenant, std::int32_t lane) {
        projection::personal_keys keys{*in.keys, in.verifying().keys};
        renew_both(in.rows(), *in.feed(), keys, tenant, lane);
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

TEST_CASE("child: renews a tenant" * doctest::skip())
{
    if (!guest::is_one())
        return;
    guest at;
    projection::personal_keys keys{at.keys, at.log()};
    renew_both(at.rows(), *at.feed(), keys, *uuid::parse(guest::told("TENANT")), std::stoi(guest::told("LANE")));
}

TEST_CASE("killed around either commit of a tenant's rebuild, its rows are bent as before or whole, and mended again")
{
    struct cut
    {
        std::string at;
        bool is_project_whole, is_task_whole;
    };
    world in;
    const uuid tenant = random_history(in, 56, {8, 900})[1];
    const std::map<std::string, std::string> told{{"TENANT", tenant.text()}, {"LANE", std::to_string(lanes_used[1])}};
    running it{in, in.room.path() / "cache"};
    it.catch_up();
    for (const auto& [at, is_project_whole, is_task_whole] :
         {cut{"renew.before_commit:kill:1", false, false}, cut{"renew.after_commit:kill:1", true, false},
          cut{"renew.before_commit:kill:2", true, false}, cut{"renew.after_commit:kill:2", true, true}})
    {
        CAPTURE(at);
        const auto whole_projects = held_of(in, tenant, "project"), whole_tasks = held_of(in, tenant, "task");
        bend(in, tenant);
        const auto bent_projects = held_of(in, tenant, "project"), bent_tasks = held_of(in, tenant, "task");
        REQUIRE((bent_projects != whole_projects && bent_tasks != whole_tasks));

        CHECK(run_child(in, "child: renews a tenant", at, told) == killed);
        CHECK(held_of(in, tenant, "project") == (is_project_whole ? whole_projects : bent_projects));
        CHECK(held_of(in, tenant, "task") == (is_task_whole ? whole_tasks : bent_tasks));

        append_project(in, tenant, "made after the kill");
        in.flush();
        it.catch_up();
        CHECK(run_child(in, "child: renews a tenant", "", told) == ended_well);
        CHECK(in.verified().different == 0);
        append_project(in, tenant, "made after the repair");
        in.flush();
        it.catch_up();
        CHECK(in.verified().different == 0);
    }
}
