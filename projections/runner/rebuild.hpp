// New versions of read models, folded from the first event beside the live ones.
//
// Lane by lane: events are folded into a scratch store on disk up to the lane's head, then the final rows are copied
// into the new versions' tables with totals and positions, in one transaction per lane and version, several side by
// side. When all lanes are there, keys, indexes and row security are made, what came meanwhile is folded as the runner
// does it, and the versions stand beside the live ones: whoever serves the lanes feeds them from then on. Readers
// notice nothing.
//
// What was done is found by whoever goes on: a lane with a position is a lane done, so a build that was killed begins
// with the first lane that is not. Of several that would go on with a version one does, and the others are refused at
// once: it is claimed by a session of the builder's, and free when that ends. A database that goes away is waited for,
// `patience` long. Holds the caller's thread, and makes up to `copy_sessions` of it while rows are copied and indexed;
// memory is bounded by the scratch store's, one batch and the totals of one lane.
#pragma once

#include "events/feed/feed.hpp"
#include "events/log/seal.hpp"
#include "projections/runner/lane_copy.hpp"
#include "projections/runner/row_store.hpp"
#include "projections/runner/versions.hpp"
#include "schemas/time.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace projection
{
// The name under which whoever builds is seen in pg_stat_activity.
inline constexpr const char* rebuild_session = "clientflow rebuild";

struct lane_progress
{
    std::int32_t lane = 0;
    std::int64_t seq = 0;     // folded
    std::int64_t mark = 0;    // up to where it goes
    rows_by_projection rows;  // written
    bool is_done = false;
};

struct rebuild_progress
{
    enum class phase
    {
        folding,
        indexing,
        catching_up
    };
    phase now = phase::folding;
    std::vector<lane_progress> lanes;
    std::int64_t events = 0;  // folded so far, those of lanes done before included
    std::int64_t events_of_all = 0;
    double events_per_second = 0;  // of this run
    double seconds_left = 0;       // at this rate

    std::uint64_t rows_of(std::string_view projection) const;  // written so far, by runs before this one too
    std::uint64_t rows() const;                                // of all of them
};

struct rebuild_config
{
    row_store_config rows;         // its sessions are named `rebuild_session`, so that others see who is at work
    event_log::store_config keys;  // where subject keys are read
    std::function<std::unique_ptr<event_feed::feed>()> feed;
    std::vector<std::int32_t> lanes;
    std::filesystem::path room;  // builds take numbered directories below it, and leave them empty
    std::size_t scratch_buffer_bytes = 64 * 1024 * 1024;
    std::size_t scratch_cache_bytes = 64 * 1024 * 1024;
    std::size_t page_rows = 2'000;             // copied under one deadline
    std::size_t copy_sessions = 2;             // versions whose rows are copied, or indexed, at the same time
    std::int64_t close_enough_events = 2'000;  // of all lanes: then the runner can have it
    std::chrono::milliseconds tell_every{1'000};
    std::chrono::milliseconds patience{300'000};  // with a database that is away
    std::chrono::milliseconds pause_min{100};
    std::chrono::milliseconds pause_max{2'000};
    std::function<void(const rebuild_progress&)> tell{};
    std::function<bool()> is_interrupted{};  // then it stops where it can be gone on with
};

struct rebuilt
{
    enum class end
    {
        beside,       // the versions stand beside the live ones
        interrupted,  // to be gone on with
        cancelled     // somebody retired a version meanwhile
    };
    end what = end::beside;
    std::vector<version> versions;  // as they stand at its end
    rebuild_progress progress;
    std::size_t stopped_keys = 0;
};

// Brings versions that stand beside the live ones up to the log's end, in one pass, where nobody else does it: servers
// of another program feed only their own definitions. Ends early where somebody does.
void catch_up(const rebuild_config&, const models&, event_log::keyring&, const schema::clock&);

// `goes_on`: with versions that are under way, `not_now` while another program builds one of them; else `not_now` when
// there are such. Throws what the stores throw once patience is over, and cache_broken when there is no room; both can
// be gone on with.
rebuilt rebuild(const rebuild_config&, std::span<const definition* const>, event_log::keyring&, const schema::clock&,
                bool goes_on);
}  // namespace projection
