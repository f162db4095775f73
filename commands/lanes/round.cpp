#include "commands/lanes/round.hpp"

#include "commands/lanes/deciding.hpp"
#include "commands/lanes/refusals.hpp"
#include "schemas/assertion.hpp"

#include <algorithm>
#include <chrono>
#include <exception>
#include <stdexcept>
#include <string>
#include <utility>

namespace lanes
{
namespace
{
// A key that the store cannot hold would fail the look-up of its neighbours' receipts, too.
bool is_storable(const std::optional<receipt_wanted>& remember)
{
    return !remember ||
           (!remember->key.empty() && remember->key.size() <= 255 &&
            std::all_of(remember->key.begin(), remember->key.end(), [](char c) { return c > ' ' && c <= '~'; }));
}

bool is_of_another_request(const entry& e, const std::optional<event_log::receipt>& found)
{
    return found && found->fingerprint != e.asked().remember->fingerprint;
}

constexpr int loads_max = 16;  // a chain of parents takes one each; a decision that looks further away is a fault
}  // namespace

round::round(workbench& bench, event_log::store& loads, event_log::store& appends)
    : bench_(bench)
    , loads_(loads)
    , appends_(appends)
    , held_(bench.keys.hold())
    , loader_(loads, bench.keys, bench.config.snapshots, bench.taker)
    , keys_(bench.keys)
    , set_(bench.cache)
{
    wary_ = bench_.wary_rounds > 0;
    bench_.wary_rounds -= wary_ ? 1 : 0;
    ++bench_.counts.rounds;
}

void round::guarded(const std::function<void()>& step)
{
    if (is_over_)
        return;
    try
    {
        step();
        return;
    }
    catch (const event_log::unreachable& lost)
    {
        end_all(applied::no, false, lost.what());
    }
    catch (const std::logic_error& fault)
    {
        if (appended_)
            end_all(applied::unknown, false, fault.what());
        else
            part_company(fault.what());
    }
    catch (const event_log::outcome_unknown& lost)
    {
        end_all(appending_ ? applied::unknown : applied::no, false, lost.what());
    }
    catch (const std::exception& fault)
    {
        end_all(appending_ ? applied::unknown : applied::no, !appending_, fault.what());
    }
    is_over_ = true;
}

void round::prepare(std::vector<command> commands)
{
    CF_ASSERT(!is_over_);
    guarded([&] {
        admit(std::move(commands));
        settle_lanes();
        load_and_try();
        decide_all();
        write_parts();
    });
}

void round::admit(std::vector<command> commands)
{
    const auto now = std::chrono::steady_clock::now();
    bool failed_before = false;
    for (command& each : commands)
    {
        is_rehearsal_ = each->asked.is_rehearsal;
        bytes_ += command_queue::weight(each);
        bench_.counts.expired += each->expire(now) ? 1 : 0;
        if (each->is_answered())
            continue;
        failed_before = failed_before || each->load_first;
        const std::int32_t group = each->is_atomic() ? ++groups_ : 0;
        for (std::size_t nth = 0; nth < each->size(); ++nth)
            if (!each->is_settled(nth))
                admit_one(each, nth, group);
    }
    if (failed_before)
    {
        wary_ = true;
        bench_.wary_rounds = bench_.config.wary_rounds;
    }
    now_us_ = bench_.clock.now().us;
}

// Of a batch that goes alone, because something in it could not be stored, one command at a time.
void round::admit_one(const command& c, std::size_t nth, std::int32_t group)
{
    const bool waits = c->alone && group == 0 && !entries_.empty() && entries_.back().what == c;
    ++bench_.counts.commands;
    entry& made = entries_.emplace_back(c, nth);
    made.index = entries_.size() - 1;
    made.group = group;
    if (waits)
        made.at = entry::course::carried;
}

// -- Before deciding: lanes, receipts, streams.

void round::settle_lanes()
{
    for (entry& each : entries_)
        if (!each.is_open())
            continue;
        else if (is_storable(each.asked().remember))
            settle_lane(each);
        else
            break_off(each, "an idempotency key is 1 to 255 visible ASCII characters");
}

void round::settle_lane(entry& e)
{
    const uuid& tenant = e.asked().tenant;
    if (const auto known = lanes_.find(tenant); known != lanes_.end() && !born_.contains(tenant))
    {
        e.lane = known->second;
        return;
    }
    std::optional<std::int32_t> lane;
    try
    {
        lane = bench_.tenants.lane_of(tenant, loads_);
    }
    catch (const event_log::unreachable&)
    {
        throw;
    }
    catch (const std::exception& fault)
    {
        return break_off(e, fault.what());  // the tenant's key is damaged: nobody else's is
    }
    if (!lane)
    {
        if (e.asked().tenant_born)
            return settle_birth(e);
        return close(e, refused_with(no_such_tenant()));
    }
    if (bench_.forward(e.what, *lane))
        return with_company(e, [](entry& each) { each.at = entry::course::done; });
    e.lane = *lane;
    lanes_.emplace(tenant, *lane);
}

void round::settle_birth(entry& e)
{
    if (!born_.insert(e.asked().tenant).second)
        return carry(e);  // its twin comes first; the next round knows what became of it
    e.born = bench_.tenants.prepare_birth(e.asked().tenant, loads_);
    e.lane = e.born->lane;
    lanes_.emplace(e.asked().tenant, e.lane);
}

void round::load_and_try()
{
    for (int pass = 0; pass < loads_max && try_all(); ++pass)
        load_missing();
    const working_set::tally seen = set_.take_counted();
    bench_.counts.cache_hits += seen.hits;
    bench_.counts.cache_misses += seen.misses;
}

bool round::try_all()
{
    bool lacking = false;
    for (entry& each : entries_)
    {
        if (!each.is_open())
            continue;
        if (!each.receipt && (!each.choice || !each.missing.empty()))
            try_one(each);
        lacking = lacking || (each.is_open() && (each.receipt || !each.missing.empty() || wants_receipt(each)));
    }
    return lacking;
}

void round::try_one(entry& e)
{
    try
    {
        decide(e, set_);
    }
    catch (const std::exception& fault)
    {
        return break_off(e, fault.what());
    }
    if (wary_ || e.missing.empty() || !e.choice || !*e.choice)
        return;
    const auto written = [&](const stream_ref& stream) {
        const auto& facts = (*e.choice)->facts;
        return std::any_of(facts.begin(), facts.end(), [&](const fact& f) { return stream.is(f.stream); });
    };
    const auto assumed = std::stable_partition(e.missing.begin(), e.missing.end(), std::not_fn(written));
    for (auto stream = assumed; stream != e.missing.end(); ++stream)
        set_.assume_unborn(*stream);
    e.assumed_unborn = e.assumed_unborn || assumed != e.missing.end();
    e.missing.erase(assumed, e.missing.end());
}

// A refusal must not be given to a command that was answered before: its receipt comes first.
bool round::wants_receipt(const entry& e) const
{
    if (!e.asked().remember || e.receipt_known)
        return false;
    if (e.group != 0)
        return true;  // any sibling's refusal would be theirs, too
    return wary_ || !e.missing.empty() || (e.choice && !*e.choice);
}

void round::load_missing()
{
    std::vector<stream_wanted> streams;
    std::vector<event_log::receipt_ask> receipts;
    std::vector<entry*> asking;
    std::vector<entry*> replaying;
    std::set<std::pair<const aggregate_type*, std::pair<uuid, uuid>>> asked;
    for (entry& each : entries_)
    {
        if (!each.is_open())
            continue;
        if (each.receipt)
        {
            replaying.push_back(&each);
            continue;
        }
        if (wants_receipt(each))
        {
            receipts.push_back({each.asked().tenant, each.asked().remember->key});
            asking.push_back(&each);
        }
        for (const stream_ref& stream : each.missing)
            if (asked.insert({stream.type, {stream.tenant, stream.id}}).second)
                streams.push_back({stream});
    }
    const std::size_t missing = streams.size();
    for (const entry* each : replaying)
        streams.push_back(
            {{each->asked().shown_as, each->receipt->shows.tenant, each->receipt->shows.id}, each->receipt->version});

    loader::found found = loader_.load(streams, receipts);
    ++bench_.counts.reloads;
    if (!found.fault.empty())
        bench_.counts.fault(found.fault);
    for (std::size_t i = 0; i < missing; ++i)
        set_.put(streams[i].stream, std::move(found.streams[i].now));
    for (std::size_t i = 0; i < replaying.size(); ++i)
        answer_from_receipt(*replaying[i], found.streams[missing + i]);
    // Keys of other requests come last: they end an atomic batch, but not those of it that were done before.
    for (const bool reused : {false, true})
        for (std::size_t i = 0; i < asking.size(); ++i)
            if (is_of_another_request(*asking[i], found.receipts[i]) == reused)
                take_receipt(*asking[i], std::move(found.receipts[i]));
}

void round::take_receipt(entry& e, std::optional<event_log::receipt> found)
{
    e.receipt_known = true;
    if (!found)
        return;
    if (is_of_another_request(e, found))
        return close(e, refused_with(key_reused()));
    e.receipt = std::move(found);
    if (!e.asked().shown_as)
        return answer_from_receipt(e, {});
    if (e.asked().shown_as->category != e.receipt->shows.category)
        break_off(e, "a receipt shows another noun than its request");
}

void round::answer_from_receipt(entry& e, const loaded_stream& shown)
{
    if (shown.now.is_unreadable || (e.asked().shown_as && shown.now.at.version != e.receipt->version))
        return break_off(e, "a receipt names a version that cannot be read");
    answer a;
    a.was_applied = applied::yes;
    a.replayed = true;
    a.status = e.receipt->status;
    a.version = e.receipt->version;
    a.at = shown.last;
    if (shown.now.state)
        a.item = e.asked().shown_as->render(shown.now.state.get());
    close(e, std::move(a));
}

// -- Deciding.

void round::decide_all()
{
    for (entry& each : entries_)
        if (each.is_open())
            decide_in_turn(each);
}

void round::decide_in_turn(entry& e)
{
    if (e.receipt)
        return break_off(e, "a receipt was found and could not be answered from");
    if (const entry* earlier = carried_before(e))
    {
        e.waits_for_flight = earlier->waits_for_flight;
        return carry(e);
    }
    const auto& remember = e.asked().remember;
    if (remember && accepted_keys_.contains({e.asked().tenant, remember->key}))
    {
        e.what->load_first = true;
        return carry(e);  // it replays whatever becomes of its twin
    }
    if (!e.choice || !still_stands(e, set_))
        decide_now(e);
    if (e.is_open() && !*e.choice)
        ask_receipt(e);
    if (!e.is_open())
        return;
    if (rests_on_flight(e))
    {
        e.waits_for_flight = true;
        return carry(e);
    }
    if (*e.choice)
        accept(e);
    else if (e.group != 0)
        refuse_together(e);
    else
        e.at = entry::course::refused;
}

// A batch keeps its order: what one of its commands has to wait for, the later ones wait for, too.
const entry* round::carried_before(const entry& e) const
{
    for (std::size_t i = e.index; i-- > 0 && entries_[i].what == e.what;)
        if (entries_[i].at == entry::course::carried)
            return &entries_[i];
    return nullptr;
}

// The refusal rests on what the batch found: the heads before its own first step on each stream.
void round::refuse_together(entry& e)
{
    std::vector<sighting> found;
    with_company(e, [&](entry& each) {
        if (each.at == entry::course::accepted || &each == &e)
            for (const sighting& looked : each.looked)
                if (std::none_of(found.begin(), found.end(),
                                 [&](const sighting& other) { return other.stream == looked.stream; }))
                    found.push_back(looked);
    });
    take_back_company(e);
    with_company(e, [&](entry& each) {
        if (each.at != entry::course::done)
            each.at = &each == &e ? entry::course::refused : entry::course::withheld;
    });
    e.looked = std::move(found);
}

void round::decide_now(entry& e)
{
    try
    {
        for (int pass = 0; pass < loads_max; ++pass)
        {
            decide(e, set_);
            if (e.missing.empty())
                return;
            std::vector<stream_wanted> streams;
            for (const stream_ref& stream : e.missing)
                streams.push_back({stream});
            loader::found found = loader_.load(streams, {});
            ++bench_.counts.reloads;
            for (std::size_t i = 0; i < streams.size(); ++i)
                set_.put(streams[i].stream, std::move(found.streams[i].now));
        }
        break_off(e, "a decider looks at ever more streams");
    }
    catch (const event_log::unreachable&)
    {
        throw;
    }
    catch (const std::exception& fault)
    {
        break_off(e, fault.what());
    }
}

// What the round in the store moves on stands differently in a moment. The working set forgets it, too, so that
// commands which come after that moment see it as it is then.
bool round::rests_on_flight(const entry& e)
{
    if (is_rehearsal_)
        return false;  // it is judged by what is committed at that moment, and nothing is kept of it
    bool found = false;
    for (const sighting& looked : e.looked)
        if (!bench_.in_flight.empty() && bench_.in_flight.contains(looked.stream))
        {
            set_.forget(looked.stream);
            found = true;
        }
    return found;
}

void round::accept(entry& e)
{
    try
    {
        place(e, set_, bench_.ids, now_us_);
    }
    catch (const std::exception& fault)
    {
        return break_off(e, fault.what());
    }
    e.at = entry::course::accepted;
    for (const placed& each : e.facts)
        made_by_.emplace(each.event_id, &e);
    if (const auto& remember = e.asked().remember)
        accepted_keys_.emplace(e.asked().tenant, remember->key);
}

void round::ask_receipt(entry& e)
{
    if (!e.asked().remember || e.receipt_known)
        return;
    const event_log::receipt_ask ask{e.asked().tenant, e.asked().remember->key};
    try
    {
        take_receipt(e, std::move(loader_.load({}, {&ask, 1}).receipts.front()));
    }
    catch (const std::logic_error& fault)
    {
        return break_off(e, fault.what());
    }
    if (!e.is_open() || !e.receipt)
        return;
    const stream_wanted shown{{e.asked().shown_as, e.receipt->shows.tenant, e.receipt->shows.id}, e.receipt->version};
    answer_from_receipt(e, loader_.load({&shown, 1}, {}).streams.front());
}

// -- Ends that are the same for every stage.

void round::carry(entry& e)
{
    if (e.group == 0)
    {
        e.at = entry::course::carried;
        return;
    }
    take_back_company(e);
    const bool waits = e.waits_for_flight;
    with_company(e, [&](entry& each) {
        each.waits_for_flight = waits;
        if (each.at != entry::course::done)
            each.at = entry::course::carried;
    });
}

void round::close(entry& e, answer a)
{
    const bool is_refused = a.refused || a.broken || a.unavailable;
    e.what->settle(e.nth, std::move(a));
    e.at = entry::course::done;
    if (is_refused && e.group != 0)
        end_company(e, refused_with(batch_refused()));
}

// -- Batches.

// The commands of the same batch that are in this round, in their order, this one among them.
void round::with_company(const entry& e, const std::function<void(entry&)>& what)
{
    std::size_t at = e.index;
    while (at > 0 && entries_[at - 1].what == e.what)
        --at;
    for (; at < entries_.size() && entries_[at].what == e.what; ++at)
        what(entries_[at]);
}

void round::take_back_company(const entry& e)
{
    std::vector<entry*> accepted;
    with_company(e, [&](entry& each) {
        if (each.at == entry::course::accepted)
            accepted.push_back(&each);
    });
    for (auto each = accepted.rbegin(); each != accepted.rend(); ++each)
    {
        take_back(**each, set_);
        if (const auto& remember = (*each)->asked().remember)
            accepted_keys_.erase({(*each)->asked().tenant, remember->key});
    }
}

// All that are left of the batch are answered like this, but for those whose receipt is about to be shown.
void round::end_company(const entry& e, const answer& a)
{
    take_back_company(e);
    with_company(e, [&](entry& each) {
        if (each.at == entry::course::done || each.receipt)
            return;
        each.what->settle(each.nth, a);
        each.at = entry::course::done;
    });
}

void round::break_off(entry& e, std::string_view what)
{
    ++bench_.counts.broken;
    bench_.counts.fault(what);
    close(e, broken(applied::no));
}

// The database cannot hold something in this round, and nothing of it was written: each command alone shows whose fault
// it is.
void round::part_company(std::string_view what)
{
    const auto is_left = [](const entry& e) { return e.at != entry::course::done && e.at != entry::course::carried; };
    std::set<std::pair<const pending*, std::size_t>> left;  // an atomic batch counts as one
    for (const entry& each : entries_)
        if (is_left(each))
            left.emplace(each.what.get(), each.group != 0 ? 0 : each.nth);
    for (entry& each : entries_)
    {
        if (!is_left(each))
            continue;
        if (left.size() == 1 && each.group == 0)
            return break_off(each, what);
        if (left.size() == 1)
        {
            ++bench_.counts.broken;
            bench_.counts.fault(what);
            return end_company(each, broken(applied::no));
        }
        each.what->alone = true;
        carry(each);
    }
}

void round::end_all(applied how, bool is_our_fault, std::string_view what)
{
    bench_.counts.fault(what);
    for (entry& each : entries_)
    {
        if (each.at == entry::course::done || each.at == entry::course::carried)
            continue;
        for (const sighting& looked : each.looked)
            stale_.push_back(looked.stream);
        bench_.counts.broken += is_our_fault ? 1 : 0;
        each.what->settle(each.nth, is_our_fault ? broken(how) : unavailable(how));
        each.at = entry::course::done;
    }
}
}  // namespace lanes
