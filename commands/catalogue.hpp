// Every command of every noun, as schemas: what requests may hold, for `schemas emit` and OpenAPI. A new noun adds one
// line to catalogue.cpp.
#pragma once

#include "schemas/record.hpp"

#include <span>
#include <vector>

namespace rules
{
// One span per noun, in the order of event_log::catalogue.
std::vector<std::span<const schema::record_type* const>> commands_catalogue();
}  // namespace rules
