// The answers that the machine itself gives: refusals that come from the store's verdicts, and "not now".
#pragma once

#include "commands/lanes/dispatcher.hpp"

namespace lanes
{
answer refused_with(refusal);
answer unavailable(applied);
answer broken(applied);  // a fault of ours

refusal busy();
refusal no_such_tenant();
refusal lost_races();
refusal version_mismatch(std::int64_t current);
refusal key_reused();
refusal batch_refused();

// For claim_taken, quota_over and quota_under, when the dispatcher was given no table of the nouns' own.
refusal refusal_for(const event_log::verdict&);
}  // namespace lanes
