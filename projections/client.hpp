// The read model of clients: how its rows come about and what its list can be asked.
#pragma once

#include "projections/runner/definition.hpp"
#include "projections/runner/list.hpp"

namespace client
{
const projection::definition& read_model();
const projection::list_shape& listing();
}  // namespace client
