#include "projections/runner/runner.hpp"

#include "projections/runner/personal_keys.hpp"
#include "schemas/assertion.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <pthread.h>
#include <thread>

namespace projection
{
struct runner::implementation
{
    implementation(runner_config given, std::span<const definition* const> definitions, event_log::keyring& opened_with,
                   positions& reached, const schema::clock& clock)
        : config(by_lease(std::move(given)))
        , ring(opened_with)
        , rows(config.rows, definitions)
        , core(config.projector, definitions, rows, open_cache(), reached, clock)
        , feed(config.feed())
    {
        if (config.leases)
            leases.emplace(with_wake(*config.leases));
    }

    event_feed::ownership_config with_wake(event_feed::ownership_config given)
    {
        given.role = projector_role;
        given.changed = [this] { feed->wake(); };
        return given;
    }

    static runner_config by_lease(runner_config given)
    {
        given.projector.by_lease = given.leases.has_value();
        return given;
    }

    // The cache is never truth: without one (a full disk, a directory that is not ours) every batch reads its rows.
    row_cache* open_cache()
    try
    {
        return &cache.emplace(config.cache);
    }
    catch (const std::exception& fault)
    {
        if (config.projector.tell)
            config.projector.tell({report::kind::cache_lost, std::string{"working without a cache: "} + fault.what()});
        return nullptr;
    }

    void run()
    {
        ::pthread_setname_np(::pthread_self(), "project");
        auto pause = config.retry_min;
        while (!is_stopping())
        {
            try
            {
                core.open();
                personal_keys keys{ring, config.keys};
                next_heads = {};
                while (!is_stopping())
                {
                    serve(keys);
                    pause = config.retry_min;
                }
            }
            catch (const std::exception& fault)
            {
                core.failed(fault.what());
                rest(pause);
                pause = std::min(pause * 2, config.retry_max);
            }
        }
    }

    // One turn: a batch, or a page into the cache, or a wait.
    void serve(personal_keys& keys)
    {
        if (leases)
            core.hold(leases->held());
        const auto from = core.after();
        const auto events = from.empty() ? std::vector<recorded>{} : feed->read(from);
        keys.fetch(events);
        core.apply(events, keys.open());
        look_at_heads();
        if (!core.refill() && events.empty())
            feed->wait();
    }

    void look_at_heads()
    {
        const auto now = std::chrono::steady_clock::now();
        if (now < next_heads)
            return;
        core.heads(feed->heads(core.lanes()));
        next_heads = now + config.heads_every;
    }

    bool is_stopping()
    {
        const std::lock_guard lock{mutex};
        return stopping;
    }

    void rest(std::chrono::milliseconds pause)
    {
        std::unique_lock lock{mutex};
        changed.wait_for(lock, pause, [&] { return stopping; });
    }

    const runner_config config;
    event_log::keyring& ring;
    row_store rows;
    std::optional<row_cache> cache;  // before core, whose making opens it
    projector core;
    std::unique_ptr<event_feed::feed> feed;
    std::optional<event_feed::ownership> leases;         // wakes the feed: goes before it
    std::chrono::steady_clock::time_point next_heads{};  // the thread's own

    std::mutex mutex;
    std::condition_variable changed;
    bool stopping = false;  // guarded by mutex

    std::thread thread;  // last: runs over all of the above
};

runner::runner(runner_config config, std::span<const definition* const> definitions, event_log::keyring& ring,
               positions& reached, const schema::clock& clock)
    : self_(std::make_unique<implementation>(std::move(config), definitions, ring, reached, clock))
{}

runner::~runner() { stop(); }

void runner::start()
{
    CF_ASSERT(!self_->thread.joinable());
    if (self_->leases)
        self_->leases->start();
    self_->thread = std::thread{[self = self_.get()] { self->run(); }};
}

void runner::stop()
{
    {
        const std::lock_guard lock{self_->mutex};
        self_->stopping = true;
        self_->changed.notify_all();
    }
    self_->feed->wake();
    if (self_->thread.joinable())
        self_->thread.join();
    if (self_->leases)
        self_->leases->stop();
}

void runner::wake() { self_->feed->wake(); }
figures runner::take() const { return self_->core.take(); }
bool runner::serves(std::int32_t lane) const { return self_->core.serves(lane); }
std::optional<std::filesystem::path> runner::cache_directory() const
{
    return self_->cache ? std::optional{self_->cache->directory()} : std::nullopt;
}
}  // namespace projection
