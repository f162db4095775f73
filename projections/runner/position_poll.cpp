#include "projections/runner/position_poll.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <pthread.h>
#include <thread>
#include <vector>

namespace projection
{
struct position_poll::implementation
{
    implementation(position_poll_config given, std::span<const definition* const> definitions, positions& told)
        : config(std::move(given)), reached(told), rows(config.rows, definitions), thread([this] { run(); })
    {}

    ~implementation()
    {
        {
            const std::lock_guard lock{mutex};
            stopping = true;
            changed.notify_all();
        }
        reached.stop_waiting();
        thread.join();
    }

    void run()
    {
        ::pthread_setname_np(::pthread_self(), "project-watch");
        for (;;)
        {
            reached.wait_for_waiters();
            auto pause = config.every;
            try
            {
                auto lanes = reached.awaited();
                if (config.serves)
                    std::erase_if(lanes, config.serves);
                if (!lanes.empty())
                    look(lanes);
            }
            catch (const std::exception&)
            {
                pause = config.retry;
            }
            std::unique_lock lock{mutex};
            if (changed.wait_for(lock, pause, [&] { return stopping; }))
                return;
        }
    }

    // A lane counts as far as the slowest projection shows it, and not at all while one has not begun.
    void look(const std::vector<std::int32_t>& lanes)
    {
        if (!rows.is_open())
        {
            rows.open();
            if (config.opened)
                config.opened(rows.incarnation());
        }
        for (const auto& found : rows.shown(lanes))
            if (config.serves)
                reached.reached(found);  // a runner that has just taken the lane knows better
            else
                reached.found(found);
    }

    const position_poll_config config;
    positions& reached;
    row_store rows;  // the thread's own

    std::mutex mutex;
    std::condition_variable changed;
    bool stopping = false;  // guarded by mutex

    std::thread thread;  // last: runs over all of the above
};

position_poll::position_poll(position_poll_config config, std::span<const definition* const> definitions,
                             positions& reached)
    : self_(std::make_unique<implementation>(std::move(config), definitions, reached))
{}
position_poll::~position_poll() = default;
}  // namespace projection
