// Every named fault point, hit once, twice, three times … until it is hit no more, as SQLite's tests do.
//
// A first run of a small workload with a trace says which points there are; among them is a cut of the link in
// mid-append, so that settling has its points, too. Then a fresh server runs the same workload once per point, kind
// (kill, error, unknown) and hit. Only test builds have fault points.
#pragma once

#include "tests/kit/scenario/findings.hpp"
#include "tests/kit/scenario/site.hpp"

#include <cstdint>

namespace scenario
{
struct points_config
{
    std::uint32_t seed = 1;
    long hits_max = 1;  // 0: until the point is hit no more
    int commands = 10;  // of each of two clients
};

// Counts "points", "runs", and "fired point:kind" for each that fired.
findings loop_fault_points(site&, const points_config&);
}  // namespace scenario
