// A help desk's day through every fault at once: `clientflow-load` plays a log for eight organisations against two
// servers of one store, while servers are killed and frozen, PostgreSQL is stopped and crashes, all read models are
// built anew and shown, events are planted that nobody can fold, and clients follow and read what they can.
#pragma once

#include "tests/kit/eventually.hpp"
#include "tests/kit/scenario/findings.hpp"
#include "tests/kit/scenario/site.hpp"

#include <cstdint>
#include <filesystem>

namespace scenario
{
struct desk_config
{
    std::uint32_t seed = 1;
    std::filesystem::path log;  // the help desk's, as tools/load takes it
    int rounds = 1;             // of all faults, each round in an order of its own
    // Also orderly stops, ended sessions, everything lost at once, lost caches, freezes through a crash, a link cut and
    // stalled, versions shown back and forth and under an analyst's query, an organisation's rows made anew, PostgreSQL
    // away for half a minute and restarted through a rebuild, damage by hand, events of a later program, the largest
    // bodies, streams that nobody reads, full disks where disks can be had.
    bool in_full = false;
    int writes_per_s = 25;  // while there are faults; then the rest as fast as it goes
    kit::milliseconds rest_max{300'000};
};

// Afterwards every write that was answered is there once, each organisation shows exactly what an independent count of
// its share of the log says and nothing of another's, those who followed were told every event once, the audit is
// complete, and the read models equal those that are built anew.
findings run_a_desk(site&, const desk_config&);
}  // namespace scenario
