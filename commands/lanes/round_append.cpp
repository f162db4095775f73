// The second half of a round: write, append, and answer by the verdicts.
#include "commands/lanes/part_writing.hpp"
#include "commands/lanes/refusals.hpp"
#include "commands/lanes/round.hpp"
#include "schemas/assertion.hpp"
#include "schemas/fault_point.hpp"

#include <algorithm>
#include <chrono>
#include <exception>

namespace lanes
{
void round::append()
{
    std::vector<event_log::command_part> parts = write_parts();
    for (entry& each : entries_)
    {
        const bool is_decided = each.at == entry::course::accepted || each.at == entry::course::refused;
        if (is_decided && each.part == entry::no_part)
            confirm(each, {each.lane, 0});  // it rests on nothing and changes nothing
    }
    if (!parts.empty())
        append_parts(std::move(parts));
}

std::vector<event_log::command_part> round::write_parts()
{
    std::vector<event_log::command_part> parts;
    std::vector<subject_ref> lacking;
    std::vector<entry*> again;
    parts.reserve(entries_.size());
    for (entry& each : entries_)
    {
        if (!has_part(each))
            continue;
        const std::size_t before = lacking.size();
        write_part(each, parts, lacking);
        if (lacking.size() > before)
            again.push_back(&each);
    }
    if (!again.empty())
        write_again(again, parts, lacking);
    return parts;
}

void round::write_part(entry& e, std::vector<event_log::command_part>& parts, std::vector<subject_ref>& lacking)
{
    try
    {
        parts.push_back(part_writer(keys_).write(e, lacking));
        e.part = parts.size() - 1;
    }
    catch (const std::exception& fault)
    {
        break_off(e, fault.what());
    }
}

void round::write_again(std::span<entry* const> again, std::vector<event_log::command_part>& parts,
                        std::vector<subject_ref>& lacking)
{
    std::sort(lacking.begin(), lacking.end());
    lacking.erase(std::unique(lacking.begin(), lacking.end()), lacking.end());
    keys_.learn_or_make(lacking, bench_.store);
    lacking.clear();
    for (entry* each : again)
        parts[each->part] = part_writer(keys_).write(*each, lacking);
    CF_ASSERT(lacking.empty());
}

void round::append_parts(std::vector<event_log::command_part> parts)
{
    const event_log::round appended{bench_.ids.next(now_us_), std::move(parts)};
    FAULT_POINT("lanes.before_append");
    appending_ = true;
    const auto began = std::chrono::steady_clock::now();
    const std::vector<event_log::verdict> verdicts = bench_.store.append(appended);
    appended_ = true;
    bench_.counts.append_took(std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
    CF_ASSERT(verdicts.size() == appended.commands.size());
    FAULT_POINT("lanes.after_append");

    wake_feeds(appended, verdicts);
    for (entry& each : entries_)
        if (each.part != entry::no_part)
            judge(each, verdicts[each.part]);
    appending_ = false;
}

void round::wake_feeds(const event_log::round& appended, std::span<const event_log::verdict> verdicts)
{
    std::set<std::int32_t> lanes;
    for (std::size_t i = 0; i < verdicts.size(); ++i)
    {
        const event_log::command_part& part = appended.commands[i];
        if (verdicts[i].kind != event_log::verdict_kind::appended)
            continue;
        bench_.counts.events += part.events.size();
        if (!part.events.empty())
            lanes.insert(part.lane);
        for (const event_log::subject_key& key : part.subject_keys)
            bench_.keys.learn_subject(key);
        if (part.tenant_born)
            bench_.tenants.learn(part.tenant, part.lane);
    }
    if (bench_.appended)
        for (const std::int32_t lane : lanes)
            bench_.appended(lane);
}

// -- Answering.

void round::judge(entry& e, const event_log::verdict& verdict)
{
    FAULT_POINT("lanes.answer");
    switch (verdict.kind)
    {
    case event_log::verdict_kind::appended:
        confirmed_.push_back(&e);
        e.is_in_log = e.at == entry::course::accepted;
        return confirm(e, verdict.last);
    case event_log::verdict_kind::receipt_exists:
        e.what->load_first = true;
        return carry(e);
    case event_log::verdict_kind::head_moved:
    case event_log::verdict_kind::group_refused:
        return retry_moved(e);
    case event_log::verdict_kind::claim_taken:
    case event_log::verdict_kind::quota_over:
    case event_log::verdict_kind::quota_under:
        return close(
            e, refused_with(bench_.config.refusal_for ? bench_.config.refusal_for(verdict) : refusal_for(verdict)));
    }
}

void round::confirm(entry& e, const event_log::position& at)
{
    if (!*e.choice)
    {
        answer a = refused_with(std::move(e.choice->error()));
        a.at = at;
        return close(e, std::move(a));
    }
    const decision& choice = **e.choice;
    answer a;
    a.was_applied = applied::yes;
    a.status = choice.status;
    a.replayed = choice.replayed;
    a.version = e.shown.at.version;
    a.at = at;
    if (choice.shown_as && e.shown.state)
        a.item = choice.shown_as->render(e.shown.state.get());
    close(e, std::move(a));
}

void round::retry_moved(entry& e)
{
    for (const sighting& each : e.looked)
        bench_.cache.drop(each.stream);
    // What was built on a refused neighbour, or on the guess that a stream is unborn, has lost no race.
    if (!e.assumed_unborn && !rests_on_refused(e))
    {
        ++bench_.counts.conflicts;
        if (++e.what->lost_races >= bench_.config.attempts_max)
            return close(e, refused_with(lost_races()));
    }
    e.what->load_first = true;
    carry(e);
}

bool round::rests_on_refused(const entry& e) const
{
    return std::any_of(e.looked.begin(), e.looked.end(), [&](const sighting& each) {
        const auto maker = made_by_.find(each.was.at.last_event_id);
        return maker != made_by_.end() && !maker->second->is_in_log;
    });
}

void round::keep_confirmed()
{
    for (const entry* each : confirmed_)
    {
        for (const sighting& looked : each->looked)
            if (!looked.was.is_unborn())
                bench_.cache.put(looked.stream, looked.was);
        for (const moved& stream : each->moves)
            bench_.cache.put(stream.stream, stream.now);
    }
}
}  // namespace lanes
