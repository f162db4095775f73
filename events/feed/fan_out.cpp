#include "events/feed/fan_out.hpp"

#include "events/log/store.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <pthread.h>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace event_feed
{
namespace
{
using steady = std::chrono::steady_clock;

// What one tenant's followers share. Everything in it is guarded by the fan-out's mutex.
struct channel
{
    std::int32_t lane = 0;
    std::deque<shown> ring;  // ascending by seq
    std::size_t bytes = 0;
    bool is_open = false;   // by the `live` thread, between two batches; until then events pass it by
    std::int64_t from = 0;  // the ring holds every event after this one, up to the lane's place
    std::unordered_set<fan_out::follower*> followers;
    steady::time_point left_at{};  // by the last of them
};

std::size_t weight(const shown_event& one) { return one.text.size() + sizeof(shown_event); }
}  // namespace

class fan_out::follower
{
public:
    follower(std::shared_ptr<implementation> in, const uuid& tenant, std::int32_t lane, std::function<void()> woken)
        : in_(std::move(in)), tenant_(tenant), lane_(lane), woken_(std::move(woken))
    {}
    ~follower();

    const uuid& tenant() const { return tenant_; }
    std::int32_t lane() const { return lane_; }
    void wake() const { woken_(); }

    // Guarded by the fan-out's mutex.
    bool ready = false;
    bool is_current = false;  // the lane was read up to `head`
    std::int64_t head = 0;

private:
    const std::shared_ptr<implementation> in_;
    const uuid tenant_;
    const std::int32_t lane_;
    const std::function<void()> woken_;
};

struct fan_out::implementation
{
    implementation(fan_out_config with, parts of) : config(std::move(with)), given(std::move(of)) {}

    const fan_out_config config;
    const parts given;

    mutable std::mutex mutex;
    std::condition_variable changed;
    // Guarded by mutex.
    std::unordered_map<uuid, channel> channels;
    std::map<std::int32_t, std::int64_t> tails;  // lanes that are read, up to where
    std::string incarnation;
    std::uint64_t history = 1;
    std::size_t followers = 0;
    std::size_t joining = 0;  // followers that are not ready
    std::size_t ring_bytes = 0;
    std::uint64_t events_shown = 0;
    std::uint64_t failures = 0;
    bool stopping = false;

    std::thread thread;

    using wakes = std::vector<std::shared_ptr<follower>>;

    void run();
    bool wait_for_followers();
    void step();
    void notice_incarnation();
    void welcome();
    std::vector<position> places();
    void hand_on(std::vector<recorded> batch);
    void keep(channel&, shown);
    void drop_oldest(channel&);
    void forget_the_left();
    void leave(follower&);
    void fail(const std::string& why);
    wakes awake(const std::function<bool(follower&)>& whom) const;

    std::unordered_map<follower*, std::weak_ptr<follower>> known;  // guarded by mutex
};

fan_out::follower::~follower() { in_->leave(*this); }

void fan_out::implementation::leave(follower& who)
{
    const std::lock_guard lock{mutex};
    known.erase(&who);
    --followers;
    joining -= who.ready ? 0 : 1;
    const auto of = channels.find(who.tenant());
    if (of == channels.end())
        return;
    of->second.followers.erase(&who);
    of->second.left_at = steady::now();
}

// -- The `live` thread

void fan_out::implementation::run()
{
    ::pthread_setname_np(::pthread_self(), "live");
    while (wait_for_followers())
    {
        try
        {
            step();
        }
        catch (const std::exception& fault)
        {
            fail(fault.what());
        }
    }
}

// False: the end. A ring that is kept for those who come again is followed on.
bool fan_out::implementation::wait_for_followers()
{
    std::unique_lock lock{mutex};
    changed.wait(lock, [&] { return stopping || !channels.empty(); });
    return !stopping;
}

void fan_out::implementation::step()
{
    notice_incarnation();
    welcome();
    forget_the_left();
    const auto from = places();
    if (from.empty())
    {
        // Rings are kept for those who come again, and nobody follows: there is nothing to read until somebody comes.
        std::unique_lock lock{mutex};
        changed.wait_for(lock, config.again_after, [&] { return stopping || joining > 0; });
        return;
    }
    auto batch = given.from.read(from);
    if (batch.empty())
        return given.from.wait();
    hand_on(std::move(batch));
}

void fan_out::implementation::fail(const std::string& why)
{
    given.failed(why);
    try
    {
        if (given.relearn)
            given.relearn();
    }
    catch (const std::exception&)  // it is still away
    {}
    std::unique_lock lock{mutex};
    ++failures;
    changed.wait_for(lock, config.again_after, [&] { return stopping; });
}

// After a failover the old places mean nothing: everybody begins anew, from the end.
void fan_out::implementation::notice_incarnation()
{
    auto now = given.incarnation();
    const std::lock_guard lock{mutex};
    if (incarnation.empty())
        incarnation = now;
    if (incarnation == now)
        return;
    incarnation = std::move(now);
    ++history;
    tails.clear();
    ring_bytes = 0;
    joining = followers;
    for (auto& [tenant, each] : channels)
    {
        each.ring.clear();
        each.bytes = 0;
        each.is_open = false;
        for (follower* who : each.followers)
            who->ready = who->is_current = false;
    }
}

// Where the lanes of the newcomers end: one question for all of them.
void fan_out::implementation::welcome()
{
    std::vector<std::int32_t> lanes;
    wakes newcomers;
    {
        const std::lock_guard lock{mutex};
        if (joining == 0)
            return;
        newcomers = awake([](const follower& who) { return !who.ready; });
        for (const auto& who : newcomers)
            lanes.push_back(who->lane());
    }
    std::sort(lanes.begin(), lanes.end());
    lanes.erase(std::unique(lanes.begin(), lanes.end()), lanes.end());
    const auto ends = given.from.heads(lanes);
    {
        const std::lock_guard lock{mutex};
        for (const position& end : ends)
            tails.try_emplace(end.lane, end.seq);
        for (const auto& who : newcomers)
        {
            for (const position& end : ends)
                if (end.lane == who->lane())
                    who->head = end.seq;
            joining -= who->ready ? 0 : 1;
            who->ready = true;
            who->is_current = tails.at(who->lane()) >= who->head;
            auto& of = channels.at(who->tenant());
            if (!of.is_open)
                of.is_open = true, of.from = tails.at(of.lane);
        }
    }
    for (const auto& who : newcomers)
        who->wake();
}

std::vector<position> fan_out::implementation::places()
{
    std::vector<position> made;
    const std::lock_guard lock{mutex};
    for (const auto& [lane, at] : tails)
        made.push_back({lane, at});
    return made;
}

void fan_out::implementation::hand_on(std::vector<recorded> batch)
{
    std::vector<recorded> wanted;
    std::string now;
    {
        const std::lock_guard lock{mutex};
        now = incarnation;
        for (recorded& each : batch)
            if (const auto of = channels.find(each.stream.tenant); of != channels.end() && of->second.is_open)
                wanted.push_back(std::move(each));
    }
    std::vector<std::pair<uuid, shown>> made;
    {
        const auto prepared = wanted.empty() ? nullptr : given.as.prepare(wanted);
        for (const recorded& each : wanted)
            if (auto one = given.as.show(each, now))
                made.emplace_back(each.stream.tenant, std::move(one));
    }

    wakes woken;
    {
        const std::lock_guard lock{mutex};
        for (const recorded& each : batch)
            if (const auto of = tails.find(each.at.lane); of != tails.end())
                of->second = std::max(of->second, each.at.seq);
        std::unordered_set<uuid> touched;
        for (auto& [tenant, one] : made)
            if (const auto of = channels.find(tenant); of != channels.end())
            {
                touched.insert(tenant);
                keep(of->second, std::move(one));
            }
        events_shown += made.size();
        woken = awake([&](follower& who) {
            const auto lane = tails.find(who.lane());
            const bool arrives = who.ready && !who.is_current && lane != tails.end() && lane->second >= who.head;
            who.is_current = who.is_current || arrives;
            return arrives || touched.contains(who.tenant());
        });
    }
    for (const auto& who : woken)
        who->wake();
}

void fan_out::implementation::keep(channel& in, shown one)
{
    in.bytes += weight(*one);
    ring_bytes += weight(*one);
    in.ring.push_back(std::move(one));
    while (in.bytes > config.tenant_ring_bytes_max && in.ring.size() > 1)
        drop_oldest(in);
    while (ring_bytes > config.ring_bytes_max)
    {
        const auto largest = std::max_element(channels.begin(), channels.end(), [](const auto& a, const auto& b) {
            return a.second.bytes < b.second.bytes;
        });
        if (largest->second.ring.empty())
            return;
        drop_oldest(largest->second);
    }
}

void fan_out::implementation::drop_oldest(channel& in)
{
    const auto size = weight(*in.ring.front());
    in.from = in.ring.front()->seq;
    in.bytes -= size;
    ring_bytes -= size;
    in.ring.pop_front();
}

void fan_out::implementation::forget_the_left()
{
    const auto limit = steady::now() - config.ring_kept_for;
    const std::lock_guard lock{mutex};
    for (auto each = channels.begin(); each != channels.end();)
        if (each->second.followers.empty() && each->second.left_at < limit)
        {
            ring_bytes -= each->second.bytes;
            each = channels.erase(each);
        }
        else
            ++each;
    std::erase_if(tails, [&](const auto& lane) {
        return std::none_of(channels.begin(), channels.end(),
                            [&](const auto& each) { return each.second.lane == lane.first; });
    });
}

// Under the mutex.
fan_out::implementation::wakes fan_out::implementation::awake(const std::function<bool(follower&)>& whom) const
{
    wakes made;
    for (const auto& [who, held] : known)
        if (whom(*who))
            if (auto still = held.lock())
                made.push_back(std::move(still));
    return made;
}

// -- Any thread

fan_out::fan_out(fan_out_config config, parts given)
    : self_(std::make_shared<implementation>(std::move(config), std::move(given)))
{}

fan_out::~fan_out() { stop(); }

void fan_out::start()
{
    self_->thread = std::thread{[self = self_.get()] { self->run(); }};
}

void fan_out::stop()
{
    {
        const std::lock_guard lock{self_->mutex};
        self_->stopping = true;
    }
    self_->changed.notify_all();
    self_->given.from.wake();
    if (self_->thread.joinable())
        self_->thread.join();
}

std::shared_ptr<fan_out::follower> fan_out::follow(const uuid& tenant, std::int32_t lane, std::function<void()> woken)
{
    auto made = std::make_shared<follower>(self_, tenant, lane, std::move(woken));
    {
        const std::lock_guard lock{self_->mutex};
        auto& of = self_->channels[tenant];
        of.lane = lane;
        of.followers.insert(made.get());
        self_->known.emplace(made.get(), made);
        ++self_->followers;
        ++self_->joining;
    }
    self_->changed.notify_all();
    self_->given.from.wake();
    return made;
}

fan_out::look fan_out::at(const follower& who, std::int64_t after, std::size_t events_max, std::size_t bytes_max) const
{
    look made;
    const std::lock_guard lock{self_->mutex};
    made.history = self_->history;
    made.incarnation = self_->incarnation;
    made.ready = who.ready;
    made.head = who.head;
    made.is_current = who.is_current;
    const auto& of = self_->channels.at(who.tenant());
    const auto lane = self_->tails.find(who.lane());
    if (!who.ready || lane == self_->tails.end())
        return made.ready = false, made;
    made.ring_from = of.from;
    made.behind = after < of.from;
    made.up_to = after;
    if (made.behind)
        return made;
    const auto first = std::upper_bound(of.ring.begin(), of.ring.end(), after,
                                        [](std::int64_t seq, const shown& one) { return seq < one->seq; });
    std::size_t bytes = 0;
    for (auto each = first; each != of.ring.end(); ++each)
    {
        bytes += (*each)->text.size();
        if (made.events.size() == events_max || (bytes > bytes_max && !made.events.empty()))
            return made;
        made.events.push_back(*each);
        made.up_to = (*each)->seq;
    }
    made.up_to = std::max(after, lane->second);
    return made;
}

fan_out::figures fan_out::take_figures() const
{
    const std::lock_guard lock{self_->mutex};
    return {self_->followers, self_->channels.size(), self_->ring_bytes, self_->events_shown, self_->failures};
}
}  // namespace event_feed
