#include "commands/lanes/snapshot_taker.hpp"

#include "commands/lanes/loading.hpp"

#include <exception>
#include <pthread.h>

namespace lanes
{
snapshot_taker::snapshot_taker(const event_log::store_config& where, event_log::keyring& keys,
                               event_log::snapshots& snapshots)
    : keys_(keys), snapshots_(snapshots), thread_([this, where] { run(event_log::store{where}); })
{}

snapshot_taker::~snapshot_taker()
{
    {
        const std::lock_guard lock{mutex_};
        stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
}

void snapshot_taker::moved(const stream_ref& stream, std::int64_t from, std::int64_t to)
{
    const std::int64_t every = snapshots_.config().every;
    const std::int64_t due = to / every * every;
    if (due <= from)
        return;
    {
        const std::lock_guard lock{mutex_};
        if (waiting_.size() >= waiting_max)
            return;
        waiting_.emplace_back(stream, due);
    }
    changed_.notify_one();
}

void snapshot_taker::run(event_log::store store)
{
    pthread_setname_np(pthread_self(), "snapshots");
    loader log{store, keys_, &snapshots_};
    for (;;)
    {
        std::unique_lock lock{mutex_};
        changed_.wait(lock, [&] { return stopping_ || !waiting_.empty(); });
        if (stopping_)
            return;
        const auto [stream, version] = waiting_.front();
        waiting_.pop_front();
        lock.unlock();
        try
        {
            log.at_version(stream, version);
        }
        catch (const std::exception&)
        {
            // The store is away, or the stream cannot be folded, which whoever asks for it is told.
        }
    }
}
}  // namespace lanes
