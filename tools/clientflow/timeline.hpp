// Events as the command line prints them: one JSON line each, values as stored, sealed ones sealed.
#pragma once

#include "tools/clientflow/database.hpp"

#include <string>

namespace cli
{
// The columns that `print_event` wants, in its order, of a row called e.
extern const char* const event_columns;

// {"id", "type", "tenant", "subject", "lane", "sequence", "streamversion", "schema_version", "recorded_at", "meta",
// "data"}
std::string print_event(const line& columns);
}  // namespace cli
