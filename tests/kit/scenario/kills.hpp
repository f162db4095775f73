// `kill -9` of the server at random instants under load, again and again.
//
// After every few kills the load rests: what was open is repeated, everything answered is replayed, and the store and
// the read models are held against the log.
#pragma once

#include "tests/kit/scenario/findings.hpp"
#include "tests/kit/scenario/site.hpp"

#include <cstdint>

namespace scenario
{
struct kill_config
{
    std::uint32_t seed = 1;
    int cycles = 4;
    int cycles_between_checks = 2;
    int clients = 4;
    long attempts_max = 120;  // between two kills
};

// Counts "kills", "once lost", "lost, then found applied", "replayed", "slowest start ms" and more.
findings kill_at_random(site&, const kill_config&);
}  // namespace scenario
