#include "events/log/watchdog.hpp"

#include "schemas/assertion.hpp"

#include <pthread.h>
#include <sys/socket.h>

namespace event_log
{
watchdog::watchdog() : thread_([this] { run(); }) { pthread_setname_np(thread_.native_handle(), "db-watchdog"); }

watchdog::~watchdog()
{
    {
        const std::lock_guard lock{mutex_};
        CF_ASSERT(watched_.empty());
        stopping_ = true;
    }
    changed_.notify_one();
    thread_.join();
}

std::uint64_t watchdog::fired() const
{
    const std::lock_guard lock{mutex_};
    return fired_;
}

void watchdog::run()
{
    std::unique_lock lock{mutex_};
    while (!stopping_)
    {
        if (watched_.empty())
        {
            changed_.wait(lock);
            continue;
        }
        const auto first = watched_.begin();
        const clock::time_point deadline = first->first.first;  // a copy: the entry may go while we wait
        if (deadline > clock::now())
        {
            changed_.wait_until(lock, deadline);
            continue;
        }
        // Under the mutex, so that the socket cannot be closed and its number given away meanwhile.
        ::shutdown(first->second, SHUT_RDWR);
        watched_.erase(first);
        ++fired_;
    }
}

watchdog::watch::watch(watchdog& owner, int socket, clock::time_point deadline) : owner_(owner)
{
    bool earliest = false;
    {
        const std::lock_guard lock{owner_.mutex_};
        key_ = {deadline, owner_.next_++};
        const auto mine = owner_.watched_.emplace(key_, socket).first;
        earliest = mine == owner_.watched_.begin();
    }
    if (earliest)
        owner_.changed_.notify_one();
}

watchdog::watch::~watch()
{
    // The thread finds out when it wakes: an early wake-up costs less than one per call.
    const std::lock_guard lock{owner_.mutex_};
    owner_.watched_.erase(key_);
}
}  // namespace event_log
