#include "projections/runner/runner.hpp"

#include "projections/runner/personal_keys.hpp"
#include "projections/runner/versions.hpp"
#include "schemas/assertion.hpp"

#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <pthread.h>
#include <thread>
#include <utility>

namespace projection
{
namespace
{
std::size_t most_of_a_lane(std::span<const recorded> events)
{
    std::size_t most = 0, in_lane = 0;
    for (std::size_t i = 0; i < events.size(); ++i)
    {
        in_lane = i > 0 && events[i].at.lane == events[i - 1].at.lane ? in_lane + 1 : 1;
        most = std::max(most, in_lane);
    }
    return most;
}

// The projector over the versions that are fed now. Another one takes its place when they change.
struct machine
{
    machine(models fed, const row_store_config& rows_config, projector_config config, row_cache* cache,
            positions& reached, const schema::clock& clock)
        : versions(std::move(fed))
        , definitions(definitions_of(versions))
        , rows(rows_config, definitions)
        , core(with_beside(std::move(config), versions), definitions, rows, cache, reached, clock)
    {}

    static projector_config with_beside(projector_config config, const models& fed)
    {
        for (const auto& each : fed)
            if (each->which.state != version_state::live)
                config.beside.push_back(&each->fed);
        return config;
    }

    models versions;
    std::vector<const definition*> definitions;
    row_store rows;
    projector core;
};

std::vector<version> which_of(const models& all)
{
    std::vector<version> found;
    for (const auto& each : all)
        found.push_back(each->which);
    return found;
}

// How they stand now, of those that stood otherwise.
std::string changes(const models& before, const models& now)
{
    const auto was = which_of(before), is = which_of(now);
    std::string text;
    const auto say = [&](const version& of, std::string_view state) {
        text.append(text.empty() ? "" : ", ").append(of.projection).append(" version ");
        text.append(std::to_string(of.number)).append(" is ").append(state);
    };
    for (const auto& each : was)
        if (std::ranges::none_of(
                is, [&](const version& one) { return one.projection == each.projection && one.number == each.number; }))
            say(each, "fed no more");
    for (const auto& each : is)
        if (std::ranges::find(was, each) == was.end())
            say(each, each.state);
    return text;
}
}  // namespace

struct runner::implementation
{
    implementation(runner_config given, std::span<const definition* const> of_code, event_log::keyring& opened_with,
                   positions& told, const schema::clock& time)
        : config(by_lease(std::move(given)))
        , definitions(of_code)
        , ring(opened_with)
        , reached(told)
        , clock(time)
        , versions(config.rows)
        , cache_used(open_cache())
        , feed(config.feed())
    {
        if (config.leases)
            leases.emplace(with_wake(*config.leases));
    }

    event_feed::ownership_config with_wake(event_feed::ownership_config given)
    {
        given.role = projector_role;
        given.changed = [this] { feed->wake(); };
        given.each_beat = [this] { end_if_hung(); };
        return given;
    }

    // A fold never waits for anything, so one that does not end never will. Nothing but the end of the process ends it;
    // whoever takes the lanes over finds the event and stops it.
    void end_if_hung() const
    {
        const auto at = now();
        const auto fold = at ? at->core.folding_now() : std::nullopt;
        if (!fold || std::chrono::steady_clock::now() - fold->since < config.hang_after)
            return;
        tell(report::kind::failed, "a fold does not end: the process ends itself");
        try
        {
            row_store notes{config.rows, {}};
            notes.open();
            if (fold->careful_lane)
                notes.note_hung(*fold->careful_lane);
        }
        catch (const store_failed&)
        {
            // It is found all the same, as one that ended its process.
        }
        std::_Exit(70);
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
        tell(report::kind::cache_lost, std::string{"working without a cache: "} + fault.what());
        return nullptr;
    }

    void tell(report::kind what, std::string text) const
    {
        if (config.projector.tell)
            config.projector.tell({what, std::move(text)});
    }

    void run()
    {
        ::pthread_setname_np(::pthread_self(), "project");
        auto pause = config.retry_min;
        bool is_excused = false;  // what failed last, since it could be opened
        while (!is_stopping())
        {
            try
            {
                const auto at = open();
                is_excused = false;
                if (leases && !leases->is_started() && !is_stopping())
                    leases->start();
                personal_keys keys{ring, config.keys};
                next_heads = {};
                while (!is_stopping() && serve(at->core, keys))
                    pause = config.retry_min;
            }
            catch (const unknown_definition& fault)
            {
                // Lanes that this program cannot serve are left to those who can.
                if (leases)
                    leases->stop();
                refuse(fault.what());
                rest(config.retry_max);
            }
            catch (const std::exception& fault)
            {
                if (!std::exchange(is_excused, true) && is_left_behind())
                {
                    rest(config.retry_min);
                    continue;
                }
                if (const auto at = now())
                    at->core.failed(fault.what());
                else
                    tell(report::kind::failed, fault.what());
                rest(pause);
                pause = std::min(pause * 2, config.retry_max);
            }
        }
    }

    // Whether other versions are to be fed by now: then whatever failed (steps of a retired version are refused, its
    // rows are gone) is no failure, and the next turn opens those.
    bool is_left_behind()
    try
    {
        const auto at = now();
        return at && versions.is_open() && which_of(versions.fed(definitions)) != which_of(at->versions);
    }
    catch (const unknown_definition&)
    {
        return true;
    }
    catch (const std::exception&)
    {
        return false;  // the database is away, which is a failure of its own
    }

    // What the projector tells, but for failures of versions that are fed no more.
    projector_config folding()
    {
        auto made = config.projector;
        made.tell = [this](const report& said) {
            if (said.what != report::kind::failed || !is_left_behind())
                tell(said.what, said.text);
        };
        return made;
    }

    void refuse_no_more()
    {
        const std::lock_guard lock{mutex};
        refused.clear();
    }

    void refuse(const std::string& why)
    {
        tell(report::kind::failed, why);
        const std::lock_guard lock{mutex};
        refused = why;
    }

    // The projector over what is to be fed now, with fresh connections.
    std::shared_ptr<machine> open()
    {
        versions.open();
        versions.register_missing(definitions);
        auto fed = versions.fed(definitions);
        refuse_no_more();
        auto at = now();
        if (!at || which_of(at->versions) != which_of(fed))
        {
            const auto next =
                std::make_shared<machine>(std::move(fed), config.rows, folding(), cache_used, reached, clock);
            if (at)
            {
                tell(report::kind::versions, changes(at->versions, next->versions));
                next->core.count_on(at->core.take());
                forget_versions(*at, *next);
            }
            at = next;
            const std::lock_guard lock{mutex};
            at_work = at;
        }
        at->core.open();
        return at;
    }

    // Rows of versions that are fed no more are only in the way of the cache.
    void forget_versions(const machine& before, const machine& next)
    try
    {
        for (const auto& each : before.versions)
        {
            const auto is_it = [&](const auto& other) {
                return other->which.projection == each->which.projection && other->which.number == each->which.number;
            };
            if (cache_used == nullptr || std::ranges::any_of(next.versions, is_it))
                continue;
            for (const std::int32_t lane : config.projector.lanes)
                cache_used->drop({each->code.name, each->which.number, lane});
        }
    }
    catch (const cache_broken&)
    {
        // The projector finds that out itself.
    }

    // One turn: a batch, or a page into the cache, or a wait. False: other versions are to be fed from now on.
    bool serve(projector& core, personal_keys& keys)
    {
        if (leases && core.hold(leases->held()))
            next_heads = {};  // of the new ones nobody knows yet how far they reach
        const auto from = core.after();
        const auto begun = std::chrono::steady_clock::now();
        const auto events = from.empty() ? std::vector<recorded>{} : feed->read(from, taken.events());
        {
            const auto held = keys.fetch(events);
            core.apply(events, keys.open());
        }
        if (!events.empty())
            taken.took(most_of_a_lane(events), std::chrono::steady_clock::now() - begun);
        if (!look_around(core))
            return false;
        note_caught_up(core);
        if (!core.refill() && events.empty())
            feed->wait();
        return true;
    }

    // Once is enough: from then on waiting readers wait for positions.
    void note_caught_up(const projector& core)
    {
        if (is_caught_up)
            return;
        const auto lags = core.take().lags;
        if (lags.empty() || std::ranges::any_of(lags, [](const lag& of) { return of.events() > 0; }))
            return;
        const std::lock_guard lock{mutex};
        was_caught_up = is_caught_up = true;
        changed.notify_all();
    }

    bool look_around(projector& core)
    {
        const auto at = std::chrono::steady_clock::now();
        if (at < next_heads)
            return true;
        core.heads(feed->heads(core.lanes()));
        next_heads = at + config.heads_every;
        return which_of(versions.fed(definitions)) == which_of(now()->versions);
    }

    std::shared_ptr<machine> now() const
    {
        const std::lock_guard lock{mutex};
        return at_work;
    }

    bool is_stopping() const
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
    const std::span<const definition* const> definitions;
    event_log::keyring& ring;
    positions& reached;
    const schema::clock& clock;
    version_store versions;  // the thread's own
    std::optional<row_cache> cache;
    row_cache* const cache_used;  // nothing: works without one
    std::unique_ptr<event_feed::feed> feed;
    std::optional<event_feed::ownership> leases;         // wakes the feed: goes before it
    std::chrono::steady_clock::time_point next_heads{};  // the thread's own
    pace taken{config.pace};                             // likewise
    bool is_caught_up = false;                           // likewise

    mutable std::mutex mutex;
    std::condition_variable changed;
    std::shared_ptr<machine> at_work;  // guarded by mutex, as a pointer; nothing before the store was first reached
    std::string refused;               // why it feeds nothing; guarded by mutex
    bool was_caught_up = false;        // guarded by mutex
    bool stopping = false;             // guarded by mutex

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

bool runner::await_caught_up(std::chrono::milliseconds patience)
{
    std::unique_lock lock{self_->mutex};
    return self_->changed.wait_for(lock, patience, [&] { return self_->was_caught_up; });
}

void runner::wake() { self_->feed->wake(); }
figures runner::take() const
{
    const auto at = self_->now();
    auto found = at ? at->core.take() : figures{};
    const std::lock_guard lock{self_->mutex};
    found.refused = self_->refused;
    return found;
}
bool runner::serves(std::int32_t lane) const
{
    const auto at = self_->now();
    return at && at->core.serves(lane);
}
std::optional<std::filesystem::path> runner::cache_directory() const
{
    return self_->cache ? std::optional{self_->cache->directory()} : std::nullopt;
}
}  // namespace projection
