// Ends database calls that outlive their deadline.
//
// A stopped server answers nothing, not even its own statement_timeout: the only cure is to shut the socket under the
// call, which then fails as a lost connection. One watchdog, with one thread, serves a process; whoever makes calls is
// handed it. All members may be called from any thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

namespace event_log
{
class watchdog
{
public:
    using clock = std::chrono::steady_clock;

    watchdog();
    ~watchdog();  // every watch must be over
    watchdog(const watchdog&) = delete;
    watchdog& operator=(const watchdog&) = delete;

    // Shuts `socket` at `deadline` unless destroyed before. The socket must stay open as long as the watch lives.
    class watch
    {
    public:
        watch(watchdog&, int socket, clock::time_point deadline);
        ~watch();
        watch(const watch&) = delete;
        watch& operator=(const watch&) = delete;

    private:
        watchdog& owner_;
        std::pair<clock::time_point, std::uint64_t> key_;
    };

    std::uint64_t fired() const;  // calls ended so far

private:
    void run();

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    // Guarded by mutex_.
    std::map<std::pair<clock::time_point, std::uint64_t>, int> watched_;
    std::uint64_t next_ = 0;
    std::uint64_t fired_ = 0;
    bool stopping_ = false;

    std::thread thread_;  // last: runs over all of the above
};
}  // namespace event_log
