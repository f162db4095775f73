// Every command of every noun, as schemas: what requests may hold, for `schemas emit` and OpenAPI; and every noun's
// aggregate by the name of its streams. A new noun adds a line to each in catalogue.cpp.
#pragma once

#include "commands/lanes/aggregate.hpp"
#include "schemas/record.hpp"

#include <span>
#include <string_view>
#include <vector>

namespace rules
{
// One span per noun, in the order of event_log::catalogue.
std::vector<std::span<const schema::record_type* const>> commands_catalogue();

// nullptr: no noun's streams are called so.
const lanes::aggregate_type* aggregate_named(std::string_view category);
}  // namespace rules
