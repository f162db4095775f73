#include "http/server/ticket_desk.hpp"

#include "http/server/thread_name.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

namespace http
{
struct ticket_desk::implementation
{
    using steady = std::chrono::steady_clock;

    struct visitor
    {
        ticket shown;
        steady::time_point until;
        std::function<void(use_kind)> done;
    };

    implementation(ticket_desk_config with, std::function<void(const std::string&)> tell)
        : config(std::move(with)), failed(std::move(tell)), tickets(config.store)
    {}

    void run()
    {
        name_this_thread("tickets");
        for (;;)
        {
            visitor next;
            {
                std::unique_lock lock{mutex};
                filled.wait(lock, [&] { return stopping || !waiting.empty(); });
                if (stopping)
                    return;
                next = std::move(waiting.front());
                waiting.pop_front();
            }
            next.done(steady::now() < next.until ? use(next.shown) : use_kind::failed);
        }
    }

    use_kind use(const ticket& one)
    {
        try
        {
            return tickets.use(one) ? use_kind::first : use_kind::again;
        }
        catch (const std::exception& fault)
        {
            failed(fault.what());
            return use_kind::failed;
        }
    }

    const ticket_desk_config config;
    const std::function<void(const std::string&)> failed;
    ticket_register tickets;  // the thread's own

    std::mutex mutex;
    std::condition_variable filled;
    std::deque<visitor> waiting;  // guarded by mutex
    bool stopping = false;        // guarded by mutex
    std::thread thread;
};

ticket_desk::ticket_desk(ticket_desk_config config, std::function<void(const std::string&)> failed)
    : self_(std::make_unique<implementation>(std::move(config), std::move(failed)))
{}

ticket_desk::~ticket_desk() { stop(); }

void ticket_desk::start()
{
    self_->thread = std::thread{[self = self_.get()] { self->run(); }};
}

void ticket_desk::stop()
{
    std::deque<implementation::visitor> dropped;
    {
        const std::lock_guard lock{self_->mutex};
        self_->stopping = true;
        dropped.swap(self_->waiting);
    }
    self_->filled.notify_all();
    if (self_->thread.joinable())
        self_->thread.join();
}

bool ticket_desk::use(ticket one, std::chrono::steady_clock::time_point until, std::function<void(use_kind)> done)
{
    {
        const std::lock_guard lock{self_->mutex};
        if (self_->stopping || self_->waiting.size() >= self_->config.waiting_max)
            return false;
        self_->waiting.push_back({std::move(one), until, std::move(done)});
    }
    self_->filled.notify_one();
    return true;
}
}  // namespace http
