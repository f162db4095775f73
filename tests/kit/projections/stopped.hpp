// Stopped keys as tests say them: which there are, builds that fold otherwise than this one, and replays.
#pragma once

#include "projections/runner/replay.hpp"
#include "tests/kit/projections/world.hpp"

#include <span>
#include <string>
#include <vector>

namespace projection_tests
{
// The read models of a build that folds one of them in its own way.
class other_build
{
public:
    other_build(const projection::definition& of, void (*fold)(void* row, const projection::recorded&, schema::opener*))
        : folds_(of)
    {
        folds_.apply = fold;
        for (const auto* each : projection::read_models())
            all_.push_back(each == &of ? &folds_ : each);
    }
    other_build(const other_build&) = delete;
    other_build& operator=(const other_build&) = delete;

    std::span<const projection::definition* const> read_models() const { return all_; }

private:
    projection::definition folds_;
    std::vector<const projection::definition*> all_;
};

// "project cannot_decode <key> 2" of each, by lane and event: the number is the version of its stream's event at which
// it stands.
inline std::string stopped_keys(world& in)
{
    return in.db.run("select string_agg(concat_ws(' ', k.projection, k.kind, k.key, e.version), ', ' order by k.lane,"
                     " k.from_seq) from read.parked k left join es.event e on e.lane = k.lane and e.seq = k.from_seq"
                     " and e.tenant_id = k.tenant_id and e.stream_id = k.key and e.category = k.projection");
}

// Of every key that is stopped, as an operator does it with a program of that build.
inline std::vector<projection::replayed> replay_all(world& in, std::span<const projection::definition* const> of_build)
{
    projection::row_store rows{in.rows(), of_build};
    rows.open();
    event_log::store log{in.verifying().keys};
    projection::personal_keys keys{*in.keys, in.verifying().keys};
    std::vector<projection::replayed> ends;
    for (const auto& each : rows.parked(lanes_used))
        ends.push_back(projection::replay({rows, log, keys}, each));
    return ends;
}
}  // namespace projection_tests
