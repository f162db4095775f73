// Whether a PostgreSQL keeps what the log promises: settings that lose acknowledged events, rights that let others edit
// history or stop a lane, a schema that was bent, a server's log that tells what customers wrote. Asked by `clientflow
// doctor`, and by every start for what is grave.
//
// Read only, over any connection that may look into the catalogs (the application's own may). This is the one list of
// what is asked of the server; what row security of the read models needs is checked where they are
// (projections/runner/self_check.hpp).
#pragma once

#include "events/log/connection.hpp"

#include <string>
#include <vector>

namespace event_log
{
struct finding
{
    std::string id;  // stable: "fsync", "owner_rights"
    bool ok = true;
    bool grave = false;      // acknowledged events may be lost, edited or mixed up: do not serve
    std::string message;     // one sentence; what was found when not ok
    std::string what_to_do;  // empty when ok
};

enum class extent
{
    server,         // only what can be asked before anything was migrated
    server_and_log  // the schema is the one this program knows
};

// Every check, in a fixed order. A check that itself fails is a finding that is not ok. Throws `unreachable`.
std::vector<finding> check_database(connection&, extent = extent::server_and_log);
}  // namespace event_log
