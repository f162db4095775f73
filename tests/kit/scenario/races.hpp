// Two server processes on one store: each with its own data directory and caches, neither may believe them.
#pragma once

#include "tests/kit/eventually.hpp"
#include "tests/kit/scenario/findings.hpp"
#include "tests/kit/scenario/node.hpp"
#include "tests/kit/scenario/site.hpp"

namespace scenario
{
class pair
{
public:
    // Both started.
    explicit pair(site&);
    ~pair();

    site& at;
    node one;
    node other;
};

struct race_config
{
    int rounds = 2;
    int writers = 64;
};

// All write one item at one If-Match version: one 200 per round, the others 412 or 409.
findings race_on_a_version(pair&, const race_config&);
// All create projects on the plan "starter": exactly five 201, the others 402 with limit and used.
findings race_for_a_quota(pair&, const race_config&);
// A key revoked through one node is refused by the other within a second. Counts "slowest refusal ms".
findings revoke_elsewhere(pair&, int times);
// Both nodes under load at once, on the same organisation; one is killed and comes back, `kills` times.
findings share_a_store(pair&, int kills);
// Under load, one node is killed, frozen past its leases and woken, and asked to stop: each time the other serves every
// lane within 15 s, and afterwards both share them again. Counts "hand-overs" and "slowest hand-over ms".
findings hand_lanes_over(pair&);
// Under load, PostgreSQL is away for that long: nobody's lane is taken. See sharing.hpp for what is counted.
findings be_without_database(pair&, kit::milliseconds lasting);
}  // namespace scenario
