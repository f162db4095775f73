#include "commands/lanes/dispatcher.hpp"

#include "commands/lanes/pending.hpp"
#include "commands/lanes/refusals.hpp"
#include "commands/lanes/snapshot_taker.hpp"
#include "commands/lanes/tally.hpp"
#include "commands/lanes/tenant_directory.hpp"
#include "commands/lanes/writer.hpp"
#include "schemas/assertion.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <pthread.h>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace lanes
{
namespace
{
constexpr std::chrono::milliseconds watch_beat{25};

void name_thread(const std::string& name) { pthread_setname_np(pthread_self(), name.c_str()); }
}  // namespace

int writers_for_this_machine() { return std::max(1, static_cast<int>(std::thread::hardware_concurrency()) / 2); }

struct dispatcher::implementation
{
    implementation(writer_config given, event_log::store_config where, event_log::keyring& ring,
                   const schema::clock& clock, std::function<void(std::int32_t)> wake);
    ~implementation();

    std::size_t writer_of(std::int32_t lane) const { return static_cast<std::size_t>(lane) % writers.size(); }
    void accept(const command&);
    bool forward(std::size_t from, const command&, std::int32_t lane);
    void watch_deadlines();

    // Fixed after construction.
    const writer_config config;
    const std::function<void(std::int32_t)> appended;
    tenant_directory tenants;
    tally counts;
    std::unique_ptr<snapshot_taker> taker;  // where there are snapshots
    std::vector<std::unique_ptr<writer>> writers;
    std::vector<std::thread> threads;

    std::mutex asking;
    event_log::store asked;  // for lane_of; guarded by asking

    std::mutex ending;
    std::condition_variable ended;
    bool is_ended = false;  // guarded by ending
    std::thread watch;
};

dispatcher::implementation::implementation(writer_config given, event_log::store_config where, event_log::keyring& ring,
                                           const schema::clock& clock, std::function<void(std::int32_t)> wake)
    : config(std::move(given)), appended(std::move(wake)), tenants(ring), asked(where)
{
    if (config.snapshots)
        taker = std::make_unique<snapshot_taker>(where, ring, *config.snapshots);
    for (std::size_t i = 0; i < static_cast<std::size_t>(config.writers); ++i)
    {
        workbench bench{config,
                        clock,
                        ring,
                        tenants,
                        counts,
                        appended,
                        [this, i](const command& c, std::int32_t lane) { return forward(i, c, lane); },
                        taker.get(),
                        aggregate_cache(config.cache_bytes_max)};
        writers.push_back(std::make_unique<writer>(config, std::move(bench), where));
    }
    for (std::size_t i = 0; i < writers.size(); ++i)
    {
        threads.emplace_back([this, i] {
            name_thread("command-" + std::to_string(i));
            writers[i]->prepare_rounds();
        });
        threads.emplace_back([this, i] {
            name_thread("append-" + std::to_string(i));
            writers[i]->append_rounds();
        });
    }
    watch = std::thread([this] { watch_deadlines(); });
}

dispatcher::implementation::~implementation()
{
    for (const auto& each : writers)
        each->queue().close();
    for (std::thread& each : threads)
        each.join();
    {
        const std::lock_guard lock(ending);
        is_ended = true;
    }
    ended.notify_all();
    watch.join();
}

// A tenant whose lane is not known yet goes to any writer, which looks it up and hands it on.
void dispatcher::implementation::accept(const command& c)
{
    const uuid& tenant = c->asked.tenant;
    const auto lane = tenants.known_lane(tenant);
    const std::size_t to = lane ? writer_of(*lane) : std::hash<uuid>{}(tenant) % writers.size();
    if (writers[to]->queue().offer(c))
        return;
    ++counts.busy;
    c->settle_rest(refused_with(busy()));
}

bool dispatcher::implementation::forward(std::size_t from, const command& c, std::int32_t lane)
{
    const std::size_t to = writer_of(lane);
    if (to == from)
        return false;
    if (!writers[to]->queue().forward(c))
        c->settle_rest(refused_with(busy()));  // shutting down, and that writer has gone already
    return true;
}

void dispatcher::implementation::watch_deadlines()
{
    name_thread("command-watch");
    std::unique_lock lock(ending);
    while (!ended.wait_for(lock, watch_beat, [this] { return is_ended; }))
    {
        const auto now = std::chrono::steady_clock::now();
        for (const auto& each : writers)
            each->expire(now);
    }
}

dispatcher::dispatcher(writer_config config, event_log::store_config where, event_log::keyring& keys,
                       const schema::clock& clock, std::function<void(std::int32_t lane)> appended)
    : self_(std::make_unique<implementation>(std::move(config), std::move(where), keys, clock, std::move(appended)))
{}

dispatcher::~dispatcher() = default;

void dispatcher::submit(submission what, std::function<void(answer)> done)
{
    self_->accept(std::make_shared<pending>(std::move(what), std::move(done)));
}

void dispatcher::submit(batch what, std::function<void(std::vector<answer>)> done)
{
    CF_ASSERT(!what.commands.empty() && what.commands.size() <= self_->config.batch_commands_max);
    std::set<std::string_view> keys;
    for (const submission& each : what.commands)
    {
        CF_ASSERT(each.tenant == what.commands.front().tenant && !each.is_rehearsal && !each.tenant_born);
        CF_ASSERT(!what.atomic || !each.remember || keys.insert(each.remember->key).second);
    }
    self_->accept(std::make_shared<pending>(std::move(what), std::move(done)));
}

std::optional<std::int32_t> dispatcher::lane_of(const uuid& tenant)
{
    if (const auto lane = self_->tenants.known_lane(tenant))
        return lane;
    const std::lock_guard lock(self_->asking);
    return self_->tenants.lane_of(tenant, self_->asked);
}

dispatcher::figures dispatcher::take_figures()
{
    figures now = self_->counts.take();
    for (const auto& each : self_->writers)
        now.waiting += each->queue().size();
    return now;
}
}  // namespace lanes
