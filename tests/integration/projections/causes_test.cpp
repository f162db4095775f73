// Why a key is stopped, as the store says it, and its end: a build that can fold the event frees it.
#include "events/project.hpp"
#include "projections/project.hpp"
#include "tests/kit/projections/stopped.hpp"
#include "tests/kit/projections/world.hpp"

#include <doctest/doctest.h>

#include <stdexcept>

using namespace projection_tests;

namespace
{
using end = projection::replayed::end;

project::created new_project(const std::string& name)
{
    project::created fact;
    fact.id = {fresh_id()};
    fact.name = name;
    return fact;
}

// As the noun's own fold, which makes a mistake where a project is completed: after it has changed the row.
void mistaken_fold(void* row, const projection::recorded& happened, schema::opener* open)
{
    project::read_model().apply(row, happened, open);
    if (happened.type == "project.completed")
        throw std::logic_error("a mistake of the fold");
}

constexpr const char* of_tomorrow = "project.exploded";
constexpr int version_of_tomorrow = 99;

// As the noun's own fold a release later: what explodes is archived, and facts have a new version.
void fold_of_tomorrow(void* row, const projection::recorded& happened, schema::opener* open)
{
    auto known = happened;
    if (known.type == of_tomorrow)
        known.type = "project.archived";
    if (known.schema_version == version_of_tomorrow)
        known.schema_version = 1;
    project::read_model().apply(row, known, open);
}

// A project that something happens to, one that nothing was known of before that, and their neighbours in the lane.
struct given_projects
{
    void begin()
    {
        in.append(tenant, "project", good.id.value, good);
        in.append(tenant, "project", bad.id.value, bad);
        in.append(tenant, "project", bad.id.value,
                  project::activated{bad.id, {project::status::planned, project::status::active}});
    }
    void go_on()
    {
        in.append(tenant, "project", bad.id.value, project::restored{bad.id});
        in.append(tenant, "project", good.id.value, project::archived{good.id});
        in.append(other, "project", bad.id.value, bad);  // the same id elsewhere is another key
        in.append(elsewhere, "project", good.id.value, good);
        in.flush();
    }
    void one_more(const project::created& of)
    {
        in.append(tenant, "project", of.id.value, project::reopened{of.id, {{}, project::status::active}});
        in.flush();
    }

    std::string row(const uuid& of, const project::created& which, const std::string& what = "version::text")
    {
        return in.db.run("select " + what + " from read.project where tenant_id = '" + of.text() + "' and id = '" +
                         which.id.value.text() + "'");
    }
    void check_neighbours(const std::string& version_of_good)
    {
        CHECK(row(tenant, good) == version_of_good);
        CHECK(row(other, bad) == "1");
        CHECK(row(elsewhere, good) == "1");
    }

    world in;
    const std::filesystem::path cache = in.room.path() / "cache";
    const uuid tenant = in.tenant(1), other = in.tenant(1), elsewhere = in.tenant(2);
    const project::created good = new_project("good"), bad = new_project("bad"), unborn = new_project("unborn");
};
}  // namespace

TEST_CASE_FIXTURE(given_projects, "a fold that makes a mistake stops its key as fold_threw; a sound one frees it")
{
    const other_build mistaken{project::read_model(), mistaken_fold};
    begin();
    in.append(tenant, "project", bad.id.value,
              project::completed{bad.id, {project::status::active, project::status::completed}});
    go_on();
    const auto expected = "project fold_threw " + bad.id.value.text() + " 3";
    {
        running it{in, cache, mistaken.read_models()};
        it.catch_up();
        REQUIRE(it.reports().size() == 1);
        CHECK(it.reports()[0].what == projection::report::kind::parked);
    }
    CHECK(stopped_keys(in) == expected);
    CHECK(in.db.run("select cause from read.parked") == "a mistake of the fold");
    CHECK(row(tenant, bad, "status || version") == "active2");
    check_neighbours("2");
    CHECK(in.verified(mistaken.read_models()).different == 0);
    CHECK(in.verified().different == 0);

    one_more(bad);
    one_more(good);
    {
        running again{in, cache, mistaken.read_models()};
        again.catch_up();
        for (const auto& each : replay_all(in, mistaken.read_models()))
            CHECK(each.what == end::still_stopped);
    }
    CHECK(stopped_keys(in) == expected);
    CHECK(row(tenant, bad, "status || version") == "active2");
    check_neighbours("3");
    CHECK(in.verified(mistaken.read_models()).different == 0);

    running sound{in, cache};
    sound.catch_up();
    const auto ends = replay_all(in, projection::read_models());
    REQUIRE(ends.size() == 1);
    CHECK(ends.front().what == end::freed);
    CHECK(ends.front().events == 5);
    one_more(bad);
    sound.catch_up();
    CHECK(stopped_keys(in).empty());
    CHECK(row(tenant, bad) == "6");
    CHECK(in.verified().different == 0);
}

TEST_CASE_FIXTURE(given_projects, "what a later build wrote stops its own keys until that build is back and frees them")
{
    const other_build later{project::read_model(), fold_of_tomorrow};
    std::string type, kind;
    int version = 0;
    SUBCASE("a type that this build does not know") { type = of_tomorrow, version = 1, kind = "unknown_type"; }
    SUBCASE("a version of a type that it knows in an older one")
    {
        type = "project.archived", version = version_of_tomorrow, kind = "cannot_decode";
    }
    std::string data;
    schema::write_json(project::archived{bad.id}, data);
    begin();
    in.append_raw(tenant, "project", bad.id.value, type, version, fresh_id(), data);
    in.append_raw(tenant, "project", unborn.id.value, type, version, fresh_id(), data);
    in.append(tenant, "project", unborn.id.value, unborn);
    go_on();
    const auto expected =
        "project " + kind + " " + bad.id.value.text() + " 3, project " + kind + " " + unborn.id.value.text() + " 1";
    {
        running it{in, cache};
        it.catch_up();
    }
    CHECK(stopped_keys(in) == expected);
    CHECK(in.db.run("select count(*) from read.parked where cause like '%" + type + "'") == "2");
    CHECK(row(tenant, bad, "version || coalesce(archived_at::text, '')") == "2");
    CHECK(row(tenant, unborn, "count(*)") == "0");
    check_neighbours("2");
    CHECK(in.verified().different == 0);

    one_more(bad);
    one_more(unborn);
    one_more(good);
    {
        running again{in, cache};
        again.catch_up();
        for (const auto& each : replay_all(in, projection::read_models()))
            CHECK(each.what == end::still_stopped);
    }
    CHECK(stopped_keys(in) == expected);
    CHECK(row(tenant, bad) == "2");
    check_neighbours("3");
    CHECK(in.verified().different == 0);

    running back{in, cache, later.read_models()};
    back.catch_up();
    CHECK(stopped_keys(in) == expected);
    for (const auto& each : replay_all(in, later.read_models()))
        CHECK(each.what == end::freed);
    CHECK(stopped_keys(in).empty());
    CHECK(row(tenant, bad) == "5");
    CHECK(row(tenant, unborn, "version || name") == "3unborn");
    in.append(tenant, "project", unborn.id.value, project::archived{unborn.id});
    in.flush();
    back.catch_up();
    CHECK(row(tenant, unborn, "version || (archived_at is not null)::text") == "4true");
    CHECK(in.verified(later.read_models()).different == 0);
}
