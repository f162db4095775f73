// The projections at work: one thread that reads the feed once and feeds every projection from it.
//
// The thread is named `project`. When PostgreSQL is away it tries again with growing pauses and heals by itself; `stop`
// lets the batch under way end. Several processes may run the same lanes: each batch is applied once, by whoever
// commits first, and the other leaves the lane alone for a while; with leases, only one of them tries. All members may
// be called from any thread.
#pragma once

#include "events/feed/feed.hpp"
#include "events/feed/ownership.hpp"
#include "events/log/seal.hpp"
#include "projections/runner/pace.hpp"
#include "projections/runner/projector.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <span>

namespace projection
{
struct runner_config
{
    projector_config projector;
    row_store_config rows;
    cache_config cache;
    event_log::store_config keys;  // where subject keys are read
    std::function<std::unique_ptr<event_feed::feed>()> feed;
    std::optional<event_feed::ownership_config>
        leases{};  // shares the lanes with other processes; nothing: all are ours
    pace_config pace{};
    std::chrono::milliseconds heads_every{1'000};
    std::chrono::milliseconds hang_after{30'000};  // a fold, with leases: then the process ends with status 70
    std::chrono::milliseconds retry_min{100};
    std::chrono::milliseconds retry_max{5'000};
};

class runner
{
public:
    // Takes a cache directory; works without a cache, and says so, when there can be none. The definitions, the
    // keyring, the positions and the clock outlive the runner.
    runner(runner_config, std::span<const definition* const>, event_log::keyring&, positions&, const schema::clock&);
    ~runner();  // stops

    void start();
    // Asks the thread to end and waits for it: at most one batch, whose calls have deadlines. Then gives its lanes
    // back.
    void stop();

    // Blocks until the rows of the lanes that are its to serve show what was in the log when it began; false at the
    // deadline, which comes first where lanes must be taken over or much is to be caught up with.
    bool await_caught_up(std::chrono::milliseconds patience);

    // Something was appended. Cheap; called by the writers of this process.
    void wake();

    figures take() const;
    // Whether this runner tells the lane's positions; false while it leaves the lane to another process.
    bool serves(std::int32_t lane) const;
    std::optional<std::filesystem::path> cache_directory() const;  // nothing: it works without one

private:
    struct implementation;
    std::unique_ptr<implementation> self_;
};
}  // namespace projection
