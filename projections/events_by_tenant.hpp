// A tenant's events of long ago, in the order of the log, without a look at anybody else's.
//
// The rows of who did what (audit_log) are the index by tenant over the events of a lane. They are believed as far as
// the live version's position goes, read in the snapshot that the rows are read in: so neither a runner that folds on,
// a lane that is emptied, nor a version that is swapped or retired makes a row look as if it had never been. Where they
// cannot be believed the answer says that nothing is known, and the log itself is asked:
//   - behind the position, and while the lane has none;
//   - when the position belongs to another history of the log than the one asked for;
//   - when a key of the tenant is stopped in that version, also one that was discarded. No fold of an appended row can
//     stop one, so this costs nothing and rests on nobody's word;
//   - when a row does not name the event that stands at its place.
#pragma once

#include "events/log/envelope.hpp"
#include "projections/runner/reader.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace projection
{
struct past_ask
{
    uuid tenant;
    event_log::position after;
    std::int64_t up_to = 0;
    std::string incarnation;  // the history that `after` belongs to
    std::size_t events_max = 0;
    std::size_t bytes_max = 0;  // as stored; but for one event
};

struct past_page
{
    std::vector<event_log::recorded> events;  // ascending, as stored
    std::int64_t up_to = 0;                   // all there are up to here; `after`: nothing is known
};

// The one statement that a page is; a test holds its plan.
statement past_statement(const past_ask&);

// Throws what the reader throws.
past_page read_past(reader&, const past_ask&);
}  // namespace projection
