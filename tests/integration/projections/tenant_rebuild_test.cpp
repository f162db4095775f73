// One tenant's rows made anew from the log, in place, beside whoever serves its lane.
#include "projections/project.hpp"
#include "projections/runner/tenant_rebuild.hpp"
#include "projections/task.hpp"
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
