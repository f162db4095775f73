#include "tests/kit/projections/versions.hpp"

#include "events/project.hpp"
#include "projections/project.hpp"
#include "projections/task.hpp"

#include <doctest/doctest.h>

namespace projection_tests
{
const std::array<const projection::definition*, 2> both{&project::read_model(), &task::read_model()};

projection::version_store open_versions(const world& in)
{
    projection::version_store made{in.rows()};
    made.open();
    return made;
}

std::string differences(const world& in, const std::string& name, int one, int other)
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
    const auto words = [&](int n) {
        return "(select tenant_id, id, term, place, created_at from read.search_term where projection = '" + name +
               "' and version = " + std::to_string(n) + ")";
    };
    const auto only_in = [](const std::string& a, const std::string& b) {
        return "(select count(*) from (select t::text from " + a + " t except select t::text from " + b + " t) d)";
    };
    std::string all = "select 0";
    for (const auto& [a, b] : {std::pair{table(one), table(other)}, std::pair{totals(one), totals(other)},
                               std::pair{words(one), words(other)}})
        all += " + " + only_in(a, b) + " + " + only_in(b, a);
    return in.db.run(all);
}

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

void append_project(world& in, const uuid& tenant, const std::string& name)
{
    project::created fact;
    fact.id = {fresh_id()};
    fact.name = name;
    in.append(tenant, "project", fact.id.value, fact);
}
}  // namespace projection_tests
