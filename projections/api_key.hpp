// The read model of API keys: how its rows come about and what its list can be asked.
#pragma once

#include "projections/runner/definition.hpp"
#include "projections/runner/list.hpp"

namespace api_key
{
const projection::definition& read_model();
const projection::list_shape& listing();
}  // namespace api_key
