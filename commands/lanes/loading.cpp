#include "commands/lanes/loading.hpp"

#include "commands/lanes/snapshot_taker.hpp"
#include "events/log/meta.hpp"
#include "events/log/upcast.hpp"
#include "schemas/sealing.hpp"

#include <algorithm>
#include <exception>
#include <map>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <string>
#include <utility>

namespace lanes
{
namespace
{
bool holds_sealed(const event_log::recorded& event) { return event.data.find("\"$sealed\"") != std::string::npos; }

// A damaged key stays unlearned: it fails the streams that need it, when they are folded.
void learn_if_whole(event_log::keyring& keys, const event_log::subject_key& key)
{
    try
    {
        keys.learn_subject(key);
    }
    catch (const std::runtime_error&)
    {}
}

// Hands on, and notes whose values came out of the log in clear.
class noting_opener final : public schema::opener
{
public:
    noting_opener(std::unique_ptr<schema::opener> behind, std::vector<uuid>& subjects)
        : behind_(std::move(behind)), subjects_(subjects)
    {}

    std::optional<std::string> open(const schema::sealed_value& value, std::string_view pointer) override
    {
        auto clear = behind_->open(value, pointer);
        const auto place = std::lower_bound(subjects_.begin(), subjects_.end(), value.subject);
        if (clear && (place == subjects_.end() || *place != value.subject))
            subjects_.insert(place, value.subject);
        return clear;
    }

private:
    std::unique_ptr<schema::opener> behind_;
    std::vector<uuid>& subjects_;
};

// The events of one window. A snapshot's own last event is read again, to see that it is the log's.
event_log::stream_ask ask_behind(const stream_wanted& wanted, const folded& now)
{
    const std::int64_t after = now.is_unproven ? now.at.version - 1 : now.at.version;
    const std::int64_t left = wanted.up_to_version - after;
    return {wanted.stream.key(), after, left > loader::window ? after + loader::window : wanted.up_to_version};
}

loaded_stream found_as(const folded& now)
{
    if (now.at.version == 0)
        return {};
    return {{now.state, now.at, false}, now.last};
}
}  // namespace

loader::found loader::load(std::span<const stream_wanted> streams, std::span<const event_log::receipt_ask> receipts)
{
    const auto held = keys_->hold();
    std::vector<folded> so_far = bases(streams);
    found result;
    result.streams.resize(streams.size());
    std::vector<std::size_t> open(streams.size());
    std::iota(open.begin(), open.end(), 0);
    do
    {
        std::vector<event_log::stream_ask> asks;
        for (const std::size_t i : open)
            asks.push_back(ask_behind(streams[i], so_far[i]));
        auto read = store_->load(asks, receipts);
        fetch_keys(read.streams);
        if (!receipts.empty())
            result.receipts = std::move(read.receipts);
        receipts = {};

        std::vector<std::size_t> more;
        for (std::size_t nth = 0; nth < open.size(); ++nth)
            try
            {
                const std::size_t i = open[nth];
                if (advance(streams[i], so_far[i], read.streams[nth], nullptr))
                    more.push_back(i);
                else
                    result.streams[i] = found_as(so_far[i]);
            }
            catch (const std::exception& fault)
            {
                result.fault = fault.what();
                result.streams[open[nth]] = {{nullptr, {}, true}, {}};
            }
        open = std::move(more);
    } while (!open.empty());
    return result;
}

// -- What to begin with.

std::vector<folded> loader::bases(std::span<const stream_wanted> streams)
{
    std::vector<folded> made(streams.size());
    for (std::size_t i = 0; i < streams.size(); ++i)
        made[i] = base(streams[i].stream, streams[i].up_to_version);
    return made;
}

folded loader::base(const stream_ref& stream, std::int64_t version_max)
{
    return open(stream, kept_.newest(stream, version_max));
}

// Both times only grow from one snapshot of a stream to the next, so the newest that is early enough is found by
// halves: all up to `early` are, none from `late` on.
folded loader::base(const time_wanted& wanted)
{
    auto newest = kept_.newest(wanted.stream, std::numeric_limits<std::int64_t>::max());
    const auto is_early = [&](const event_log::snapshot& each) {
        return (wanted.by_occurrence ? each.occurred_max : each.recorded_at) <= wanted.at;
    };
    if (!newest || is_early(*newest))
        return open(wanted.stream, newest);
    std::optional<event_log::snapshot> best;
    std::int64_t early = 0, late = newest->at.version;
    while (late - early > 1)
    {
        const std::int64_t middle = early + (late - early) / 2;
        auto next = kept_.newest(wanted.stream, middle);
        if (!next || next->at.version <= early)
            early = middle;
        else if (is_early(*next))
        {
            early = middle;
            best = std::move(next);
        }
        else
            late = next->at.version;
    }
    return open(wanted.stream, best);
}

folded loader::open(const stream_ref& stream, const std::optional<event_log::snapshot>& kept)
{
    if (!kept)
        return {};
    fetch_keys(stream.tenant, kept->subjects);
    return kept_.open(stream, *kept).value_or(folded{});
}

// -- Keys.

void loader::fetch_keys(std::span<const std::vector<event_log::recorded>> streams)
{
    std::map<uuid, std::vector<uuid>> unknown;
    for (const auto& events : streams)
    {
        if (std::none_of(events.begin(), events.end(), holds_sealed))
            continue;
        const uuid& tenant = events.front().stream.tenant;
        for (const uuid& subject : event_log::subjects_in(events))
            if (!keys_->knows_subject(tenant, subject))
                unknown[tenant].push_back(subject);
    }
    for (auto& [tenant, subjects] : unknown)
        learn_subjects(tenant, std::move(subjects));
}

void loader::fetch_keys(const uuid& tenant, std::span<const uuid> subjects)
{
    std::vector<uuid> unknown;
    for (const uuid& subject : subjects)
        if (!keys_->knows_subject(tenant, subject))
            unknown.push_back(subject);
    if (!unknown.empty())
        learn_subjects(tenant, std::move(unknown));
}

void loader::learn_subjects(const uuid& tenant, std::vector<uuid> unknown)
{
    std::sort(unknown.begin(), unknown.end());
    unknown.erase(std::unique(unknown.begin(), unknown.end()), unknown.end());
    for (const auto& key : store_->subject_keys(tenant, unknown))
    {
        std::erase(unknown, key.subject);
        learn_if_whole(*keys_, key);
    }
    for (const uuid& gone : unknown)
        keys_->learn_absent(tenant, gone);
}

event_log::keyring::held loader::learn_keys(std::span<const event_log::recorded> events)
{
    auto held = keys_->hold();
    if (events.empty())
        return held;
    const uuid& tenant = events.front().stream.tenant;
    learn_tenant(tenant);
    fetch_keys(tenant, event_log::subjects_in(events));
    return held;
}

std::unique_ptr<schema::opener> loader::opener_for(const event_log::recorded& event) const
{
    return keys_->opener_for(event.stream.tenant, event.event_id);
}

// Its key may have been forgotten by the keyring, which holds so many.
void loader::learn_tenant(const uuid& tenant)
{
    if (keys_->knows_tenant(tenant))
        return;
    if (const auto known = store_->find_tenant(tenant))
        keys_->learn_tenant({known->tenant, known->lane, known->wrapped_key});
}

// -- Through a stream.

void loader::walk(const stream_wanted& wanted, const std::function<bool(const step&)>& visit)
{
    const auto held = keys_->hold();
    learn_tenant(wanted.stream.tenant);
    folded now = base(wanted.stream, std::min(wanted.after_version, wanted.up_to_version));
    const visitor behind = [&](const step& each) {
        return each.happened.version <= wanted.after_version || visit(each);
    };
    walk_on(wanted, now, &behind);
}

standing loader::at_version(const stream_ref& stream, std::int64_t version)
{
    const auto held = keys_->hold();
    learn_tenant(stream.tenant);
    folded now = base(stream, version);
    walk_on({stream, version}, now, nullptr);
    return now.at.version == version ? found_as(now).now : standing{};
}

standing loader::at_time(const time_wanted& wanted)
{
    const auto held = keys_->hold();
    learn_tenant(wanted.stream.tenant);
    folded now = base(wanted);
    standing stood = found_as(now).now;
    const visitor seek = [&](const step& each) {
        const bool is_first = each.happened.version == 1;
        const auto when =
            wanted.by_occurrence ? event_log::stamp_of(each.happened).occurred_at : each.happened.recorded_at;
        const bool is_early = when <= wanted.at;
        if (is_early)
            stood = {each.after, {each.happened.version, each.happened.event_id}, false};
        else if (is_first)
            stood = {};  // what it began with was not of this log
        return is_early || wanted.by_occurrence;
    };
    walk_on({wanted.stream}, now, &seek);
    return now.at.version == 0 ? standing{} : stood;
}

void loader::walk_on(const stream_wanted& wanted, folded& now, const visitor* visit)
{
    for (bool goes_on = true; goes_on;)
    {
        const event_log::stream_ask ask = ask_behind(wanted, now);
        const auto read = store_->load({&ask, 1}, {});
        fetch_keys(read.streams);
        goes_on = advance(wanted, now, read.streams.front(), visit);
    }
}

bool loader::advance(const stream_wanted& wanted, folded& now, std::span<const event_log::recorded> events,
                     const visitor* visit) const
{
    const bool is_full = static_cast<std::int64_t>(events.size()) == window;
    if (!is_proven(wanted.stream, now, events))
        return true;
    for (const event_log::recorded& event : events)
        if (!evolve(wanted.stream, now, event, visit))
            return false;
    return is_full && now.at.version < wanted.up_to_version;
}

// False: what was begun with is not of this log, and the stream is folded from its first event.
bool loader::is_proven(const stream_ref& stream, folded& now, std::span<const event_log::recorded>& events) const
{
    if (!now.is_unproven)
        return true;
    if (events.empty() || events.front().version != now.at.version || events.front().event_id != now.at.last_event_id)
    {
        kept_.refute(stream);
        now = {};
        return false;
    }
    kept_.count_used();
    now.is_unproven = false;
    now.last = events.front().at;
    events = events.subspan(1);
    return true;
}

bool loader::evolve(const stream_ref& stream, folded& now, const event_log::recorded& event, const visitor* visit) const
{
    const std::int64_t version = now.at.version + 1;
    if (event.version != version)
        throw std::runtime_error{"a stream lacks its version " + std::to_string(version)};
    std::unique_ptr<schema::opener> opener;
    if (holds_sealed(event))
        opener = std::make_unique<noting_opener>(keys_->opener_for(stream.tenant, event.event_id), now.subjects);
    event_log::recorded room;
    const event_log::recorded& newest = event_log::newest_shape(event, room);
    const auto before = now.state ? now.state : stream.type->initial();
    const auto stamp = event_log::stamp_of(event);
    now.state = stream.type->evolve_recorded(before.get(), newest, stamp, opener.get());
    now.at = {version, event.event_id};
    now.last = event.at;
    now.recorded_at = event.recorded_at;
    now.occurred_max = version == 1 ? stamp.occurred_at : std::max(now.occurred_max, stamp.occurred_at);
    if (taker_)
        taker_->moved(stream, version - 1, version);
    else
        kept_.keep(stream, now);
    return !visit || (*visit)({*stream.type, event, newest, opener.get(), version > 1 ? before : nullptr, now.state});
}
}  // namespace lanes
