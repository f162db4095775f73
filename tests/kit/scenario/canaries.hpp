// Values that must not be found again: personal ones anywhere in the log, secrets anywhere at all.
#pragma once

#include "tests/kit/scenario/findings.hpp"
#include "tests/kit/scenario/site.hpp"

namespace scenario
{
// Plants them through the API, in good and in refused requests, with the log at its most talkative, and searches the
// tables of the log, the files beside the server, what it wrote to its log, and /metrics. Counts "places searched".
findings plant_canaries(site&);
}  // namespace scenario
