#include "http/server/health.hpp"

#include "http/server/thread_name.hpp"
#include "schemas/json_writer.hpp"

#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

namespace http
{
namespace
{
using steady = std::chrono::steady_clock;
}

// Two threads: one asks and may be stuck, one renders and never is.
struct health::implementation
{
    implementation(health_config with, const schema::clock& by) : config(std::move(with)), clock(by)
    {
        state = std::make_shared<const health_state>(render(false, 0));
    }

    const health_config config;
    const schema::clock& clock;
    std::shared_ptr<const health_state> state;  // by std::atomic_load and std::atomic_store

    std::mutex mutex;
    std::condition_variable changed;
    bool stopping = false;                       // guarded by mutex
    bool is_news = false;                        // guarded by mutex; the renderer need not wait
    bool reachable = false;                      // guarded by mutex
    std::int64_t latency_ms = 0;                 // guarded by mutex
    std::optional<steady::time_point> asked_at;  // guarded by mutex; a probe is under way
    std::thread asker;
    std::thread renderer;

    health_state render(bool well, std::int64_t latency) const
    {
        health_state made{well, {}};
        const health_report told{well ? "ok" : "unavailable", clock.now(),
                                 config.version,              config.region,
                                 well ? "ok" : "unreachable", latency};
        schema::write_json(told, made.body);
        return made;
    }
    // True: it is time to end.
    bool pause_asking()
    {
        std::unique_lock lock{mutex};
        return changed.wait_for(lock, config.interval, [&] { return stopping; });
    }
    bool pause_rendering()
    {
        std::unique_lock lock{mutex};
        changed.wait_for(lock, config.interval, [&] { return stopping || is_news; });
        is_news = false;
        return stopping;
    }
    void ask();
    void keep_rendering();
};

void health::implementation::ask()
{
    name_this_thread("health-probe");
    std::optional<event_log::store> store;
    do
    {
        const auto began = steady::now();
        {
            const std::lock_guard lock{mutex};
            asked_at = began;
        }
        bool answered = false;
        try
        {
            if (!store)
                store.emplace(config.store);
            static_cast<void>(store->find_tenant(event_log::platform_tenant));
            answered = true;
        }
        catch (const std::exception&)
        {
            store.reset();
        }
        const std::lock_guard lock{mutex};
        asked_at.reset();
        is_news = is_news || reachable != answered;
        changed.notify_all();
        reachable = answered;
        latency_ms = std::chrono::duration_cast<std::chrono::milliseconds>(steady::now() - began).count();
    } while (!pause_asking());
}

void health::implementation::keep_rendering()
{
    name_this_thread("health");
    do
    {
        bool well = false;
        std::int64_t latency = 0;
        {
            const std::lock_guard lock{mutex};
            const auto under_way = asked_at ? steady::now() - *asked_at : steady::duration{};
            well = reachable && under_way < config.stuck_after;
            latency = under_way < config.stuck_after
                          ? latency_ms
                          : std::chrono::duration_cast<std::chrono::milliseconds>(under_way).count();
        }
        std::atomic_store(&state, std::make_shared<const health_state>(render(well, latency)));
    } while (!pause_rendering());
}

health::health(health_config config, const schema::clock& clock)
    : self_(std::make_unique<implementation>(std::move(config), clock))
{}

health::~health() { stop(); }

void health::start()
{
    self_->asker = std::thread{[self = self_.get()] { self->ask(); }};
    self_->renderer = std::thread{[self = self_.get()] { self->keep_rendering(); }};
}

void health::stop()
{
    {
        const std::lock_guard lock{self_->mutex};
        self_->stopping = true;
    }
    self_->changed.notify_all();
    for (std::thread* one : {&self_->asker, &self_->renderer})
        if (one->joinable())
            one->join();
}

std::shared_ptr<const health_state> health::look() const { return std::atomic_load(&self_->state); }
}  // namespace http
