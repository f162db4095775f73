#include "http/server/query_pool.hpp"

#include "commands/lanes/loading.hpp"
#include "http/server/key_use.hpp"
#include "http/server/thread_name.hpp"
#include "projections/runner/reader.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>
#include <utility>

namespace http
{
namespace
{
using steady = std::chrono::steady_clock;

constexpr std::size_t waits_remembered_max = 4'096;
constexpr auto looks_again_after = std::chrono::milliseconds{500};  // an idle thread, for work whose time is over

struct task
{
    schema::uuid tenant;
    query_pool::work run;
    query_pool::on_failure failed;
    steady::time_point since;
};
}  // namespace

struct query_pool::implementation
{
    implementation(query_pool_config with, open_reader open)
        : config(std::move(with)), open_models(std::move(open)), waiting(config.waiting)
    {}

    const query_pool_config config;
    const open_reader open_models;

    std::mutex mutex;
    std::condition_variable filled;
    turns<task> waiting;                               // guarded by mutex
    std::unordered_map<schema::uuid, int> running_of;  // guarded by mutex; no zeros
    bool running = false;                              // guarded by mutex
    std::uint64_t done = 0;                            // guarded by mutex
    std::uint64_t refused = 0;                         // guarded by mutex
    std::vector<double> wait_seconds;                  // guarded by mutex
    std::vector<std::thread> threads;

    bool may_run(const schema::uuid& tenant) const;
    std::optional<task> next();
    std::optional<task> take(const std::optional<schema::uuid>& served);
    void give_back(const schema::uuid& tenant);
    void serve(task&, std::unique_ptr<projection::reader>&, key_use_reader&, lanes::loader&);
    void run(int number);
};

// Under the mutex.
bool query_pool::implementation::may_run(const schema::uuid& tenant) const
{
    const auto own = running_of.find(tenant);
    return own == running_of.end() || own->second < config.threads_of_tenant_max;
}

// Under the mutex. Work whose time is over comes first, to be told so, also of a tenant that reads on all its threads.
std::optional<task> query_pool::implementation::next()
{
    const auto too_old = steady::now() - config.waiting_time_max;
    if (auto late = waiting.take_over([&](const task& one) { return one.since < too_old; }))
        return late;
    return waiting.take([&](const schema::uuid& tenant) { return may_run(tenant); }, [](const task&) { return false; });
}

// The next one for a thread, which has served this tenant. Between the two nobody else is let in: another thread would
// be woken for what this one does anyway.
std::optional<task> query_pool::implementation::take(const std::optional<schema::uuid>& served)
{
    std::unique_lock lock{mutex};
    if (served)
        give_back(*served);
    std::optional<task> found;
    while (running && !(found = next()))
        filled.wait_for(lock, looks_again_after);
    if (!found)
        return std::nullopt;
    ++running_of[found->tenant];
    ++done;
    if (wait_seconds.size() < waits_remembered_max)
        wait_seconds.push_back(std::chrono::duration<double>(steady::now() - found->since).count());
    return found;
}

// Under the mutex.
void query_pool::implementation::give_back(const schema::uuid& tenant)
{
    if (const auto own = running_of.find(tenant); --own->second == 0)
        running_of.erase(own);
}

void query_pool::implementation::serve(task& next, std::unique_ptr<projection::reader>& models, key_use_reader& uses,
                                       lanes::loader& log)
{
    if (steady::now() - next.since > config.waiting_time_max)
        return next.failed(fault::late, "it waited too long for a thread");
    try
    {
        if (!models)
            models = open_models();
    }
    catch (const std::exception& thrown)
    {
        return next.failed(fault::no_connection, thrown.what());
    }
    query_context context{*models, uses, log};
    next.run(context);
}

void query_pool::implementation::run(int number)
{
    name_this_thread("query-" + std::to_string(number));
    std::unique_ptr<projection::reader> models;
    key_use_reader uses{config.store};
    event_log::store events{config.store};
    lanes::loader log{events, *config.keys, config.snapshots};
    std::optional<schema::uuid> served;
    while (auto next = take(served))
    {
        serve(*next, models, uses, log);
        served = next->tenant;
    }
}

namespace
{
query_pool_config with_room_for_others(query_pool_config given)
{
    given.threads = std::max(given.threads, 1);
    given.threads_of_tenant_max = std::clamp(given.threads_of_tenant_max, 1, std::max(given.threads - 1, 1));
    return given;
}
}  // namespace

query_pool::query_pool(query_pool_config config, open_reader open)
    : self_(std::make_unique<implementation>(with_room_for_others(std::move(config)), std::move(open)))
{}

query_pool::~query_pool() { stop(); }

void query_pool::start()
{
    self_->running = true;
    for (int i = 0; i < self_->config.threads; ++i)
        self_->threads.emplace_back([self = self_.get(), i] { self->run(i); });
}

void query_pool::stop()
{
    turns<task> dropped{self_->config.waiting};
    {
        const std::lock_guard lock{self_->mutex};
        self_->running = false;
        std::swap(dropped, self_->waiting);
    }
    self_->filled.notify_all();
    for (std::thread& one : self_->threads)
        one.join();
    self_->threads.clear();
}

bool query_pool::submit(const schema::uuid& tenant, work run, on_failure failed)
{
    {
        const std::lock_guard lock{self_->mutex};
        if (!self_->running || !self_->waiting.has_room_for(tenant))
        {
            ++self_->refused;
            return false;
        }
        self_->waiting.put(tenant, {tenant, std::move(run), std::move(failed), steady::now()});
        if (!self_->may_run(tenant))
            return true;  // whoever runs for the tenant takes it
    }
    self_->filled.notify_one();
    return true;
}

query_pool::figures query_pool::take_figures()
{
    const std::lock_guard lock{self_->mutex};
    return {self_->waiting.size(), self_->done, self_->refused, std::exchange(self_->wait_seconds, {})};
}
}  // namespace http
