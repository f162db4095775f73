// Who serves the lanes of a store, as its leases tell.
#pragma once

#include "tests/kit/scenario/findings.hpp"
#include "tests/kit/scenario/site.hpp"

namespace scenario
{
// Until two processes serve lanes, and every lane is served.
void await_sharing(const site&);

// What happened to the owner of some lanes: they are the other's within the promised time, which is counted.
void expect_taken(const site&, const std::string& what, findings&);

// Until one process serves every lane: longer than promised where the database was away, too.
void await_taken(const site&);
}  // namespace scenario
