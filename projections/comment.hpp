// The read model of comments: how its rows come about and what its list can be asked.
#pragma once

#include "projections/runner/definition.hpp"
#include "projections/runner/list.hpp"

namespace comment
{
const projection::definition& read_model();
const projection::list_shape& listing();
}  // namespace comment
