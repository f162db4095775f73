// Operations of /api/admin that only begin: what versions of read models and the audit are told to do takes too long
// for a request. POST begins the command of that name (202), GET on the same path tells how it stands: of a rebuild
// also what the database knows of it, which outlives the process that has begun it.
#pragma once

#include "http/server/operations.hpp"
#include "tools/clientflow/admin_work.hpp"

#include <functional>
#include <memory>
#include <vector>

namespace cli
{
// `rebuilds` is asked on the operations' thread and may refuse.
std::vector<http::operation> started_operations(const std::shared_ptr<admin_work>&,
                                                std::function<admin_work::known()> rebuilds);
}  // namespace cli
