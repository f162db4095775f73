// Who serves the lanes of a store, as its leases tell.
#pragma once

#include "tests/kit/eventually.hpp"
#include "tests/kit/scenario/findings.hpp"
#include "tests/kit/scenario/site.hpp"

namespace scenario
{
// Until two processes serve lanes, and every lane is served.
void await_sharing(const site&);

// What happened to the owner of some lanes: they are the other's within the promised time, which is counted.
void expect_taken(const site&, const std::string& what, findings&);

// PostgreSQL is stopped, away for that long, and back: whoever served a lane still serves it, in the same term. Two
// processes are at work. Counts "absences of the database" and "leases kept".
void keep_leases_while_away(site&, kit::milliseconds lasting, findings&);

// Until one process serves every lane: longer than promised where the database was away, too.
void await_taken(const site&);
}  // namespace scenario
