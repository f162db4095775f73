// Every projection of the product: what the runner feeds and what the comparison rebuilds. A new noun adds one line.
#pragma once

#include "projections/runner/definition.hpp"

#include <span>

namespace projection
{
// In the order in which the nouns depend on each other. Made once; lives for ever.
std::span<const definition* const> read_models();

// Nothing when there is none of that name.
const definition* read_model_named(std::string_view name);
}  // namespace projection
