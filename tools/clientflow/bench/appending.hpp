// What `bench append` measures, for another benchmark on its own ground: rounds through the store's append function by
// some writers, each with a lane and a tenant of its own.
#pragma once

#include "tools/clientflow/bench/benches.hpp"

#include <memory>

namespace cli::bench
{
class appending
{
public:
    // Founds the tenants. Both references are kept.
    appending(const settings&, const wishes&);
    ~appending();
    appending(const appending&) = delete;
    appending& operator=(const appending&) = delete;

    double events_per_second(double seconds);

private:
    struct implementation;
    std::unique_ptr<implementation> self_;
};
}  // namespace cli::bench
