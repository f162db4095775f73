// The second half of a round: write, append, and answer by the verdicts.
#include "commands/lanes/part_writing.hpp"
#include "commands/lanes/refusals.hpp"
#include "commands/lanes/round.hpp"
#include "schemas/assertion.hpp"
#include "schemas/fault_point.hpp"
#include "schemas/json_writer.hpp"
#include "schemas/record.hpp"

#include <algorithm>
#include <chrono>
#include <exception>

namespace lanes
{
namespace
{
// As the asker may see them: with personal values in clear.
std::string events_of(const entry& e)
{
    std::string text = "[";
    for (const placed& each : e.facts)
    {
        text += text.size() > 1 ? "," : "";
        schema::json_writer json(text);
        json.begin_object().member("type", each.what->type->name).key("version").integer(each.version).key("data");
        std::string data;
        schema::write_json(*each.what->type, each.what->alternative.get(), data);
        json.raw(data).end_object();
    }
    return text += ']';
}
}  // namespace

void round::write_parts()
{
    std::vector<subject_ref> lacking;
    std::vector<entry*> again;
    for (entry& each : entries_)
    {
        if (each.written || !has_part(each))
            continue;
        const std::size_t before = lacking.size();
        write_part(each, lacking);
        if (lacking.size() > before)
            again.push_back(&each);
    }
    if (!again.empty())
        write_again(again, lacking);
}

void round::write_part(entry& e, std::vector<subject_ref>& lacking)
{
    try
    {
        e.written = part_writer(keys_).write(e, lacking);
        e.written->group = e.at == entry::course::accepted ? e.group : 0;
    }
    catch (const std::exception& fault)
    {
        break_off(e, fault.what());
    }
}

void round::write_again(std::span<entry* const> again, std::vector<subject_ref>& lacking)
{
    std::sort(lacking.begin(), lacking.end());
    lacking.erase(std::unique(lacking.begin(), lacking.end()), lacking.end());
    keys_.learn_or_make(lacking, loads_);
    lacking.clear();
    for (entry* each : again)
        write_part(*each, lacking);
    CF_ASSERT(lacking.empty());
}

void round::depart()
{
    sent_.id = bench_.ids.next(now_us_);
    for (const entry& each : entries_)
        if (each.at == entry::course::accepted)
            for (const moved& stream : each.moves)
                if (bench_.in_flight.insert(stream.stream).second)
                    moving_.push_back(stream.stream);
}

void round::append()
{
    guarded([&] {
        sent_.commands = collect_parts();
        if (sent_.commands.empty())
            return;
        if (is_rehearsal_)
            verdicts_ = {appends_.rehearse(sent_.commands.front())};
        else
            append_parts();
        take_verdicts();
        if (!is_rehearsal_)
            wake_feeds();
    });
}

void round::append_parts()
{
    FAULT_POINT("lanes.before_append");
    appending_ = true;
    const auto began = std::chrono::steady_clock::now();
    verdicts_ = appends_.append(sent_);
    appended_ = true;
    bench_.counts.append_took(std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
    CF_ASSERT(verdicts_.size() == sent_.commands.size());
    FAULT_POINT("lanes.after_append");
}

// The last moment at which a deadline means that nothing happened: what the watch has answered by now stays out. What
// was built on it is refused by the store, because the event ids differ.
std::vector<event_log::command_part> round::collect_parts()
{
    std::vector<event_log::command_part> parts;
    parts.reserve(entries_.size());
    const pending* asked = nullptr;  // whose commands stand here; a batch is pinned once, or half of it might go
    bool is_ours = false;
    for (entry& each : entries_)
    {
        if (each.at != entry::course::accepted && each.at != entry::course::refused)
            continue;
        if (each.what.get() != asked)
            is_ours = is_rehearsal_ || each.what->pin();
        asked = each.what.get();
        if (!is_ours)
        {
            each.at = entry::course::done;
            continue;
        }
        each.what->alone = false;
        if (!each.written)
            continue;
        each.part = parts.size();
        each.is_appended = true;
        parts.push_back(std::move(*each.written));
    }
    return parts;
}

void round::wake_feeds()
{
    std::set<std::int32_t> lanes;
    for (std::size_t i = 0; i < verdicts_.size(); ++i)
    {
        const event_log::command_part& part = sent_.commands[i];
        if (verdicts_[i].kind != event_log::verdict_kind::appended)
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

void round::take_verdicts()
{
    for (entry& each : entries_)
    {
        if (!each.is_appended)
            continue;
        const bool is_confirmed = verdicts_[each.part].kind == event_log::verdict_kind::appended;
        each.is_in_log = is_confirmed && each.at == entry::course::accepted && !is_rehearsal_;
        if (is_confirmed)
            confirmed_.push_back(&each);
        else
            for (const sighting& looked : each.looked)
                stale_.push_back(looked.stream);
    }
}

void round::keep_confirmed()
{
    for (const stream_ref& each : stale_)
        bench_.cache.drop(each);
    if (is_rehearsal_)
        confirmed_.clear();  // nothing of it is kept
    for (const entry* each : confirmed_)
    {
        for (const sighting& looked : each->looked)
            if (!looked.was.is_unborn())
                bench_.cache.put(looked.stream, looked.was);
        for (const moved& stream : each->moves)
            bench_.cache.put(stream.stream, stream.now);
        if (bench_.taker)
            tell_growth(*each);
    }
    for (const stream_ref& each : moving_)
        bench_.in_flight.erase(each);
}

void round::tell_growth(const entry& e)
{
    for (const moved& stream : e.moves)
        for (const sighting& looked : e.looked)
            if (looked.stream == stream.stream)
                bench_.taker->moved(stream.stream, looked.was.at.version, stream.now.at.version);
}

// -- Answering.

void round::answer_all()
{
    guarded([&] {
        for (entry& each : entries_)
        {
            if (each.at != entry::course::accepted && each.at != entry::course::refused)
                continue;
            if (each.is_appended)
                judge(each, verdicts_[each.part]);
            else
                confirm(each, {each.lane, 0});  // it rests on nothing and changes nothing
        }
    });
}

void round::judge(entry& e, const event_log::verdict& verdict)
{
    FAULT_POINT("lanes.answer");
    switch (verdict.kind)
    {
    case event_log::verdict_kind::appended:
        return confirm(e, verdict.last);
    case event_log::verdict_kind::receipt_exists:
        e.what->load_first = true;
        return carry(e);
    case event_log::verdict_kind::head_moved:
        return retry_moved(e);
    case event_log::verdict_kind::group_refused:
        return;  // the sibling that was refused answers for it
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
    if (is_rehearsal_)
    {
        a.was_applied = applied::no;
        a.events = events_of(e);
    }
    close(e, std::move(a));
}

void round::retry_moved(entry& e)
{
    // What was built on a refused neighbour, or on the guess that a stream is unborn, has lost no race.
    if (!e.assumed_unborn && !rests_on_refused(e))
    {
        ++bench_.counts.conflicts;
        if (++e.what->lost_races_at(e.group != 0 ? 0 : e.nth) >= bench_.config.attempts_max)
            return close(e, refused_with(lost_races()));
    }
    e.what->load_first = true;
    carry(e);
}

// A sibling in an atomic batch is no neighbour: it was refused because of this one.
bool round::rests_on_refused(const entry& e) const
{
    return std::any_of(e.looked.begin(), e.looked.end(), [&](const sighting& each) {
        const auto maker = made_by_.find(each.was.at.last_event_id);
        return maker != made_by_.end() && !maker->second->is_in_log &&
               (e.group == 0 || maker->second->group != e.group);
    });
}

std::vector<command> round::take_carried() { return take_back_to_queue(false); }

std::vector<command> round::take_waiting_for_flight() { return take_back_to_queue(true); }

// A command goes back once nothing of it is left in the round: what else a batch has here is answered by then. Only now
// is it unpinned, because a deadline that passes before must not call the answered part of a batch undone.
std::vector<command> round::take_back_to_queue(bool only_waiting)
{
    std::vector<command> back;
    for (std::size_t first = 0, end = 0; first < entries_.size(); first = end)
    {
        const command& what = entries_[first].what;
        bool some = false, all = true;
        for (end = first; end < entries_.size() && entries_[end].what == what; ++end)
        {
            const entry& each = entries_[end];
            some = some || each.at == entry::course::carried;
            all = all && (each.at == entry::course::done ||
                          (each.at == entry::course::carried && (each.waits_for_flight || !only_waiting)));
        }
        if (!some || !all)
            continue;
        for (std::size_t i = first; i < end; ++i)
            entries_[i].at = entry::course::done;
        what->unpin();
        back.push_back(what);
    }
    return back;
}
}  // namespace lanes
