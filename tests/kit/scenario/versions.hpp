// New versions of read models under load: built, killed in mid-build and gone on with, compared, shown, taken back.
#pragma once

#include "tests/kit/scenario/findings.hpp"
#include "tests/kit/scenario/site.hpp"

namespace scenario
{
// One node under load all the while. Counts "kills of the builder", "rows compared", "swaps" and "pages read".
findings rebuild_under_load(site&);
}  // namespace scenario
