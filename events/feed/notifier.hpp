// Tells the feeds of other processes that something was appended: coalesced NOTIFYs from a connection of its own.
//
// Never from the append's transaction: a NOTIFY there would serialise all commits of the database. A lost wake-up only
// costs the feeds' poll interval, so failures are counted and otherwise ignored.
#pragma once

#include "events/log/connection.hpp"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

namespace event_feed
{
struct notifier_config
{
    std::string dsn;
    std::string password_file;
    std::chrono::milliseconds apart_min{10};  // between two NOTIFYs
    std::chrono::milliseconds call_deadline{5'000};
    std::chrono::milliseconds again_after{1'000};  // a lost connection
    std::shared_ptr<event_log::watchdog> guard;    // the process's; none: the notifier makes its own
};

class notifier
{
public:
    explicit notifier(notifier_config);
    ~notifier();
    notifier(const notifier&) = delete;
    notifier& operator=(const notifier&) = delete;

    // Something was appended. Thread-safe, never blocks on the database.
    void appended();

    std::uint64_t sent() const;
    std::uint64_t failed() const;

private:
    void run();
    bool send();

    const notifier_config config_;
    std::unique_ptr<event_log::connection> connection_;  // the thread's own

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    // Guarded by mutex_.
    bool due_ = false;
    bool stopping_ = false;
    std::uint64_t sent_ = 0;
    std::uint64_t failed_ = 0;

    std::thread thread_;  // last: runs over all of the above
};
}  // namespace event_feed
