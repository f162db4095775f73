// Which lanes the projector serves and what it knows of them: opening, leases, and what others did to the positions.
#include "projections/runner/projector.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <stdexcept>
#include <utility>

namespace projection
{
namespace
{
// Nothing is fed before the versions are looked at anew.
struct version_retired : std::runtime_error
{
    using runtime_error::runtime_error;
};
}  // namespace

// -- Opening: whose rows are these?

void projector::open()
{
    rows_.open();
    incarnation_ = rows_.incarnation();
    if (config_.opened)
        config_.opened(incarnation_);
    for (auto& state : lanes_)
    {
        state.is_held = !config_.by_lease;
        if (state.is_held)
            begin(state);
    }
    publish();
}

// Everything of the lane as the store has it now.
void projector::begin(lane_state& state)
{
    state.head = 0;  // after a failover the log may be shorter
    for (auto& one : state.courses)
        one.at = {one.at.of, state.lane, 0, 0, 0, incarnation_, {}};
    read_positions({&state.lane, 1});
    mend(state);
    for (auto& one : state.courses)
        judge_cache(one);
    read_parked({&state.lane, 1});
    positions_.found({state.lane, seq_shown(state)});
}

// -- Leases.

bool projector::hold(std::span<const event_feed::lease> leases)
{
    bool has_changed = false;
    for (auto& state : lanes_)
    {
        const auto found = std::ranges::find(leases, state.lane, &event_feed::lease::lane);
        const bool is_ours = found != leases.end() && found->term != state.ended_term;
        if (is_ours == state.is_held && (!is_ours || found->term == state.term))
            continue;
        if (is_ours && state.take_not_before > std::chrono::steady_clock::now())
            continue;
        has_changed = true;
        state.is_held = false;
        if (is_ours)
            try_to_take(state, *found);
    }
    if (has_changed)
        publish();
    return has_changed;
}

// A lane whose owner before stands still in the middle of a commit is taken once the database has ended that; the
// others do not wait for it.
void projector::try_to_take(lane_state& state, const event_feed::lease& given)
{
    try
    {
        take(state, given);
    }
    catch (const store_failed& fault)
    {
        if (!fault.was_refused)
            throw;
        state.take_not_before = std::chrono::steady_clock::now() + config_.take_again_after;
        tell(report::kind::failed, "lane " + std::to_string(state.lane) + " cannot be taken yet: " + fault.what());
    }
}

void projector::take(lane_state& state, const event_feed::lease& given)
{
    state.term = given.term;
    state.is_left_alone = false;
    state.behind_since.reset();
    int attempts = 0;
    for (begin(state); !take_steps(state) && ++attempts < config_.take_attempts_max; begin(state))
    {
        ++counted_.lost_races;
        publish();
        if (rows_.has_retired())
            throw version_retired("a version that is fed has been retired");
    }
    if (attempts == config_.take_attempts_max)
        throw store_failed("lane " + std::to_string(state.lane) + " is still written by its owner before", true);
    state.is_held = true;
    state.careful_until = 0;
    state.culprit.reset();
    if (!given.is_from_dead)
        return;
    if (rows_.event_at({state.lane, seq_of(state) + 1}))  // else there was nothing to die of
        suspect(state);
    tell(report::kind::lane_taken, "lane " + std::to_string(state.lane) + " was taken over, its owner being gone");
}

void projector::suspect(lane_state& state)
{
    const auto known = rows_.suspect({state.lane, seq_of(state)}, state.term);
    if (known.deaths > config_.deaths_max)
        state.careful_until = seq_of(state) + config_.careful_events;
    if (known.ended > config_.flights_max)
        state.culprit = known.in_flight;
    state.culprit_hung = known.hung;
}

// False: somebody has written meanwhile, so what was read of the lane is old.
bool projector::take_steps(lane_state& state)
{
    commit made;
    for (const auto& one : state.courses)
    {
        made.steps.push_back(one.at);
        ++made.steps.back().step;
    }
    made.leases = {{state.lane, state.term}};
    try
    {
        rows_.write(made);
    }
    catch (const lost_race&)
    {
        return false;
    }
    for (const auto& step : made.steps)
        course_of(*step.of, step.lane).at = step;
    return true;
}

std::vector<held_lane> projector::leases_of(std::span<const checkpoint> steps) const
{
    std::vector<held_lane> leases;
    if (!config_.by_lease)
        return leases;
    for (const auto& state : lanes_)
        if (std::ranges::any_of(steps, [&](const checkpoint& each) { return each.lane == state.lane; }))
            leases.push_back({state.lane, state.term});
    return leases;
}

// Of these lanes, those whose lease somebody else has taken are not ours, whatever we were last told.
void projector::leave_ended(std::span<const std::int32_t> lanes)
{
    std::vector<held_lane> asked;
    for (const std::int32_t lane : lanes)
        asked.push_back({lane, state_of(lane).term});
    for (const auto& each : rows_.ended(asked))
    {
        auto& state = state_of(each.lane);
        state.is_held = false;
        state.ended_term = each.term;
        tell(report::kind::lane_lost, "another process has taken lane " + std::to_string(each.lane));
    }
}

projector::news projector::read_positions(std::span<const std::int32_t> lanes)
{
    auto all = news::none;
    for (auto& found : rows_.checkpoints(lanes))
    {
        auto& held = course_of(*found.of, found.lane).at;
        const bool is_same_place = held.seq == found.seq && held.incarnation == found.incarnation;
        if (held.step != found.step)
            all = std::max(all, is_same_place ? news::mended : news::moved);
        held = std::move(found);
    }
    return all;
}

// A step that is lost tells of whoever has taken one in a lane, but in a quiet one none is tried. What was edited by
// hand without a step is the audit's to find: nothing is folded on from there.
void projector::look_at_positions()
{
    const auto now = std::chrono::steady_clock::now();
    if (now < look_at_positions_next_)
        return;
    look_at_positions_next_ = now + config_.positions_every;
    std::vector<std::int32_t> ours;
    for (const auto& state : lanes_)
        if (state.is_held && !state.is_left_alone)
            ours.push_back(state.lane);
    if (ours.empty())
        return;
    std::set<std::int32_t> stepped;
    for (const auto& stored : rows_.checkpoints(ours))
        if (course_of(*stored.of, stored.lane).at.step != stored.step)
            stepped.insert(stored.lane);
    if (config_.by_lease && !stepped.empty())
        leave_ended(std::vector<std::int32_t>(stepped.begin(), stepped.end()));
    for (const std::int32_t lane : stepped)
        if (auto& state = state_of(lane); state.is_held)
            has_moved(state);
}

// Somebody else has taken a step in a lane of ours: what we held of it is not so any more. False: nobody has.
bool projector::has_moved(lane_state& state)
{
    const auto said = read_positions({&state.lane, 1});
    if (said == news::none)
        return false;
    follow_other(state);
    if (said == news::mended)
        return true;  // a key was freed, and the lane is still ours
    state.is_left_alone = true;
    state.left_alone_for = std::clamp(state.left_alone_for * 2, config_.lost_min, config_.lost_max);
    state.left_alone_until = std::chrono::steady_clock::now() + state.left_alone_for;
    tell(report::kind::lane_lost, "another process serves lane " + std::to_string(state.lane) +
                                      "; leaving it alone for " + std::to_string(state.left_alone_for.count()) + " ms");
    return true;
}

// Asked behind the positions: whoever moved them may have stopped keys on the way.
void projector::read_parked(std::span<const std::int32_t> lanes)
{
    for (const std::int32_t lane : lanes)
        for (auto& one : state_of(lane).courses)
        {
            one.parked.clear();
            one.discarded = 0;
        }
    for (const auto& key : rows_.parked(lanes))
    {
        auto& one = course_of(*key.of, key.lane);
        one.parked.insert(key.key);
        one.discarded += key.is_discarded ? 1 : 0;
    }
}

// Somebody else has moved a lane: what we held of it is not so any more.
void projector::follow_other(lane_state& state)
{
    for (auto& one : state.courses)
        judge_cache(one);
    read_parked({&state.lane, 1});
    state.behind_since.reset();
    positions_.found({state.lane, seq_shown(state)});
}

// Rows of another history are thrown away and folded again; rows of this one only change the name they stand under.
void projector::mend(lane_state& state)
{
    std::vector<checkpoint> renamed, emptied;
    for (auto& one : state.courses)
    {
        auto now = one.at;
        if (now.step == 0)
            continue;
        const auto there = now.seq == 0 ? std::optional{now.event_id} : rows_.event_at({state.lane, now.seq});
        const bool is_ours = there == now.event_id;
        if (is_ours && now.incarnation == incarnation_)
            continue;
        ++now.step;
        ++now.generation;
        now.incarnation = incarnation_;
        if (!is_ours)
        {
            now.seq = 0;
            now.event_id = {};
        }
        (is_ours ? renamed : emptied).push_back(now);
    }
    if (!renamed.empty())
        rows_.write({renamed, {}, {}, {}, {}});
    if (!emptied.empty())
    {
        rows_.empty_lane(state.lane, emptied);
        positions_.restart(state.lane);
        tell(report::kind::lane_rebuilt, "the rows of lane " + std::to_string(state.lane) +
                                             " belonged to another history of the log and are folded again");
    }
    for (const auto& all : {renamed, emptied})
        for (const auto& step : all)
            course_of(*step.of, state.lane).at = step;
}
}  // namespace projection
