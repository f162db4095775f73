// Read models of a program before, on the way to how this one counts.
#include "projections/catalogue.hpp"
#include "projections/client.hpp"
#include "projections/comment.hpp"
#include "projections/dashboard.hpp"
#include "projections/member.hpp"
#include "projections/project.hpp"
#include "tests/kit/projections/world.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

using namespace projection_tests;

namespace
{
// What is counted of a row by the definition, without what it did not count under its first number.
template <const projection::definition& (*Of)()>
void counted_before(const void* row, std::vector<projection::share>& out)
{
    Of().shares(row, out);
    std::erase_if(out, [](const projection::share& each) {
        return each.counter == "project.budget" ||
               (each.counter.ends_with(".created") && each.counter != "project.created");
    });
}

// The read models of the program before usage was counted by month.
std::vector<projection::definition> definitions_before()
{
    std::vector<projection::definition> made;
    for (const auto* of : projection::read_models())
        made.push_back(*of);
    const auto lower = [&](const projection::definition& of, auto shares) {
        auto& found = *std::ranges::find(made, of.name, &projection::definition::name);
        found.version = 1;
        found.shares = shares;
    };
    lower(client::read_model(), counted_before<client::read_model>);
    lower(member::read_model(), counted_before<member::read_model>);
    lower(comment::read_model(), counted_before<comment::read_model>);
    lower(project::read_model(), counted_before<project::read_model>);
    return made;
}
}  // namespace

TEST_CASE("what an earlier program has folded is upgraded: built anew beside the live rows, counted as now, and shown")
{
    world in;
    const auto tenants = random_history(in, 48, {4, 600});
    const auto before = definitions_before();
    std::vector<const projection::definition*> earlier;
    for (const auto& each : before)
        earlier.push_back(&each);
    {
        running old{in, in.room.path() / "cache", earlier};
        old.catch_up();
    }
    const auto* client_before = &*std::ranges::find(before, "client", &projection::definition::name);
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
