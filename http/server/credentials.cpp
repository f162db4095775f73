// Looks keys up, holds them against the log, and counts their use.
#include "http/server/credentials.hpp"

#include "commands/api_key.hpp"
#include "commands/limits.hpp"
#include "events/log/meta.hpp"
#include "events/log/upcast.hpp"
#include "http/server/thread_name.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <shared_mutex>
#include <stdexcept>
#include <thread>
#include <unordered_map>

namespace http
{
namespace
{
using steady = std::chrono::steady_clock;

std::int64_t ticks(steady::time_point at) { return at.time_since_epoch().count(); }

// What is kept of one key: its folded stream, and how far both streams were read.
struct known_key
{
    std::shared_ptr<const principal> who;   // nothing: no such key, or not usable any more
    std::shared_ptr<const principal> gone;  // then: whose it was
    event_log::stream_key key_stream;
    api_key::state key;
    std::int64_t key_version = 0;
    std::optional<event_log::stream_key> member_stream;
    std::int64_t member_version = 0;
    bool member_gone = false;
    bool unreadable = false;  // an event of it cannot be read
    std::int32_t lane = 0;
    std::shared_ptr<key_activity> activity;
    mutable std::atomic<steady::rep> used{0};
    std::atomic<steady::rep> checked{0};
};

struct lookup
{
    std::string digest;
    std::function<void(credentials::answer)> done;
};

struct learning
{
    schema::uuid tenant;
    std::function<void(bool)> done;
};

// What the thread is asked to do: those first that somebody with a good key waits for.
struct asked_of_thread
{
    std::deque<learning> tenants;
    std::deque<lookup> seen;
    std::deque<lookup> unseen;

    bool empty() const { return tenants.empty() && seen.empty() && unseen.empty(); }
    std::size_t size() const { return tenants.size() + seen.size() + unseen.size(); }
};
}  // namespace

struct credentials::implementation
{
    implementation(credentials_config with, event_log::keyring& ring, const schema::clock& by, keep_uses keep)
        : config(std::move(with)), keys(ring), clock(by), keep_uses_of(std::move(keep))
    {}

    const credentials_config config;
    event_log::keyring& keys;
    const schema::clock& clock;
    const keep_uses keep_uses_of;

    mutable std::shared_mutex table_mutex;
    std::unordered_map<std::string, std::shared_ptr<known_key>> table;  // guarded by table_mutex; by digest

    std::mutex queue_mutex;
    std::condition_variable queue_filled, stopped;
    asked_of_thread waiting;  // guarded by queue_mutex
    bool stopping = false;    // guarded by queue_mutex

    std::atomic<std::uint64_t> lookups{0};
    std::atomic<std::uint64_t> failed_checks{0};
    std::atomic<bool> store_is_away{false};
    std::optional<event_log::store> store;  // the `keys` thread only
    steady::time_point try_again{};         // after a failure nobody is kept waiting for the next one
    steady::time_point next_check{};
    std::thread thread;
    use_book uses;            // the `key-use` thread only
    std::thread uses_thread;  // so that nobody's key waits for a database that does not answer

    void run();
    void run_uses();
    bool serve_next();
    void refuse_all();
    void serve(lookup&);
    void serve(learning&);
    void forget(const std::string& digest);
    bool has_seen(const std::string& digest) const;
    bool offer(const std::function<void(asked_of_thread&)>& put);
    std::shared_ptr<known_key> load(const std::string& digest);
    void read_news(std::span<const std::shared_ptr<known_key>>);
    void fold(known_key&, const std::vector<event_log::recorded>& key_news,
              const std::vector<event_log::recorded>& member_news) const;
    void settle(known_key&) const;
    void begin_at_end(const known_key&);
    void check();
    void gather_uses();
    void flush_uses();
    void make_room();
    answer believed(const known_key&, steady::time_point now) const;
    static answer answer_of(const known_key&);
};

// -- The `keys` thread

void credentials::implementation::run()
{
    name_this_thread("keys");
    next_check = steady::now() + config.check_interval;
    while (serve_next())
        if (steady::now() >= next_check)
            check();
    refuse_all();
}

// One thing at a time, so that no queue of strangers' keys delays a check. False: the end.
bool credentials::implementation::serve_next()
{
    std::deque<lookup> one;
    std::deque<learning> tenant;
    {
        std::unique_lock lock{queue_mutex};
        queue_filled.wait_until(lock, next_check, [&] { return stopping || !waiting.empty(); });
        if (stopping)
            return false;
        const auto take_first = [](auto& from, auto& into) {
            into.push_back(std::move(from.front()));
            from.pop_front();
        };
        if (!waiting.tenants.empty())
            take_first(waiting.tenants, tenant);
        else if (!waiting.seen.empty())
            take_first(waiting.seen, one);
        else if (!waiting.unseen.empty())
            take_first(waiting.unseen, one);
    }
    for (learning& each : tenant)
        serve(each);
    for (lookup& each : one)
        serve(each);
    return true;
}

void credentials::implementation::refuse_all()
{
    asked_of_thread left;
    {
        const std::lock_guard lock{queue_mutex};
        std::swap(left, waiting);
    }
    for (learning& one : left.tenants)
        one.done(false);
    for (auto* queue : {&left.seen, &left.unseen})
        for (lookup& one : *queue)
            one.done({verdict::unavailable, nullptr});
}

void credentials::implementation::serve(learning& asked)
{
    bool learned = keys.knows_tenant(asked.tenant);
    try
    {
        if (!store)
            store.emplace(config.store);
        const auto tenant = learned || steady::now() < try_again ? std::nullopt : store->find_tenant(asked.tenant);
        if (tenant)
            keys.learn_tenant(*tenant), learned = true;
    }
    catch (const std::exception&)
    {
        ++failed_checks;
    }
    asked.done(learned);
}

void credentials::implementation::serve(lookup& asked)
{
    answer said;
    {
        // Many requests with one key ask at once: the first one's answer serves them all.
        const std::shared_lock lock{table_mutex};
        if (const auto known = table.find(asked.digest); known != table.end())
            said = believed(*known->second, steady::now());
    }
    if (said.what != verdict::unsure)
        return asked.done(std::move(said));
    if (steady::now() < try_again)
        return asked.done({verdict::unavailable, nullptr});
    ++lookups;
    try
    {
        const auto found = load(asked.digest);
        make_room();
        const std::unique_lock lock{table_mutex};
        table[asked.digest] = found;
        said = answer_of(*found);
        store_is_away = false;
    }
    catch (const event_log::unreachable&)
    {
        ++failed_checks;
        store_is_away = true;
        try_again = steady::now() + config.check_interval;
        said.what = verdict::unavailable;
        const std::shared_lock lock{table_mutex};
        if (const auto known = table.find(asked.digest); known != table.end())
            said = believed(*known->second, steady::now());
        if (said.what == verdict::unsure)
            said.what = verdict::unavailable;
    }
    catch (const std::exception&)  // a fault in what is stored, or of ours: of this key alone
    {
        ++failed_checks;
        forget(asked.digest);
        said = {verdict::unavailable, nullptr};
    }
    asked.done(std::move(said));
}

void credentials::implementation::forget(const std::string& digest)
{
    const std::unique_lock lock{table_mutex};
    table.erase(digest);
}

std::shared_ptr<known_key> credentials::implementation::load(const std::string& digest)
{
    if (!store)
        store.emplace(config.store);
    auto made = std::make_shared<known_key>();
    {
        const std::shared_lock lock{table_mutex};
        const auto before = table.find(digest);
        made->activity = before != table.end() && before->second->activity ? before->second->activity
                                                                           : std::make_shared<key_activity>();
    }
    const auto began = steady::now();
    made->used = ticks(began);
    made->checked = ticks(began);
    const auto hash = keys.hash_claim(event_log::platform_tenant, limits::api_key_digest, digest);
    const auto claim = store->find_claim(event_log::platform_tenant, limits::api_key_digest, hash);
    if (!claim || claim->owner.category != api_key::state::category)
        return made;
    made->key_stream = claim->owner;
    if (claim->owner.tenant != event_log::platform_tenant)
    {
        const auto tenant = store->find_tenant(claim->owner.tenant);
        if (!tenant)
            return made;
        keys.learn_tenant(*tenant);
        made->lane = tenant->lane;
    }
    const std::shared_ptr<known_key> one[]{made};
    read_news(one);  // the key's stream tells who its member is
    if (made->member_stream)
        read_news(one);
    if (made->unreadable)
        throw std::runtime_error("the history of an API key cannot be read");
    settle(*made);
    begin_at_end(*made);
    return made;
}

// A key that is new to this process may have written through another one, which is gone perhaps: its reads are to be as
// new as that, too.
void credentials::implementation::begin_at_end(const known_key& known)
{
    key_activity& its = *known.activity;
    if (!known.who || !known.who->write || known.who->operators || !config.incarnation)
        return;
    const auto history = std::hash<std::string>{}(config.incarnation());
    if (its.last_write_history != history)
        its.note_write(history, store->last_seq(known.lane));
}

// Reads on from where each key stands; one round trip for all of them.
void credentials::implementation::read_news(std::span<const std::shared_ptr<known_key>> of)
{
    std::vector<event_log::stream_ask> asks;
    for (const auto& one : of)
    {
        asks.push_back({one->key_stream, one->key_version, INT64_MAX});
        if (one->member_stream)
            asks.push_back({*one->member_stream, one->member_version, INT64_MAX});
    }
    const auto loaded = store->load(asks, {});
    const std::vector<event_log::recorded> nothing;
    std::size_t at = 0;
    for (const auto& one : of)
    {
        const auto& key_news = loaded.streams[at++];
        const auto& member_news = one->member_stream ? loaded.streams[at++] : nothing;
        try
        {
            fold(*one, key_news, member_news);
        }
        catch (const std::exception&)
        {
            one->unreadable = true;
        }
    }
}

void credentials::implementation::fold(known_key& into, const std::vector<event_log::recorded>& key_news,
                                       const std::vector<event_log::recorded>& member_news) const
{
    for (const event_log::recorded& one : key_news)
    {
        const bool is_next = one.version == into.key_version + 1;
        into.key_version = one.version;
        if (!is_next)
            throw std::runtime_error{"an API key's stream lacks a version"};
        event_log::recorded room;
        const event_log::recorded& newest = event_log::newest_shape(one, room);
        if (const auto fact = schema::read_variant<api_key::event>(newest.type, newest.data))
            into.key = api_key::evolve(std::move(into.key), *fact, event_log::stamp{one.version, one.recorded_at, {}});
    }
    for (const event_log::recorded& one : member_news)
    {
        into.member_version = one.version;
        into.member_gone = into.member_gone || one.type == "member.removed";
    }
    if (into.key.it && into.key.it->member_id && !into.member_stream)
        into.member_stream = {into.key_stream.tenant, "member", into.key.it->member_id->value};
}

// Whose key it is, or was.
void credentials::implementation::settle(known_key& known) const
{
    if (!known.key.it)
        return;
    const bool is_usable = !known.member_gone && !known.key.it->archived_at;
    (is_usable ? known.who : known.gone) =
        principal_of(*known.key.it, known.key_stream.tenant, known.lane, known.activity);
}

// Holds every key that was used lately against the log. What changed gets a new entry: entries in the table are not
// edited under readers' eyes, but for the moment of their last check.
void credentials::implementation::check()
{
    next_check = steady::now() + config.check_interval;
    const auto lately = ticks(steady::now() - 10 * config.check_interval);
    std::vector<std::string> digests;
    std::vector<std::shared_ptr<known_key>> before;
    std::vector<std::shared_ptr<known_key>> after;
    {
        const std::shared_lock lock{table_mutex};
        for (const auto& [digest, known] : table)
        {
            if (!known->who || known->used < lately)
                continue;
            digests.push_back(digest);
            before.push_back(known);
            auto copy = std::make_shared<known_key>();
            copy->key_stream = known->key_stream, copy->key = known->key, copy->key_version = known->key_version;
            copy->member_stream = known->member_stream, copy->member_version = known->member_version;
            copy->lane = known->lane, copy->activity = known->activity, copy->used = known->used.load();
            after.push_back(std::move(copy));
        }
    }
    if (before.empty())
        return;
    try
    {
        const auto began = ticks(steady::now());
        if (!store)
            store.emplace(config.store);
        read_news(after);
        const std::unique_lock lock{table_mutex};
        for (std::size_t i = 0; i < before.size(); ++i)
        {
            const bool same = after[i]->key_version == before[i]->key_version &&
                              after[i]->member_version == before[i]->member_version;
            after[i]->checked = began;
            if (after[i]->unreadable)
                ++failed_checks, table.erase(digests[i]);
            else if (same)
                before[i]->checked = began;
            else
                settle(*after[i]), table[digests[i]] = after[i];
        }
        store_is_away = false;
    }
    catch (const event_log::unreachable&)
    {
        ++failed_checks;
        store_is_away = true;
        // Counted from its end: else everybody who waits for a key would also wait for the next check to fail.
        next_check = try_again = steady::now() + config.check_interval;
    }
    catch (const std::exception&)  // then each is looked up by itself
    {
        ++failed_checks;
    }
}

// -- The `key-use` thread

void credentials::implementation::run_uses()
{
    name_this_thread("key-use");
    for (bool goes_on = true; goes_on;)
    {
        {
            std::unique_lock lock{queue_mutex};
            goes_on = !stopped.wait_for(lock, config.use_flush_interval, [&] { return stopping; });
        }
        flush_uses();
    }
}

// Also while nothing can be sent, so that calls stand in the quarter of an hour in which they were made.
void credentials::implementation::gather_uses()
{
    const std::shared_lock lock{table_mutex};
    for (const auto& [digest, known] : table)
    {
        const auto& whose = known->who ? known->who : known->gone;
        if (!whose || known->activity->calls == 0)
            continue;
        const auto calls = known->activity->calls.exchange(0);
        if (!uses.note({whose->tenant, whose->key, schema::moment{known->activity->last_used_us}, calls}))
            known->activity->calls += calls;
    }
}

void credentials::implementation::flush_uses()
{
    if (!keep_uses_of)
        return;
    gather_uses();
    try
    {
        while (const auto* sending = uses.next())
        {
            keep_uses_of(*sending);
            uses.kept();
        }
    }
    catch (const std::exception&)
    {
        // Sent again, the same as it is, at the next flush.
    }
}

// -- The `keys` thread again

// Keeps the table within its bound: those go that were not used for longest, a sixteenth at a time.
void credentials::implementation::make_room()
{
    const std::unique_lock lock{table_mutex};
    if (table.size() < config.keys_max)
        return;
    std::vector<steady::rep> used;
    for (const auto& [digest, known] : table)
        used.push_back(known->used);
    const auto nth = used.begin() + static_cast<std::ptrdiff_t>(used.size() / 16);
    std::nth_element(used.begin(), nth, used.end());
    const auto limit = *nth;
    std::erase_if(table, [&](const auto& one) { return one.second->used <= limit; });
}

// -- Any thread

credentials::answer credentials::implementation::answer_of(const known_key& known)
{
    answer said{known.who ? verdict::known : verdict::absent, known.who};
    said.gone = known.gone;
    said.why = known.key.it && known.key.it->archived_at ? accesses::reason::revoked : accesses::reason::member_removed;
    return said;
}

credentials::answer credentials::implementation::believed(const known_key& known, steady::time_point now) const
{
    const auto age = now.time_since_epoch() - steady::duration{known.checked.load()};
    if (!known.who)
        return age < config.absent_for ? answer_of(known) : answer{};
    const auto trust = store_is_away ? config.trust_without_store : config.trust_max;
    if (age > trust)
        return {verdict::unsure, nullptr};
    return {verdict::known, known.who};
}

credentials::credentials(credentials_config config, event_log::keyring& keys, const schema::clock& clock,
                         keep_uses keep)
    : self_(std::make_unique<implementation>(std::move(config), keys, clock, std::move(keep)))
{}

credentials::~credentials() { stop(); }

void credentials::start()
{
    self_->thread = std::thread{[self = self_.get()] { self->run(); }};
    self_->uses_thread = std::thread{[self = self_.get()] { self->run_uses(); }};
}

void credentials::stop()
{
    {
        const std::lock_guard lock{self_->queue_mutex};
        self_->stopping = true;
    }
    self_->queue_filled.notify_all();
    self_->stopped.notify_all();
    for (std::thread* each : {&self_->thread, &self_->uses_thread})
        if (each->joinable())
            each->join();
}

credentials::answer credentials::find(const std::string& digest, steady::time_point now)
{
    const std::shared_lock lock{self_->table_mutex};
    const auto known = self_->table.find(digest);
    if (known == self_->table.end())
        return {verdict::unsure, nullptr};
    auto said = self_->believed(*known->second, now);
    said.seen = known->second->who != nullptr;
    if (said.what == verdict::known)
        known->second->used.store(ticks(now), std::memory_order_relaxed);
    return said;
}

bool credentials::implementation::has_seen(const std::string& digest) const
{
    const std::shared_lock lock{table_mutex};
    const auto known = table.find(digest);
    return known != table.end() && known->second->who;
}

// False: there is no room, or no thread any more.
bool credentials::implementation::offer(const std::function<void(asked_of_thread&)>& put)
{
    const std::lock_guard lock{queue_mutex};
    if (stopping || waiting.size() >= config.lookups_waiting_max)
        return false;
    put(waiting);
    queue_filled.notify_one();
    return true;
}

void credentials::resolve(std::string digest, std::function<void(answer)> done)
{
    const bool seen = self_->has_seen(digest);
    const bool taken = self_->offer([&](asked_of_thread& waiting) {
        (seen ? waiting.seen : waiting.unseen).push_back({std::move(digest), std::move(done)});
    });
    if (!taken)
        done({verdict::unavailable, nullptr});
}

void credentials::learn_tenant(const schema::uuid& tenant, std::function<void(bool)> done)
{
    const bool taken = self_->offer([&](asked_of_thread& waiting) {
        waiting.tenants.push_back({tenant, std::move(done)});
    });
    if (!taken)
        done(false);
}

credentials::figures credentials::look() const
{
    const std::shared_lock lock{self_->table_mutex};
    return {self_->lookups, self_->failed_checks, self_->table.size()};
}
}  // namespace http
