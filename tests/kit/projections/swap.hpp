// A swap as tests say it: one version of a read model by its number.
#pragma once

#include "projections/runner/versions.hpp"

#include <array>
#include <string>

namespace projection_tests
{
// Answers the version that was live.
inline int swap(projection::version_store& versions, const std::string& name, int number,
                bool with_stopped_keys = false)
{
    int live = 0;
    for (const auto& each : versions.all())
        if (each.projection == name && each.state == projection::version_state::live)
            live = each.number;
    projection::version unknown;
    unknown.projection = name;
    unknown.number = number;
    const std::array these{versions.find(name, number).value_or(unknown)};
    versions.swap_all(these, with_stopped_keys);
    return live;
}
}  // namespace projection_tests
