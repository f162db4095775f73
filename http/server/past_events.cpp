#include "http/server/past_events.hpp"

#include "http/server/shown_event.hpp"
#include "http/server/thread_name.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>

namespace http
{
struct past_events::implementation
{
    using work = std::function<void()>;

    implementation(past_events_config with, event_log::keyring& keys, std::function<void(const std::string&)> tell)
        : config(std::move(with))
        , failed(std::move(tell))
        , past(config.past)
        , tickets(config.store)
        , presenter(keys, config.store)
    {}

    bool offer(work what)
    {
        {
            const std::lock_guard lock{mutex};
            if (stopping || waiting.size() >= config.waiting_max)
                return false;
            waiting.push_back(std::move(what));
        }
        filled.notify_one();
        return true;
    }

    void run()
    {
        name_this_thread("live-past");
        for (;;)
        {
            work next;
            {
                std::unique_lock lock{mutex};
                filled.wait(lock, [&] { return stopping || !waiting.empty(); });
                if (stopping)
                    return;
                next = std::move(waiting.front());
                waiting.pop_front();
            }
            next();
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

    ticket_use use(const ticket& one)
    {
        try
        {
            return tickets.use(one) ? ticket_use::first : ticket_use::again;
        }
        catch (const std::exception& fault)
        {
            failed(fault.what());
            return ticket_use::failed;
        }
    }

    const past_events_config config;
    const std::function<void(const std::string&)> failed;
    // The thread's own.
    event_feed::tenant_past past;
    ticket_register tickets;
    event_presenter presenter;

    std::mutex mutex;
    std::condition_variable filled;
    std::deque<work> waiting;  // guarded by mutex
    bool stopping = false;     // guarded by mutex
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
    std::deque<implementation::work> dropped;
    {
        const std::lock_guard lock{self_->mutex};
        self_->stopping = true;
        dropped.swap(self_->waiting);
    }
    self_->filled.notify_all();
    if (self_->thread.joinable())
        self_->thread.join();
}

bool past_events::read(ask asked, std::function<void(page)> done)
{
    return self_->offer(
        [self = self_.get(), asked = std::move(asked), done = std::move(done)] { done(self->read(asked)); });
}

bool past_events::use(ticket one, std::function<void(ticket_use)> done)
{
    return self_->offer([self = self_.get(), one = std::move(one), done = std::move(done)] { done(self->use(one)); });
}

std::uint64_t past_events::pages_read() const { return self_->pages; }
}  // namespace http
