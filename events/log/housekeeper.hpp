// Removes what has done its service, so that receipts, rounds and running totals do not grow for ever.
//
// One thread with a connection of its own calls es.prune in small steps until a sweep is through, then what others give
// it to do in the same manner, and sleeps. It takes no lane's lock, and every step is a short transaction: appends run
// beside it undisturbed (but for one that repeats a key just being removed, which waits for the end of that step). A
// server that is away is reported and tried again. Several processes may sweep the same store; what one removed the
// other does not find. Receipts of jobs are kept: nothing tells yet when a job can no longer be replayed.
#pragma once

#include "events/log/connection.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace event_log
{
struct housekeeper_config
{
    std::chrono::milliseconds first_after{60'000};   // from the start: a start has better things to do
    std::chrono::milliseconds every{600'000};        // from the end of one sweep to the next
    std::chrono::milliseconds step_apart{20};        // between two steps of a sweep
    std::chrono::milliseconds again_after{30'000};   // a sweep that failed
    std::chrono::milliseconds step_deadline{5'000};  // one step; also how long stopping can take
    std::int64_t client_receipts_hours = 25;         // the contract's 24 and an hour of grace; below 24 refused
    // Statements of others, one after the other in each sweep: a bounded step each, which answers in one number how
    // much it found to do and is asked again until that is nothing.
    std::vector<std::string> chores;
};

class housekeeper
{
public:
    // `failed` is told, on the thread, why a sweep ended early: one line without statement, parameters and rows.
    housekeeper(const housekeeper_config&, connection_config, std::shared_ptr<watchdog>,
                std::function<void(const std::string&)> failed);
    ~housekeeper();
    housekeeper(const housekeeper&) = delete;
    housekeeper& operator=(const housekeeper&) = delete;

    // Whole sweeps since the start.
    std::uint64_t sweeps() const noexcept { return sweeps_.load(); }

private:
    void run();
    bool sweep();
    std::int64_t step(std::int64_t from);
    bool finish(const std::string& chore);
    bool stopped_within(std::chrono::milliseconds);

    const housekeeper_config config_;
    const connection_config server_;
    const std::shared_ptr<watchdog> guard_;
    const std::function<void(const std::string&)> failed_;
    std::unique_ptr<connection> connection_;  // the thread's own; open during a sweep only

    std::atomic<std::uint64_t> sweeps_{0};
    std::mutex mutex_;
    std::condition_variable changed_;
    bool stopping_ = false;  // guarded by mutex_

    std::thread thread_;  // last: runs over all of the above
};
}  // namespace event_log
