// The table of what /api/admin does, bound to this process's store.
#pragma once

#include "http/server/operations.hpp"
#include "tools/clientflow/settings.hpp"

#include <vector>

namespace cli
{
// The settings outlive the operations. A connection is opened with the first call and kept; it works as
// clientflow_projector, so no operator's login is needed beside the server's own.
std::vector<http::operation> admin_operations(const settings&);
}  // namespace cli
