// The quarter of an hour (UTC) in which something happened: the finest bucket of which every zone's months are made.
#pragma once

#include "schemas/time.hpp"

#include <string>

namespace projection
{
// Its first moment, as text.
std::string quarter_hour_of(schema::moment);
}  // namespace projection
