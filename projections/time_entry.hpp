// The read model of time entries: how its rows come about and what its list can be asked.
#pragma once

#include "projections/runner/definition.hpp"
#include "projections/runner/list.hpp"

namespace time_entry
{
const projection::definition& read_model();
const projection::list_shape& listing();
}  // namespace time_entry
