#include "http/server/refused_access.hpp"

#include "commands/access.hpp"
#include "http/server/thread_name.hpp"

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

namespace http
{
namespace
{
using steady = std::chrono::steady_clock;

// What is summed in one fact. The key is nil in the sum of those that are not told by themselves.
struct bucket
{
    std::int64_t window = 0;  // when it began
    schema::uuid tenant;
    std::string code;
    accesses::key_id key;
    friend auto operator<=>(const bucket&, const bucket&) = default;
};

struct tally
{
    refusal_seen last;
    std::int64_t count = 0;
};

// A fact on its way.
struct telling
{
    accesses::note what;
    refusal_seen last;
    steady::time_point since{};
    bool is_under_way = false;
};
}  // namespace

struct refused_access::implementation
{
    implementation(refused_access_config with, const schema::clock& by, submit to)
        : config(with), clock(by), submit_to(std::move(to))
    {}

    const refused_access_config config;
    const schema::clock& clock;
    const submit submit_to;

    mutable std::mutex mutex;
    std::condition_variable changed;
    std::map<bucket, tally> counted;                                                     // guarded by mutex
    std::map<std::tuple<std::int64_t, schema::uuid, std::string>, std::size_t> keys_in;  // guarded by mutex
    std::map<schema::uuid, telling> to_tell;  // guarded by mutex; by the fact's id
    figures sums;                             // guarded by mutex
    bool stopping = false;                    // guarded by mutex
    schema::uuid_source ids;                  // the thread's own
    std::thread thread;

    std::int64_t window_of(schema::moment at) const
    {
        const auto us = std::chrono::microseconds{config.window}.count();
        return at.us / us * us;
    }
    void count(const refusal_seen&);
    void close_windows(std::int64_t before);
    void give_up_old();
    std::vector<telling> take_waiting();
    void answered(const schema::uuid& id, const lanes::answer&);
    bool has_room() const { return counted.size() + to_tell.size() < config.entries_max; }
};

void refused_access::implementation::count(const refusal_seen& seen)
{
    const std::lock_guard lock{mutex};
    ++sums.counted;
    bucket in{window_of(seen.at), seen.tenant, seen.code, seen.key};
    auto found = counted.find(in);
    if (found == counted.end())
    {
        auto& keys = keys_in[{in.window, in.tenant, in.code}];
        if (keys >= config.keys_told_max)
            in.key = {};
        found = counted.find(in);
        if (found == counted.end())
        {
            if (!has_room())
            {
                ++sums.lost;
                return;
            }
            ++keys;
            found = counted.emplace(in, tally{}).first;
            changed.notify_one();
        }
    }
    tally& sum = found->second;
    ++sum.count;
    const bool is_mixed = in.key.is_nil() && sum.count > 1 && sum.last.why != seen.why;
    sum.last = seen;
    if (is_mixed)
        sum.last.why = accesses::reason::several;
}

// Under the mutex, on the thread. What was counted in windows that are over becomes facts.
void refused_access::implementation::close_windows(std::int64_t before)
{
    for (auto each = counted.begin(); each != counted.end() && each->first.window < before;)
    {
        const auto& [in, sum] = *each;
        telling made;
        made.what.id = {ids.next(clock.now().us)};
        if (!in.key.is_nil())
        {
            made.what.key_id = in.key;
            if (sum.last.member)
                made.what.member_id = accesses::member_id{*sum.last.member};
            made.what.route = sum.last.route;
        }
        made.what.code = in.code;
        made.what.reason = sum.last.why;
        made.what.count = sum.count;
        made.what.minute = schema::moment{in.window};
        made.last = sum.last;
        made.since = steady::now();
        to_tell.emplace(made.what.id.value, std::move(made));
        each = counted.erase(each);
    }
    keys_in.erase(keys_in.begin(), keys_in.lower_bound({before, schema::uuid{}, std::string{}}));
}

void refused_access::implementation::give_up_old()
{
    const auto oldest = steady::now() - config.kept_max;
    std::erase_if(to_tell, [&](const auto& each) {
        const bool is_old = !each.second.is_under_way && each.second.since < oldest;
        sums.lost += is_old ? static_cast<std::uint64_t>(each.second.what.count) : 0;
        return is_old;
    });
}

std::vector<telling> refused_access::implementation::take_waiting()
{
    std::vector<telling> found;
    for (auto& [_, each] : to_tell)
        if (!std::exchange(each.is_under_way, true))
            found.push_back(each);
    return found;
}

// On a writer's thread. What was decided is told; what could not be is tried again.
void refused_access::implementation::answered(const schema::uuid& id, const lanes::answer& said)
{
    const std::lock_guard lock{mutex};
    const auto found = to_tell.find(id);
    if (found == to_tell.end())
        return;
    const bool is_later =
        said.unavailable || said.broken || (said.refused && said.refused->kind == lanes::refusal_kind::busy);
    if (is_later)
        found->second.is_under_way = false;
    else
    {
        said.refused ? sums.lost += static_cast<std::uint64_t>(found->second.what.count) : ++sums.told;
        to_tell.erase(found);
    }
    changed.notify_one();
}

namespace
{
// In the name of whoever was refused, so that it stands among what they did.
event_log::actor actor_of(const accesses::note& what)
{
    if (what.member_id)
        return {event_log::actor_type::member, what.member_id->text()};
    if (what.key_id)
        return {event_log::actor_type::key, what.key_id->text()};
    return {};
}

lanes::submission command_of(const telling& one, const schema::clock& clock, std::chrono::milliseconds time_max)
{
    lanes::submission asked;
    asked.tenant = asked.from.tenant = one.last.tenant;
    asked.from.by = {event_log::actor_type::system, ""};
    asked.from.now = clock.now();
    asked.from.occurred_at = one.last.at;
    asked.meta.by = actor_of(one.what);
    asked.meta.occurred_at = one.last.at;
    if (one.what.key_id)  // a sum has no sender
    {
        asked.from.member = one.last.member;
        asked.meta.request_id = one.last.request_id;
        asked.meta.ip = one.last.ip;
        asked.meta.user_agent = one.last.agent;
    }
    asked.decide = [what = accesses::command{one.what}, from = asked.from](lanes::view& sight) {
        return accesses::handle(what, sight, from);
    };
    asked.shown_as = &lanes::aggregate_of<accesses::state>();
    asked.deadline = steady::now() + time_max;
    return asked;
}
}  // namespace

refused_access::refused_access(refused_access_config config, const schema::clock& clock, submit to)
    : self_(std::make_shared<implementation>(config, clock, std::move(to)))
{}

refused_access::~refused_access() { stop(); }

void refused_access::count(const refusal_seen& seen) { self_->count(seen); }

refused_access::figures refused_access::look() const
{
    const std::lock_guard lock{self_->mutex};
    return self_->sums;
}

void refused_access::start()
{
    self_->thread = std::thread{[self = self_] {
        name_this_thread("refusals");
        const auto beat = std::min(self->config.window / 4, std::chrono::milliseconds{1'000});
        std::unique_lock lock{self->mutex};
        while (!self->stopping)
        {
            self->close_windows(self->window_of(self->clock.now()));
            self->give_up_old();
            const auto waiting = self->take_waiting();
            lock.unlock();
            for (const telling& each : waiting)
                self->submit_to(
                    command_of(each, self->clock, self->config.command_time_max),
                    [self, id = each.what.id.value](const lanes::answer& said) { self->answered(id, said); });
            lock.lock();
            const bool is_idle = self->counted.empty() && self->to_tell.empty();
            const auto stops = [&] { return self->stopping; };
            if (is_idle)
                self->changed.wait(lock, [&] { return self->stopping || !self->counted.empty(); });
            else
                self->changed.wait_for(lock, beat, stops);
        }
    }};
}

void refused_access::stop()
{
    implementation& self = *self_;
    {
        const std::lock_guard lock{self.mutex};
        if (std::exchange(self.stopping, true) || !self.thread.joinable())
            return;
        self.changed.notify_all();
    }
    self.thread.join();
    std::unique_lock lock{self.mutex};
    self.close_windows(INT64_MAX);
    const auto waiting = self.take_waiting();
    lock.unlock();
    for (const telling& each : waiting)
        self.submit_to(
            command_of(each, self.clock, self.config.stop_time_max),
            [self = self_, id = each.what.id.value](const lanes::answer& said) { self->answered(id, said); });
    lock.lock();
    self.changed.wait_for(lock, self.config.stop_time_max, [&] {
        return std::ranges::none_of(self.to_tell, [](const auto& each) { return each.second.is_under_way; });
    });
}
}  // namespace http
