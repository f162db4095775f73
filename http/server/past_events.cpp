#include "http/server/past_events.hpp"

#include "http/server/shown_event.hpp"
#include "http/server/thread_name.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

namespace http
{
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
            if (stopping || !waiting.has_room_for(one.tenant))
                return ++refused, false;
            waiting.put(std::move(one));
        }
        filled.notify_one();
        return true;
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
                next = waiting.take(std::chrono::steady_clock::now());
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
            auto found =
                past.read(asked.tenant, asked.after, asked.up_to, std::min(asked.events_max, config.page_events_max));
            presenter.prepare(found.events);
            for (const auto& each : found.events)
                if (auto one = presenter.show(each, asked.incarnation))
                    made.events.push_back(std::move(one));
            made.up_to = found.up_to;
            ++pages;
        }
        catch (const std::exception& fault)
        {
            failed(fault.what());
            made = {};
            made.failed = true;
        }
        return made;
    }

    const past_events_config config;
    const std::function<void(const std::string&)> failed;
    // The thread's own.
    event_feed::tenant_past past;
    event_presenter presenter;

    mutable std::mutex mutex;
    std::condition_variable filled;
    past_queue waiting;         // guarded by mutex
    std::uint64_t refused = 0;  // guarded by mutex
    bool stopping = false;      // guarded by mutex
    std::atomic<std::uint64_t> pages{0};
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
    return self_->waiting.has_room_for(tenant);
}

past_events::figures past_events::take_figures() const
{
    const std::lock_guard lock{self_->mutex};
    return {self_->waiting.size(), self_->pages, self_->refused, self_->waiting.passed_over()};
}
}  // namespace http
