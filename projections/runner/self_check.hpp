// Whether schema read still keeps tenants apart: asked by `doctor` and at every start.
//
// Read only, over any connection that may look into the catalogs.
#pragma once

#include "events/log/connection.hpp"

#include <string>
#include <vector>

namespace projection
{
// One thing that is wrong, named and said in a sentence. Whoever finds one must not serve reads.
struct finding
{
    std::string object;  // "read.task"
    std::string what;
};

// Every table of schema read belongs to clientflow_owner; those with tenant_id are under forced row security that says
// who is meant, every view is security_invoker, and the roles cannot log in as owner or step around row security.
std::vector<finding> check_row_security(event_log::connection&);
}  // namespace projection
