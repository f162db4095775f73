// Takes snapshots of streams that commands have made longer: the thread `snapshots`, with a connection of its own,
// reads them from the log as everybody else does, so writers lose no time, and no state of theirs with personal values
// in clear goes to the disk.
//
// What waits is bounded and only a wish: one that is dropped, or that the store did not answer, comes again with the
// stream's next snapshot.
#pragma once

#include "commands/lanes/standing.hpp"
#include "events/log/seal.hpp"
#include "events/log/snapshots.hpp"
#include "events/log/store.hpp"

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

namespace lanes
{
class snapshot_taker
{
public:
    static constexpr std::size_t waiting_max = 1'024;  // streams

    // What is given outlives it.
    snapshot_taker(const event_log::store_config&, event_log::keyring&, event_log::snapshots&);
    ~snapshot_taker();  // leaves what waits
    snapshot_taker(const snapshot_taker&) = delete;
    snapshot_taker& operator=(const snapshot_taker&) = delete;

    // A stream went from one version to another. Any thread; never blocks.
    void moved(const stream_ref&, std::int64_t from, std::int64_t to);

private:
    void run(event_log::store);

    event_log::keyring& keys_;
    event_log::snapshots& snapshots_;

    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::pair<stream_ref, std::int64_t>> waiting_;  // guarded by mutex_, as below; with the version to reach
    bool stopping_ = false;

    std::thread thread_;  // last: runs over all of the above
};
}  // namespace lanes
