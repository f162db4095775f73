#include "projections/runner/projector.hpp"

#include "schemas/assertion.hpp"
#include "schemas/row_codec.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace projection
{
projector::projector(projector_config config, std::span<const definition* const> definitions, row_store& rows,
                     row_cache* cache, positions& reached, const schema::clock& clock)
    : config_(std::move(config))
    , definitions_(definitions)
    , rows_(rows)
    , cache_given_(cache)
    , cache_(cache)
    , positions_(reached)
    , clock_(clock)
{
    for (const std::int32_t lane : config_.lanes)
    {
        auto& state = lanes_.emplace_back();
        state.lane = lane;
        for (const definition* of : definitions_)
        {
            auto& one = state.courses.emplace_back();
            one.at.of = of;
            one.at.lane = lane;
            one.shape = shape_of(*of->record);
        }
    }
}

projector::lane_state& projector::state_of(std::int32_t lane)
{
    const auto found = std::ranges::find(lanes_, lane, &lane_state::lane);
    CF_ASSERT(found != lanes_.end());
    return *found;
}

projector::course& projector::course_of(const definition& of, std::int32_t lane)
{
    const auto nth = static_cast<std::size_t>(std::ranges::find(definitions_, &of) - definitions_.begin());
    CF_ASSERT(nth < definitions_.size());
    return state_of(lane).courses[nth];
}

// What every projection of the lane has folded.
std::int64_t projector::seq_of(const lane_state& state)
{
    return std::ranges::min_element(state.courses, {}, [](const course& of) { return of.at.seq; })->at.seq;
}

// What readers are shown of the lane.
std::int64_t projector::seq_shown(const lane_state& state) const
{
    std::int64_t lowest = INT64_MAX;
    for (const auto& one : state.courses)
        if (std::ranges::find(config_.beside, one.at.of) == config_.beside.end())
            lowest = std::min(lowest, one.at.seq);
    return lowest;
}

standing projector::standing_of(const course& of) const
{
    return {of.at.seq, of.at.generation, of.at.incarnation, of.at.event_id, of.shape, of.is_complete};
}

void projector::tell(report::kind what, std::string text) const
{
    if (config_.tell)
        config_.tell({what, std::move(text)});
}

// -- Batches.

std::vector<position> projector::after()
{
    take_up_left_alone();
    std::vector<position> from;
    for (const auto& state : lanes_)
        if (state.is_held && !state.is_left_alone)
            from.push_back({state.lane, seq_of(state)});
    return from;
}

// A lane is left to its other owner while that one moves it, or has nothing to do. One that stood still although there
// is more in the log is tried again.
void projector::take_up_left_alone()
{
    const auto now = std::chrono::steady_clock::now();
    for (auto& state : lanes_)
    {
        if (!state.is_held || !state.is_left_alone || state.left_alone_until > now)
            continue;
        if (const auto said = read_positions({&state.lane, 1}); said != news::none)
        {
            follow_other(state);
            state.is_left_alone = said == news::moved;
        }
        else if (is_abandoned(state))
        {
            read_parked({&state.lane, 1});
            state.is_left_alone = false;
        }
        state.left_alone_until = now + state.left_alone_for;
        publish();
    }
}

bool projector::is_abandoned(const lane_state& state) const
{
    return state.behind_since &&
           clock_.now().us - state.behind_since->us >= std::chrono::microseconds{state.left_alone_for}.count();
}

void projector::apply(std::span<const recorded> events, const opening& open)
{
    if (events.empty())
        return;
    // What a lane's owners died of is looked for event by event; all other lanes go on together.
    std::vector<recorded> together;
    for (auto at = events.begin(); at != events.end();)
    {
        const auto end =
            std::find_if(at, events.end(), [&](const recorded& each) { return each.at.lane != at->at.lane; });
        auto& state = state_of(at->at.lane);
        if (state.careful_until > 0)
            apply_carefully(state, {at, end}, open);
        else if (end - at == static_cast<std::ptrdiff_t>(events.size()))
            return apply_together(events, open);
        else
            together.insert(together.end(), at, end);
        at = end;
    }
    if (!together.empty())
        apply_together(together, open);
}

void projector::apply_together(std::span<const recorded> events, const opening& open)
{
    // Rows that the database refuses are stopped, and the batch is folded again without them.
    std::vector<parked_key> refused;
    while (!apply_without(refused, events, open))
        ;
}

// One event at a time, each named in the store before it is folded: who comes after our death knows which it was.
void projector::apply_carefully(lane_state& state, std::span<const recorded> events, const opening& open)
{
    for (const auto& happened : events)
    {
        if (!state.is_held || state.is_left_alone)
            return;
        auto stopped =
            state.culprit == happened.at.seq ? stopped_by(happened, state.culprit_hung) : std::vector<parked_key>{};
        if (stopped.empty())
            rows_.fly(state.lane, happened.at.seq);
        careful_lane_ = state.lane;
        while (!apply_without(stopped, {&happened, 1}, open))
            ;
        careful_lane_.reset();
        if (seq_of(state) < happened.at.seq)
            return;  // somebody else took a step meanwhile: it is read again
        if (happened.at.seq < state.careful_until)
            continue;
        state.careful_until = 0;
        state.culprit.reset();
        rows_.fly(state.lane, std::nullopt);
    }
}

// The keys of every projection that would fold the event.
std::vector<parked_key> projector::stopped_by(const recorded& happened, bool has_hung)
{
    std::vector<parked_key> stopped;
    for (const definition* of : definitions_)
        if (of->category == happened.stream.category && course_of(*of, happened.at.lane).at.seq < happened.at.seq &&
            !course_of(*of, happened.at.lane).parked.contains(of->key_of(happened)))
            stopped.push_back({of, happened.at.lane, of->key_of(happened), happened.at.seq,
                               has_hung ? "its fold did not end" : "its fold ended the process",
                               has_hung ? parked_by::hung : parked_by::crashed, false});
    return stopped;
}

std::optional<projector::under_way> projector::folding_now() const
{
    const std::lock_guard lock{mutex_};
    return under_way_;
}

projector::fold_note::fold_note(projector& noted_in) : of(noted_in)
{
    const std::lock_guard lock{of.mutex_};
    of.under_way_ = under_way{std::chrono::steady_clock::now(), of.careful_lane_};
}

projector::fold_note::~fold_note()
{
    const std::lock_guard lock{of.mutex_};
    of.under_way_.reset();
}

bool projector::apply_without(std::vector<parked_key>& refused, std::span<const recorded> events, const opening& open)
{
    for (auto happened = events.rbegin(); happened != events.rend(); ++happened)
        state_of(happened->at.lane).behind_since = happened->recorded_at;  // ends with each lane's first
    publish();

    commit made;
    folding batch{definitions_};
    try
    {
        for (const auto& happened : events)
            batch.add(
                happened, [&](const definition& of, std::int32_t lane) { return course_of(of, lane).at.seq; },
                [&](const definition& of, const row_key& key) {
                    return course_of(of, happened.at.lane).parked.contains(key) ||
                           std::ranges::any_of(
                               refused, [&](const parked_key& each) { return each.of == &of && each.key == key; });
                });
        load_rows(batch);
        {
            const fold_note noted{*this};
            batch.fold(open);
        }
        load_totals(batch, made.totals, events);
    }
    catch (const cache_broken& fault)
    {
        lose_cache(fault.what());
        return false;
    }

    made.steps = next_steps(events);
    made.rows = batch.changed();
    made.appended = batch.appended();
    made.parked = batch.stopped();
    made.parked.insert(made.parked.end(), refused.begin(), refused.end());
    made.leases = leases_of(made.steps);
    try
    {
        rows_.write(made);
    }
    catch (const lost_race&)
    {
        lost(events);
        return true;
    }
    catch (const store_failed& fault)
    {
        if (!fault.by_data)
            throw;
        const auto found = rows_.refused(made.rows);
        if (found.empty())
            throw;
        for (const auto& [slot, sqlstate] : found)
            refused.push_back({slot->of, slot->lane, slot->key, slot->events.front()->at.seq,
                               "the database refuses the row: SQLSTATE " + sqlstate, parked_by::refused_by_store,
                               false});
        return false;
    }
    ++counted_.commits;
    counted_.events += batch.folded();
    counted_.rows += made.rows.size();
    for (const auto& lines : made.appended)
        counted_.rows += lines.events.size();
    follow(made);
    remember(made);
    publish();
    return true;
}

std::vector<checkpoint> projector::next_steps(std::span<const recorded> events) const
{
    std::map<std::int32_t, const recorded*> last;
    for (const auto& happened : events)
        last[happened.at.lane] = &happened;

    std::vector<checkpoint> steps;
    for (const auto& state : lanes_)
    {
        const auto found = last.find(state.lane);
        if (found == last.end())
            continue;
        for (const auto& one : state.courses)
        {
            if (one.at.seq >= found->second->at.seq)
                continue;
            auto step = one.at;
            ++step.step;
            step.seq = found->second->at.seq;
            step.event_id = found->second->event_id;
            steps.push_back(std::move(step));
        }
    }
    return steps;
}

// PostgreSQL has it: our own positions follow, then everybody who waits.
void projector::follow(const commit& made)
{
    std::set<std::int32_t> lanes;
    for (const auto& step : made.steps)
    {
        course_of(*step.of, step.lane).at = step;
        lanes.insert(step.lane);
    }
    for (const auto& key : made.parked)
    {
        course_of(*key.of, key.lane).parked.insert(key.key);
        tell(report::kind::parked, "the projection " + std::string{key.of->name} + " stopped " + key.key.id.text() +
                                       " of tenant " + key.key.tenant.text() + " at lane " + std::to_string(key.lane) +
                                       " seq " + std::to_string(key.from_seq) + ": " + key.cause);
    }
    for (const std::int32_t lane : lanes)
    {
        auto& state = state_of(lane);
        state.left_alone_for = {};
        const auto seq = seq_of(state);
        state.head = std::max(state.head, seq);
        if (seq >= state.head)
            state.behind_since.reset();
    }
    publish();
    for (const std::int32_t lane : lanes)
        positions_.reached({lane, seq_shown(state_of(lane))});
}

void projector::lost(std::span<const recorded> events)
{
    ++counted_.lost_races;
    std::set<std::int32_t> lanes;
    for (const auto& happened : events)
        lanes.insert(happened.at.lane);
    if (config_.by_lease)
        leave_ended(std::vector<std::int32_t>(lanes.begin(), lanes.end()));

    bool has_other_owner = false;
    for (const std::int32_t lane : lanes)
    {
        if (!state_of(lane).is_held)
        {
            has_other_owner = true;
            continue;
        }
        has_other_owner = has_moved(state_of(lane)) || has_other_owner;
    }
    publish();
    if (!has_other_owner)
        throw store_failed("a unique key of a read model was violated, and nobody else has the lane", true);
}

// -- Being looked at.

void projector::heads(std::span<const position> all)
{
    look_at_positions();
    // Stopped keys are discarded without a step.
    for (auto& state : lanes_)
        if (state.is_held && std::ranges::any_of(state.courses, [](const course& of) { return !of.parked.empty(); }))
        {
            if (read_positions({&state.lane, 1}) != news::none)
                follow_other(state);
            else
                read_parked({&state.lane, 1});
        }
    for (const auto& head : all)
    {
        auto& state = state_of(head.lane);
        if (!state.is_held)
            continue;
        state.head = std::max(state.head, head.seq);
        const auto seq = seq_of(state);
        if (seq >= state.head)
            state.behind_since.reset();
        else if (!state.behind_since)
            state.behind_since = clock_.now();
    }
    publish();
}

void projector::count_on(const figures& before)
{
    counted_ = before;
    counted_.lags.clear();
}

void projector::failed(const std::string& why)
{
    ++counted_.failures;
    tell(report::kind::failed, why);
    publish();
}

void projector::publish()
{
    figures now = counted_;
    now.has_cache = cache_ != nullptr;
    const auto at = clock_.now();
    for (const auto& state : lanes_)
        for (const auto& of : state.courses)
        {
            if (!state.is_held)
                continue;  // its owner tells
            const double seconds =
                state.behind_since ? static_cast<double>(at.us - state.behind_since->us) / 1'000'000.0 : 0.0;
            now.lags.push_back({of.at.of->name, of.at.of->version, state.lane, of.at.seq,
                                std::max(state.head, of.at.seq), std::max(seconds, 0.0), of.at.generation,
                                of.is_complete, of.parked.size() - of.discarded});
        }
    std::vector<std::int32_t> left;
    for (const auto& state : lanes_)
        if (!state.is_held || state.is_left_alone)
            left.push_back(state.lane);
    const std::lock_guard lock{mutex_};
    published_ = std::move(now);
    published_left_ = std::move(left);
}

bool projector::serves(std::int32_t lane) const
{
    const std::lock_guard lock{mutex_};
    return std::ranges::find(config_.lanes, lane) != config_.lanes.end() &&
           std::ranges::find(published_left_, lane) == published_left_.end();
}

figures projector::take() const
{
    const std::lock_guard lock{mutex_};
    return published_;
}
}  // namespace projection
