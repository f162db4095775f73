// Transactions of others that stay open on the same PostgreSQL: they hide nothing from readers and delay nobody.
#pragma once

#include "tests/kit/scenario/findings.hpp"
#include "tests/kit/scenario/site.hpp"

namespace scenario
{
// Holds an idle one, one that wrote elsewhere, one with an old snapshot of the log, and one that wrote in another
// database, each alone and all together. Meanwhile every write is shown at once by a read that names its position.
// Counts "slowest read ms".
findings hold_transactions(site&, int writes);
}  // namespace scenario
