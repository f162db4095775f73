#include "http/server/query_pool.hpp"

#include "commands/lanes/loading.hpp"
#include "http/server/key_use.hpp"
#include "http/server/thread_name.hpp"
#include "projections/runner/reader.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

namespace http
{
namespace
{
using steady = std::chrono::steady_clock;

constexpr std::size_t waits_remembered_max = 4'096;

struct task
{
    query_pool::work run;
    std::function<void(const char*)> failed;
    steady::time_point since;
};
}  // namespace

struct query_pool::implementation
{
    implementation(query_pool_config with, open_reader open) : config(std::move(with)), open_models(std::move(open)) {}

    const query_pool_config config;
    const open_reader open_models;

    std::mutex mutex;
    std::condition_variable filled;
    std::deque<task> waiting;          // guarded by mutex
    bool running = false;              // guarded by mutex
    std::uint64_t done = 0;            // guarded by mutex
    std::uint64_t refused = 0;         // guarded by mutex
    std::vector<double> wait_seconds;  // guarded by mutex
    std::vector<std::thread> threads;

    std::optional<task> take();
    void run(int number);
};

std::optional<task> query_pool::implementation::take()
{
    std::unique_lock lock{mutex};
    filled.wait(lock, [&] { return !running || !waiting.empty(); });
    if (!running)
        return std::nullopt;
    task next = std::move(waiting.front());
    waiting.pop_front();
    ++done;
    if (wait_seconds.size() < waits_remembered_max)
        wait_seconds.push_back(std::chrono::duration<double>(steady::now() - next.since).count());
    return next;
}

void query_pool::implementation::run(int number)
{
    name_this_thread("query-" + std::to_string(number));
    std::unique_ptr<projection::reader> models;
    key_use_reader uses{config.store};
    event_log::store events{config.store};
    lanes::loader log{events, *config.keys, config.snapshots};
    while (auto next = take())
    {
        if (steady::now() - next->since > config.waiting_time_max)
        {
            next->failed("it waited too long for a thread");
            continue;
        }
        try
        {
            if (!models)
                models = open_models();
        }
        catch (const std::exception& thrown)
        {
            next->failed(thrown.what());
            continue;
        }
        query_context context{*models, uses, log};
        next->run(context);
    }
}

query_pool::query_pool(query_pool_config config, open_reader open)
    : self_(std::make_unique<implementation>(std::move(config), std::move(open)))
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
    std::deque<task> dropped;
    {
        const std::lock_guard lock{self_->mutex};
        self_->running = false;
        dropped.swap(self_->waiting);
    }
    self_->filled.notify_all();
    for (std::thread& one : self_->threads)
        one.join();
    self_->threads.clear();
}

bool query_pool::submit(work run, std::function<void(const char*)> failed)
{
    {
        const std::lock_guard lock{self_->mutex};
        if (!self_->running || self_->waiting.size() >= self_->config.waiting_max)
        {
            ++self_->refused;
            return false;
        }
        self_->waiting.push_back({std::move(run), std::move(failed), steady::now()});
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
