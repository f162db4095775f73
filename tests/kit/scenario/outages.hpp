// PostgreSQL in trouble under load: frozen, crashed, its sessions ended, the link cut in mid-append.
//
// The server is never restarted: it has to say the truth meanwhile and to heal by itself.
#pragma once

#include "tests/kit/eventually.hpp"
#include "tests/kit/scenario/findings.hpp"
#include "tests/kit/scenario/site.hpp"

#include <cstdint>

namespace scenario
{
struct outage_config
{
    std::uint32_t seed = 1;
    int times = 1;                        // crashes; rounds of cuts
    kit::milliseconds lasting{3'000};     // of a freeze; of ending sessions
    kit::milliseconds command_time{1'000};  // the server's deadline for a command
    kit::milliseconds append_time{10'000};  // the store's, settling included
};

// SIGSTOP of the whole cluster. Commands and reads are refused in time; health, liveness, readiness and figures are
// there all the while. Counts "unavailable" answers, "slowest answer ms", "health refused", "reads refused".
findings freeze(site&, const outage_config&);
// `pg_ctl stop -m immediate`, then start.
findings crash_database(site&, const outage_config&);
// Ends every session, five times a second. Counts "settled": whether outcomes had to be found out.
findings end_sessions(site&, const outage_config&);
// The link is cut while an append waits, and the old backend lives on: once so that the append loses, once so that it
// wins and the server finds out, once so that the server cannot find out and says so.
findings cut_links(site&, const outage_config&);
}  // namespace scenario
