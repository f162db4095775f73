// Decides a round's commands over its working set, in memory: no store, no clock.
#pragma once

#include "commands/lanes/entry.hpp"
#include "commands/lanes/working_set.hpp"
#include "schemas/uuid.hpp"

#include <cstdint>

namespace lanes
{
// Runs If-Match and the decider on what the set holds now. Fills `choice`, `looked` and `missing`; the choice counts
// only when nothing is missing. Throws when the decider throws, or when something unreadable was looked at.
void decide(entry&, working_set&);

// Whether all that the choice was made on still stands like that in the set.
bool still_stands(const entry&, working_set&);

// Gives an accepted choice's facts their ids and versions and moves the set on. Throws std::logic_error for a decider
// that writes or shows a stream it never looked at; the set is unchanged then.
void place(entry&, working_set&, schema::uuid_source&, std::int64_t now_us);

// Puts back what `place` moved on. Of several entries the last placed comes first.
void take_back(entry&, working_set&);
}  // namespace lanes
