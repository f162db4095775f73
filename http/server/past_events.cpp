#include "http/server/past_events.hpp"

#include "http/server/shown_event.hpp"
#include "http/server/thread_name.hpp"
#include "projections/events_by_tenant.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <utility>

namespace http
{
namespace
{
constexpr std::chrono::milliseconds looks_again_after{20};  // whether some of what is held was let go of

// The bytes of what was read and is not let go of yet, of a tenant and of all. Events keep it: they may outlive the
// reader.
struct held_bytes
{
    explicit held_bytes(std::shared_ptr<std::atomic<std::size_t>> with) : of_all(std::move(with)) {}

    void add(std::size_t bytes) { of_tenant += bytes, *of_all += bytes; }
    void take_away(std::size_t bytes) { of_tenant -= bytes, *of_all -= bytes; }

    std::atomic<std::size_t> of_tenant{0};
    const std::shared_ptr<std::atomic<std::size_t>> of_all;
};

// The event, counted until its last holder lets go of it.
event_feed::shown counted(event_feed::shown one, const std::shared_ptr<held_bytes>& in)
{
    const auto* raw = one.get();
    const auto bytes = sizeof(event_feed::shown_event) + one->text.capacity();
    in->add(bytes);
    return {raw, [in, bytes, kept = std::move(one)](const event_feed::shown_event*) mutable {
                kept.reset();
                in->take_away(bytes);
            }};
}
}  // namespace

struct past_events::implementation
{
    implementation(past_events_config with, event_log::keyring& keys, std::function<void(const std::string&)> tell)
        : config(std::move(with))
        , failed(std::move(tell))
        , past(config.past)
        , presenter(keys, config.store)
        , waiting(config.waiting)
    {}

    bool offer(past_queue::entry one)
    {
        {
            const std::lock_guard lock{mutex};
            if (stopping || !has_room_for(one.tenant))
                return ++refused, false;
            waiting.put(std::move(one));
        }
        filled.notify_one();
        return true;
    }

    // Under the mutex.
    bool has_room_for(const schema::uuid& tenant)
    {
        if (!waiting.has_room_for(tenant))
            waiting.drop_expired(std::chrono::steady_clock::now());
        return waiting.has_room_for(tenant);
    }

    // Under the mutex.
    bool holds_too_much(const schema::uuid& tenant) const
    {
        const auto own = held_of.find(tenant);
        const auto bytes = own == held_of.end() ? 0 : own->second->of_tenant.load();
        return *held >= config.held_bytes_max || bytes >= config.held_bytes_of_tenant_max;
    }

    std::shared_ptr<held_bytes> share_of(const schema::uuid& tenant)
    {
        const std::lock_guard lock{mutex};
        // Whoever holds nothing needs no entry: there are as many as tenants with something in memory, and this one.
        std::erase_if(held_of, [](const auto& each) { return each.second->of_tenant == 0; });
        auto& own = held_of[tenant];
        if (!own)
            own = std::make_shared<held_bytes>(held);
        return own;
    }

    void run()
    {
        name_this_thread("live-past");
        for (;;)
        {
            std::optional<past_queue::entry> next;
            {
                std::unique_lock lock{mutex};
                filled.wait(lock, [&] { return stopping || waiting.size() > 0; });
                if (stopping)
                    return;
                next = waiting.take(std::chrono::steady_clock::now(),
                                    [&](const schema::uuid& tenant) { return !holds_too_much(tenant); });
                if (!next && waiting.size() > 0)
                {
                    waiting.drop_expired(std::chrono::steady_clock::now());
                    filled.wait_for(lock, looks_again_after);
                }
            }
            if (next)
                next->work();
        }
    }

    page read(const ask& asked)
    {
        page made;
        try
        {
            auto found = find(asked);
            const auto share = share_of(asked.tenant);
            const auto prepared = presenter.prepare(found.events);
            for (const auto& each : found.events)
                if (auto one = presenter.show(each, asked.incarnation))
                    made.events.push_back(counted(std::move(one), share));
            made.up_to = found.up_to;
        }
        catch (const std::exception& fault)
        {
            failed(fault.what());
            made = {};
            made.failed = true;
        }
        return made;
    }

    event_feed::tenant_past::page find(const ask& asked)
    {
        const auto events_max = std::min(asked.events_max, config.page_events_max);
        if (auto known = find_by_tenant(asked, events_max); known.up_to > asked.after.seq)
            return ++pages_by_tenant, event_feed::tenant_past::page{std::move(known.events), known.up_to};
        ++pages_by_lane;
        return past.read(asked.tenant, asked.after, asked.up_to, events_max,
                         std::min(asked.bytes_max, config.page_bytes_max));
    }

    // A read model that cannot be read keeps nobody from the log.
    projection::past_page find_by_tenant(const ask& asked, std::size_t events_max)
    {
        projection::past_page nothing{{}, asked.after.seq};
        if (!config.open_reader)
            return nothing;
        try
        {
            if (!reader)
                reader = config.open_reader();
            return projection::read_past(*reader, {asked.tenant, asked.after, asked.up_to, asked.incarnation,
                                                   events_max, std::min(asked.bytes_max, config.page_bytes_max)});
        }
        catch (const std::exception& fault)
        {
            failed(fault.what());
            return nothing;
        }
    }

    const past_events_config config;
    const std::function<void(const std::string&)> failed;
    // The thread's own.
    event_feed::tenant_past past;
    std::unique_ptr<projection::reader> reader;
    event_presenter presenter;

    const std::shared_ptr<std::atomic<std::size_t>> held = std::make_shared<std::atomic<std::size_t>>(0);
    mutable std::mutex mutex;
    std::condition_variable filled;
    std::unordered_map<schema::uuid, std::shared_ptr<held_bytes>> held_of;  // guarded by mutex
    past_queue waiting;                                                     // guarded by mutex
    std::uint64_t refused = 0;                                              // guarded by mutex
    bool stopping = false;                                                  // guarded by mutex
    std::atomic<std::uint64_t> pages_by_tenant{0}, pages_by_lane{0};
    std::thread thread;
};

past_events::past_events(past_events_config config, event_log::keyring& keys,
                         std::function<void(const std::string&)> failed)
    : self_(std::make_unique<implementation>(std::move(config), keys, std::move(failed)))
{}

past_events::~past_events() { stop(); }

void past_events::start()
{
    self_->thread = std::thread{[self = self_.get()] { self->run(); }};
}

void past_events::stop()
{
    {
        const std::lock_guard lock{self_->mutex};
        self_->stopping = true;
    }
    self_->filled.notify_all();
    if (self_->thread.joinable())
        self_->thread.join();
    const std::lock_guard lock{self_->mutex};
    self_->waiting.clear();
}

bool past_events::read(ask asked, std::function<void(page)> done)
{
    past_queue::entry one{asked.tenant, asked.asker, asked.until, {}};
    one.work = [self = self_.get(), asked = std::move(asked), done = std::move(done)] { done(self->read(asked)); };
    return self_->offer(std::move(one));
}

bool past_events::has_room_for(const event_log::uuid& tenant) const
{
    const std::lock_guard lock{self_->mutex};
    return self_->has_room_for(tenant);
}

bool past_events::holds_too_much(const event_log::uuid& tenant) const
{
    const std::lock_guard lock{self_->mutex};
    return self_->holds_too_much(tenant);
}

past_events::figures past_events::take_figures() const
{
    const std::lock_guard lock{self_->mutex};
    return {self_->waiting.size(), *self_->held,   self_->pages_by_tenant,
            self_->pages_by_lane,  self_->refused, self_->waiting.passed_over()};
}
}  // namespace http
