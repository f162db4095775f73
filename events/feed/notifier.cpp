#include "events/feed/notifier.hpp"

#include "events/feed/store_feed.hpp"

#include <pqxx/pqxx>

#include <pthread.h>

namespace event_feed
{
namespace
{
notifier_config with_guard(notifier_config config)
{
    if (!config.guard)
        config.guard = std::make_shared<event_log::watchdog>();
    return config;
}
}  // namespace

notifier::notifier(notifier_config config) : config_(with_guard(std::move(config))), thread_([this] { run(); })
{
    pthread_setname_np(thread_.native_handle(), "notifier");
}

notifier::~notifier()
{
    {
        const std::lock_guard lock{mutex_};
        stopping_ = true;
    }
    changed_.notify_one();
    thread_.join();
}

void notifier::appended()
{
    {
        const std::lock_guard lock{mutex_};
        if (due_)
            return;
        due_ = true;
    }
    changed_.notify_one();
}

std::uint64_t notifier::sent() const
{
    const std::lock_guard lock{mutex_};
    return sent_;
}

std::uint64_t notifier::failed() const
{
    const std::lock_guard lock{mutex_};
    return failed_;
}

void notifier::run()
{
    std::unique_lock lock{mutex_};
    for (;;)
    {
        changed_.wait(lock, [&] { return due_ || stopping_; });
        if (stopping_)
            return;
        due_ = false;
        lock.unlock();
        const bool done = send();
        lock.lock();
        ++(done ? sent_ : failed_);
        // What is appended meanwhile goes out with the next one.
        changed_.wait_for(lock, done ? config_.apart_min : config_.again_after, [&] { return stopping_; });
    }
}

bool notifier::send()
{
    try
    {
        if (!connection_ || connection_->lost())
        {
            event_log::connection_config settings;
            settings.dsn = config_.dsn;
            settings.password_file = config_.password_file;
            settings.application_name = "clientflow notifier";
            settings.settings = {{"synchronous_commit", "off"}};  // it carries no data
            connection_.reset();
            connection_ = std::make_unique<event_log::connection>(settings, config_.guard);
        }
        const event_log::connection::deadline limit{*connection_, config_.call_deadline};
        pqxx::nontransaction work{connection_->raw()};
        work.exec(std::string{"notify "} + appended_channel);
        return true;
    }
    catch (const std::exception&)
    {
        connection_.reset();
        return false;
    }
}
}  // namespace event_feed
