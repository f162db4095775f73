#include "events/log/housekeeper.hpp"

#include <pqxx/pqxx>

#include <pthread.h>

namespace event_log
{
namespace
{
connection_config as_housekeeper(connection_config server, const housekeeper_config& config)
{
    server.application_name = "clientflow housekeeper";
    server.statement_timeout = config.step_deadline;
    // A removal that a crash undoes is done again by the next sweep.
    server.settings.emplace_back("synchronous_commit", "off");
    return server;
}
}  // namespace

housekeeper::housekeeper(const housekeeper_config& config, connection_config server, std::shared_ptr<watchdog> guard,
                         std::function<void(const std::string&)> failed)
    : config_(config)
    , server_(as_housekeeper(std::move(server), config))
    , guard_(std::move(guard))
    , failed_(std::move(failed))
    , thread_([this] { run(); })
{
    pthread_setname_np(thread_.native_handle(), "housekeeper");
}

housekeeper::~housekeeper()
{
    {
        const std::lock_guard lock{mutex_};
        stopping_ = true;
    }
    changed_.notify_one();
    thread_.join();
}

bool housekeeper::stopped_within(std::chrono::milliseconds time)
{
    std::unique_lock lock{mutex_};
    return changed_.wait_for(lock, time, [&] { return stopping_; });
}

void housekeeper::run()
{
    auto pause = config_.first_after;
    while (!stopped_within(pause))
        pause = sweep() ? config_.every : config_.again_after;
}

bool housekeeper::sweep()
{
    try
    {
        connection_ = std::make_unique<connection>(server_, guard_);
        for (std::int64_t at = step(0); at != 0; at = step(at))
            if (stopped_within(config_.step_apart))
                return true;
        for (const auto& chore : config_.chores)
            if (!finish(chore))
                return true;
        connection_.reset();
        ++sweeps_;
        return true;
    }
    catch (const std::exception& problem)
    {
        // Without a connection it is the opening that failed, which says in words of its own why.
        failed_(connection_ ? understand(problem, *connection_).message : problem.what());
        connection_.reset();
        return false;
    }
}

// False: it was told to stop.
bool housekeeper::finish(const std::string& chore)
{
    for (;;)
    {
        const connection::deadline limit{*connection_, config_.step_deadline};
        pqxx::nontransaction work{connection_->raw()};
        if (work.exec1(chore)[0].as<std::int64_t>() == 0)
            return true;
        if (stopped_within(config_.step_apart))
            return false;
    }
}

// One bounded removal, a transaction of its own; answers where to go on.
std::int64_t housekeeper::step(std::int64_t from)
{
    const connection::deadline limit{*connection_, config_.step_deadline};
    pqxx::nontransaction work{connection_->raw()};
    return work
        .exec_params1("select es.prune($1, make_interval(hours => $2), null)", from, config_.client_receipts_hours)[0]
        .as<std::int64_t>();
}
}  // namespace event_log
