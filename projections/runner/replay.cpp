#include "projections/runner/replay.hpp"

#include "projections/runner/around.hpp"

#include <map>
#include <optional>
#include <vector>

namespace projection
{
namespace
{
std::optional<checkpoint> checkpoint_of(row_store& rows, const parked_key& which)
{
    for (auto& each : rows.checkpoints({&which.lane, 1}))
        if (each.of == which.of)
            return std::move(each);
    return std::nullopt;
}

// The key's events that the rows of its projection are to show.
std::vector<recorded> events_of(event_log::store& log, const parked_key& which, std::int64_t up_to_seq)
{
    const event_log::stream_ask stream{{which.key.tenant, std::string{which.of->category}, which.key.id}, 0};
    auto read = std::move(log.load({&stream, 1}, {}).streams.front());
    std::erase_if(read,
                  [&](const recorded& each) { return each.at.seq > up_to_seq || which.of->key_of(each) != which.key; });
    return read;
}

std::vector<commit::new_total> totals_of(row_store& rows, const folding& batch, std::int64_t seq)
{
    std::vector<total_key> wanted;
    for (const auto& [key, _] : batch.deltas())
        wanted.push_back(key);
    if (wanted.empty())
        return {};
    const auto held = rows.load_totals(wanted);
    std::vector<commit::new_total> made;
    for (const auto& [key, change] : batch.deltas())
    {
        const auto found = held.find(key);
        const total before = found == held.end() ? total{} : found->second;
        const total now{before.seq > 0 ? before.seq : seq, around(before.value, change.amount)};
        made.push_back({key, before, now, change.of, change.lane});
    }
    return made;
}

// Nothing: somebody moved the lane on meanwhile.
std::optional<replayed> try_once(const replay_parts& with, const parked_key& which)
{
    // The step first: what is read behind it is not older.
    auto at = checkpoint_of(with.rows, which);
    if (!at || !with.rows.is_parked(which))
        return replayed{replayed::end::not_parked, {}, 0};
    const auto events = events_of(with.log, which, at->seq);
    const auto held = with.keys.fetch(events);

    folding batch{{&which.of, 1}};
    for (const recorded& each : events)
        batch.add(
            each, [](const definition&, std::int32_t) { return std::int64_t{0}; },
            [](const definition&, const row_key&) { return false; });
    for (row_slot* slot : batch.wanted())
        slot->is_folded_anew = true;
    with.rows.load(batch.wanted());
    batch.fold(with.keys.open());
    if (!batch.stopped().empty())
        return replayed{replayed::end::still_stopped, batch.stopped().front().cause, events.size()};

    commit made;
    ++at->step;
    ++at->generation;
    made.steps = {*at};
    made.rows = batch.changed();
    made.totals = totals_of(with.rows, batch, at->seq);
    try
    {
        with.rows.free_key(made, which);
    }
    catch (const lost_race&)
    {
        return std::nullopt;
    }
    catch (const store_failed& fault)
    {
        if (!fault.by_data)
            throw;
        return replayed{replayed::end::still_stopped, fault.what(), events.size()};
    }
    return replayed{replayed::end::freed, {}, events.size()};
}
}  // namespace

replayed replay(const replay_parts& with, const parked_key& which)
{
    const auto until = std::chrono::steady_clock::now() + with.patience;
    do
        if (auto done = try_once(with, which))
            return *std::move(done);
    while (std::chrono::steady_clock::now() < until);
    return {replayed::end::lane_too_busy, {}, 0};
}
}  // namespace projection
