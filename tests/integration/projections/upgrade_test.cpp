// Read models of a program before, on the way to how this one counts.
#include "projections/catalogue.hpp"
#include "projections/dashboard.hpp"
#include "tests/kit/projections/earlier.hpp"
#include "tests/kit/projections/world.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

using namespace projection_tests;

TEST_CASE("what an earlier program has folded is upgraded: built anew beside the live rows, counted as now, and shown")
{
    world in;
    const auto tenants = random_history(in, 48, {4, 600});
    const earlier_program before;
    const auto earlier = before.read_models();
    {
        running old{in, in.room.path() / "cache", earlier};
        old.catch_up();
    }
    const auto* client_before = *std::ranges::find(earlier, "client", &projection::definition::name);
    in.rebuild({&client_before, 1});   // looked at by the program before, and left beside
    random_history(in, 49, {4, 200});  // nobody has folded these yet
    projection::version_store versions{in.rows()};
    versions.open();
    const auto all = projection::read_models();
    CHECK_THROWS_AS(versions.fed(all), projection::unknown_definition);

    std::vector<const projection::definition*> changed;
    for (const auto& each : versions.changed(all))
    {
        CHECK(each.live.number == 1);
        CHECK_FALSE(each.next);
        changed.push_back(each.code);
    }
    CHECK(changed.size() == 4);
    CHECK(versions.changed(earlier).empty());
    in.rebuild(changed, true);
    std::vector<projection::version> built;
    for (const auto& each : versions.changed(all))
    {
        REQUIRE(each.next);
        built.push_back(*each.next);
    }
    in.db.run("insert into read.parked (projection, version, lane, tenant_id, key, from_seq, cause, kind)"
              " select '" +
              built.back().projection + "', " + std::to_string(built.back().number) +
              ", lane, tenant_id, '01912345-6789-7abc-8def-0123456789ab', 1, 'a test', 'cannot_decode' from es.tenant"
              " limit 1");
    CHECK_THROWS_AS(versions.swap_all(built, false), projection::not_now);
    CHECK(versions.changed(all).size() == 4);  // the last one was refused: none is shown
    in.db.run("delete from read.parked where cause = 'a test'");
    versions.swap_all(built, false);
    for (const auto& each : built)
        CHECK(versions.show_to_analysts(each.projection, std::chrono::milliseconds{5'000}));
    CHECK(versions.changed(all).empty());

    running it{in, in.room.path() / "cache"};
    random_history(in, 50, {4, 100});
    it.catch_up();
    CHECK(in.verified(definitions_of(versions.live(all))).different == 0);
    for (const std::string noun : {"client", "member", "project", "comment"})
    {
        CAPTURE(noun);
        CHECK(in.db.run("select count(*) > 0 and count(*) = (select sum(used) from read.usage where metric = '" + noun +
                        "s_created') from read." + noun + "s") == "t");
    }
    projection::reader from{in.reading()};
    const auto shown = dashboard::read(from, tenants.front());
    CHECK(shown.data->find("\"budgets_by_currency\":[{") != std::string::npos);
}
