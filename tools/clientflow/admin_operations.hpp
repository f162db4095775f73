// The table of what /api/admin does, bound to this process's store.
#pragma once

#include "http/server/operations.hpp"
#include "tools/clientflow/admin_work.hpp"
#include "tools/clientflow/settings.hpp"

#include <memory>
#include <vector>

namespace cli
{
// The settings outlive the operations. A connection is opened with the first call and kept; it works as
// clientflow_projector, so no operator's login is needed beside the server's own. What takes long is handed to `work`.
std::vector<http::operation> admin_operations(const settings&, const std::shared_ptr<admin_work>&);
}  // namespace cli
