// Learns how far the projections have come when another process runs them: asks the checkpoints while somebody waits.
//
// Nothing is asked while nobody waits. One thread, named `project-watch`, and one connection. Without a database it
// tries again; whoever waits meets its own deadline meanwhile.
#pragma once

#include "projections/runner/positions.hpp"
#include "projections/runner/row_store.hpp"

#include <chrono>
#include <memory>
#include <span>

namespace projection
{
struct position_poll_config
{
    row_store_config rows;
    std::chrono::milliseconds every{10};
    std::chrono::milliseconds retry{500};
};

class position_poll
{
public:
    // The definitions and the positions outlive it.
    position_poll(position_poll_config, std::span<const definition* const>, positions&);
    ~position_poll();

private:
    struct implementation;
    std::unique_ptr<implementation> self_;
};
}  // namespace projection
