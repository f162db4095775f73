// Operations of /api/admin that only begin: what versions of read models and the audit are told to do takes too long
// for a request. POST begins the command of that name (202), GET on the same path tells how it stands.
#pragma once

#include "http/server/operations.hpp"
#include "tools/clientflow/admin_work.hpp"

#include <memory>
#include <vector>

namespace cli
{
std::vector<http::operation> started_operations(const std::shared_ptr<admin_work>&);
}  // namespace cli
