// What must hold in a store whatever was done to it, once it is at rest.
#pragma once

#include "tests/kit/eventually.hpp"
#include "tests/kit/scenario/findings.hpp"
#include "tests/kit/scenario/site.hpp"

namespace scenario
{
// Waits until the read models show the whole log; a problem when they do not within that time.
void await_read_models(const site&, findings&, kit::milliseconds within = kit::milliseconds{60'000});

// The read models equal a rebuild from zero byte for byte, nothing is parked, the quotas' totals equal what they count,
// each unarchived member and nobody else holds a claim on an e-mail, every receipt and every head names what is in the
// log, lanes and streams have no holes. A node must be running, or have shown everything before.
findings check_store(const site&);
}  // namespace scenario
