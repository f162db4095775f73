// What a restart makes of a local cache that is gone, damaged, or of another history.
#pragma once

#include "tests/kit/scenario/findings.hpp"
#include "tests/kit/scenario/site.hpp"

#include <cstdint>

namespace scenario
{
struct cache_config
{
    std::uint32_t seed = 1;
    int times = 1;  // each of the ways
    long attempts = 60;  // of the load before and after each
};

// Counts "caches spoiled", "files damaged".
findings spoil_caches(site&, const cache_config&);
}  // namespace scenario
