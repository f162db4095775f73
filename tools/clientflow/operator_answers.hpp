// What the command line's --json prints for operators, as text: /api/admin answers with the same.
//
// The functions ask a database under a login that sees all tenants. Throw `failure`, server_refused,
// event_log::unreachable and projection::store_failed.
#pragma once

#include "tools/clientflow/admin_work.hpp"
#include "tools/clientflow/database.hpp"
#include "tools/clientflow/settings.hpp"

#include <string>

namespace cli
{
struct parked_keys_wanted
{
    std::string key;         // task_…; empty: every key
    std::string projection;  // empty: every projection
    bool all = false;
    bool dry_run = false;
    std::string reason;
};

std::string lanes_status(database&);
std::string projection_list(database&);
// Of rebuilds, whoever works at them: the newest version of each read model that was built, and is not retired.
admin_work::known projection_rebuilds(database&);
std::string parked_list(database&, const parked_keys_wanted&);
std::string parked_show(database&, const parked_keys_wanted&);
// Both work as the server does, as clientflow_projector.
std::string parked_replay(const settings&, database&, const parked_keys_wanted&);
std::string parked_discard(const settings&, database&, const parked_keys_wanted&);
}  // namespace cli
