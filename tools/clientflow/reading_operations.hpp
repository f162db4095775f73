// Operations of /api/admin that answer with what a command of the same name prints: tenants, keys, the log, one
// timeline of a thing, who did what, the doctor. GET runs the command and waits for it; parameters are its arguments
// and flags, by their names.
#pragma once

#include "http/server/operations.hpp"
#include "tools/clientflow/admin_work.hpp"

#include <memory>
#include <vector>

namespace cli
{
std::vector<http::operation> reading_operations(const std::shared_ptr<admin_work>&);
}  // namespace cli
