#include "commands/lanes/loading.hpp"

#include "events/log/meta.hpp"
#include "events/log/upcast.hpp"
#include "schemas/sealing.hpp"

#include <algorithm>
#include <exception>
#include <map>
#include <memory>
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
}  // namespace

loader::found loader::load(std::span<const stream_wanted> streams, std::span<const event_log::receipt_ask> receipts)
{
    std::vector<event_log::stream_ask> asks;
    asks.reserve(streams.size());
    for (const stream_wanted& wanted : streams)
        asks.push_back({wanted.stream.key(), 0, wanted.up_to_version});

    auto read = store_->load(asks, receipts);
    fetch_keys(read.streams);

    found result;
    result.receipts = std::move(read.receipts);
    result.streams.reserve(streams.size());
    for (std::size_t i = 0; i < streams.size(); ++i)
    {
        try
        {
            result.streams.push_back(fold(streams[i].stream, read.streams[i]));
        }
        catch (const std::exception& fault)
        {
            result.fault = fault.what();
            result.streams.push_back({{nullptr, {}, true}, {}});
        }
    }
    return result;
}

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

void loader::learn_keys(std::span<const event_log::recorded> events)
{
    if (events.empty())
        return;
    const uuid& tenant = events.front().stream.tenant;
    learn_tenant(tenant);
    std::vector<uuid> unknown;
    for (const uuid& subject : event_log::subjects_in(events))
        if (!keys_->knows_subject(tenant, subject))
            unknown.push_back(subject);
    if (!unknown.empty())
        learn_subjects(tenant, std::move(unknown));
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

void loader::walk(const stream_wanted& wanted, const std::function<bool(const step&)>& visit)
{
    constexpr std::int64_t window = 500;  // events
    learn_tenant(wanted.stream.tenant);
    std::shared_ptr<const void> state = wanted.stream.type->initial();
    std::int64_t version = 0;
    for (bool goes_on = true; goes_on && version < wanted.up_to_version;)
    {
        const auto last = wanted.up_to_version - version > window ? version + window : wanted.up_to_version;
        const event_log::stream_ask ask{wanted.stream.key(), version, last};
        const auto read = store_->load({&ask, 1}, {});
        fetch_keys(read.streams);
        const auto& events = read.streams.front();
        for (auto event = events.begin(); event != events.end() && goes_on; ++event)
            state = evolve(wanted.stream, state, ++version, *event, &visit, goes_on);
        goes_on = goes_on && version == last;
    }
}

std::shared_ptr<const void> loader::evolve(const stream_ref& stream, const std::shared_ptr<const void>& state,
                                           std::int64_t version, const event_log::recorded& event,
                                           const std::function<bool(const step&)>* visit, bool& goes_on) const
{
    if (event.version != version)
        throw std::runtime_error{"a stream lacks its version " + std::to_string(version)};
    std::unique_ptr<schema::opener> opener;
    if (holds_sealed(event))
        opener = keys_->opener_for(stream.tenant, event.event_id);
    event_log::recorded room;
    const event_log::recorded& newest = event_log::newest_shape(event, room);
    auto next = stream.type->evolve_recorded(state.get(), newest, event_log::stamp_of(event), opener.get());
    if (visit)
        goes_on = (*visit)({*stream.type, event, newest, opener.get(), version > 1 ? state : nullptr, next});
    return next;
}

loaded_stream loader::fold(const stream_ref& stream, std::span<const event_log::recorded> events) const
{
    loaded_stream result;
    if (events.empty())
        return result;
    std::shared_ptr<const void> state = stream.type->initial();
    std::int64_t version = 0;
    bool goes_on = true;
    for (const event_log::recorded& event : events)
        state = evolve(stream, state, ++version, event, nullptr, goes_on);
    const event_log::recorded& last = events.back();
    result.now = {std::move(state), {last.version, last.event_id}, false};
    result.last = last.at;
    return result;
}
}  // namespace lanes
