// Learns how far the projections have come where another process runs them: asks the checkpoints while somebody waits.
//
// Stands beside a runner too, for the lanes that it leaves to others. Nothing is asked while nobody waits. One thread,
// named `project-watch`, and one connection. Without a database it tries again; whoever waits meets its own deadline
// meanwhile.
#pragma once

#include "projections/runner/positions.hpp"
#include "projections/runner/row_store.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

namespace projection
{
struct position_poll_config
{
    row_store_config rows;
    std::chrono::milliseconds every{10};
    std::chrono::milliseconds retry{500};
    std::function<void(const std::string& incarnation)> opened{};  // with every connection, on the poll's thread
    std::function<bool(std::int32_t lane)> serves{};               // empty: no lane; called on the poll's thread
};

class position_poll
{
public:
    // `serves` tells the lanes whose positions a runner of this process tells itself. What it asks, the definitions and
    // the positions outlive the poll.
    position_poll(position_poll_config, std::span<const definition* const>, positions&);
    ~position_poll();

private:
    struct implementation;
    std::unique_ptr<implementation> self_;
};
}  // namespace projection
