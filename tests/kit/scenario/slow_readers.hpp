// Clients that open streams and read nothing, while others work: the server's memory stays bounded, commands go on
// being answered, whoever reads gets everything, and who was cut goes on where it was.
#pragma once

#include "tests/kit/scenario/findings.hpp"
#include "tests/kit/scenario/site.hpp"

#include <sys/types.h>

namespace scenario
{
struct slow_readers_config
{
    int readers = 300;
};

// One node. Counts "slow readers" and those "cut as slow"; tells what they cost in MiB and the slowest command.
findings read_slowly(site&, const slow_readers_config&);

// Memory of a process, in MiB.
double resident(pid_t of);
}  // namespace scenario
