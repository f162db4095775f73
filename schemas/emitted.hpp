// The checked-in description of a record, and what a change to it would break.
//
// `emit` prints everything that readers and clients rest on: names, types, values, bounds and marks, a line per member,
// always the same bytes for the same rows. The files under schemas/emitted/ hold what was promised last; a test emits
// again and compares, and `breaks` names each change that old events or old clients would not survive. Notes are left
// out: a better sentence breaks nobody. Pure and thread-safe.
#pragma once

#include "schemas/record.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace schema
{
// Ends with a newline.
std::string emit(const record_type&);

enum class compatibility : std::uint8_t
{
    as_event,   // can today's code read events written under the old description? Not judged across versions: a new
                // version comes with an upcaster
    as_request,  // are requests that fit the old description still taken?
    as_answer    // do clients that knew the old description find what it promised? Across versions too: none is sent
};

// One line per break, each beginning with the member's name ("address.street: removed"). Empty: nobody breaks.
// Throws std::invalid_argument when `old_text` was not made by `emit`.
std::vector<std::string> breaks(std::string_view old_text, const record_type& now, compatibility);
}  // namespace schema
