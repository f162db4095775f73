// Versions of read models as tests look at them: the two that most are built of, and whether a pair shows the same.
#pragma once

#include "projections/runner/versions.hpp"
#include "tests/kit/projections/swap.hpp"
#include "tests/kit/projections/world.hpp"

#include <array>
#include <string>

namespace projection_tests
{
// Project, whose first version is the second definition's, and task.
extern const std::array<const projection::definition*, 2> both;

// Opened, as the projector's role.
projection::version_store open_versions(const world&);

// Rows, totals and words that one version has and the other has not.
std::string differences(const world&, const std::string& name, int one, int other);

// Both show everything, and nothing differs. A check of the test's.
void check_alike(world&, running&, const std::string& name, int one, int other);

void append_project(world&, const uuid& tenant, const std::string& name);

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
}  // namespace projection_tests
