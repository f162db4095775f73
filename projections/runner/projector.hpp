// The runner without its thread: holds the positions of some lanes, folds batches, commits them, keeps the cache.
//
// Truth is PostgreSQL: rows and checkpoints change in one transaction, which only the holder of the newest step can
// commit. The cache follows after the commit and is believed only where it stands exactly at the checkpoint. Serves one
// thread; `figures` may be asked from any.
#pragma once

#include "events/feed/ownership.hpp"
#include "projections/runner/folding.hpp"
#include "projections/runner/positions.hpp"
#include "projections/runner/row_cache.hpp"
#include "projections/runner/row_store.hpp"
#include "schemas/time.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <unordered_set>
#include <vector>

namespace projection
{
// Something an operator may want to know, in one line without personal values.
struct report
{
    enum class kind
    {
        parked,        // a key was stopped
        lane_lost,     // another process is ahead in a lane
        lane_taken,    // a lane is ours to serve, its owner before having died
        cache_lost,    // the local cache was thrown away and fills again
        cache_back,    // there was none, and now there is
        lane_rebuilt,  // a lane's rows did not belong to this log: folded again from its beginning
        versions,      // others are fed from now on, or another one is shown
        failed         // the database could not be reached or refused; it is tried again
    };
    kind what;
    std::string text;
};

struct lag
{
    std::string_view projection;
    int version = 0;
    std::int32_t lane = 0;
    std::int64_t seq = 0;
    std::int64_t head = 0;
    double seconds = 0;  // age of the oldest event not yet shown; 0 when there is none
    std::int64_t generation = 0;
    bool is_complete = false;  // the cache holds every row
    std::size_t parked = 0;

    std::int64_t events() const { return head > seq ? head - seq : 0; }
};

struct figures
{
    std::vector<lag> lags;
    std::uint64_t events = 0;  // folded
    std::uint64_t commits = 0;
    std::uint64_t rows = 0;         // written
    std::uint64_t rows_loaded = 0;  // from PostgreSQL, the cache not knowing
    std::uint64_t lost_races = 0;
    std::uint64_t cache_drops = 0;  // of a space
    std::uint64_t failures = 0;
    bool has_cache = false;
    std::string refused{};  // why nothing is fed: these rows are not of this program
};

struct projector_config
{
    std::vector<std::int32_t> lanes;
    bool by_lease = false;  // serves only what `hold` names
    int deaths_max = 1;     // of a lane's owners at one place; from then on its events are folded one at a time
    std::int64_t careful_events = 5'000;  // so many
    int flights_max = 1;                  // owners that one event may end before it stops its keys
    std::chrono::milliseconds take_again_after{2'000};
    int take_attempts_max = 10;           // for a lane whose owner before is still writing
    std::size_t refill_rows_max = 2'000;  // per step between batches
    // Positions are held against the store's so often: a repair moves those of lanes in which nothing happens.
    std::chrono::milliseconds positions_every{5'000};
    std::chrono::milliseconds lost_min{500};  // how long a lost lane is left alone, doubling
    std::chrono::milliseconds lost_max{8'000};
    int cache_losses_max = 8;                             // then it works without a cache for a while
    std::chrono::milliseconds cache_again_after{30'000};  // so long, and each time that it is lost again
    std::vector<const definition*> beside{};  // of these, the ones that nobody is shown: no reader waits for them
    std::function<void(const report&)> tell;  // called on the projector's thread
    std::function<void(const std::string& incarnation)> opened{};  // likewise, with every connection
};

class projector
{
public:
    // The cache may be absent: every batch then reads its rows.
    projector(projector_config, std::span<const definition* const>, row_store&, row_cache*, positions&,
              const schema::clock&);

    // Connects, reads the checkpoints, mends what does not belong to this log, and judges the cache.
    void open();

    // With `by_lease`: exactly these lanes are ours from now on. What is new is read and taken: a step of every
    // projection of the lane, so that whatever its owner before still has under way finds its step taken. Throws as
    // `open` does.
    // True: they are other lanes than before.
    bool hold(std::span<const event_feed::lease>);

    // From where the feed should go on, for the lanes that are ours to serve now.
    std::vector<position> after();
    const std::vector<std::int32_t>& lanes() const { return config_.lanes; }

    // Folds and commits. A lost race leaves the lanes to their other owner for a while and is no error; a row that the
    // database refuses stops its key.
    void apply(std::span<const recorded>, const opening&);

    // Fills the cache a little further; false when there is nothing to fill.
    bool refill();

    void heads(std::span<const position>);
    void failed(const std::string& why);
    figures take() const;
    // Since when a fold has been going on, and of which lane if of one event alone; any thread may ask.
    struct under_way
    {
        std::chrono::steady_clock::time_point since{};
        std::optional<std::int32_t> careful_lane;
    };
    std::optional<under_way> folding_now() const;
    void count_on(const figures&);         // counters go on from these; before anything else
    bool serves(std::int32_t lane) const;  // false: another process does

private:
    using time_point = std::chrono::steady_clock::time_point;

    // One projection in one lane.
    struct course
    {
        checkpoint at;
        std::uint64_t shape = 0;
        bool is_complete = false;
        std::optional<row_key> filled_rows;      // up to where the cache was filled; nothing: not begun
        std::optional<total_key> filled_totals;  // set once the rows are through
        std::unordered_set<row_key> parked;
        std::size_t discarded = 0;  // of these: an operator does without them
    };
    struct lane_state
    {
        std::int32_t lane = 0;
        std::vector<course> courses;  // one per definition
        std::int64_t head = 0;
        // When the oldest event not yet shown was recorded; of a lane left alone: since when it is known to stand still
        // behind its head.
        std::optional<schema::moment> behind_since;
        bool is_held = false;                 // ours to serve; without leases always
        std::int64_t term = 0;                // of the lease
        std::int64_t careful_until = 0;       // up to this seq events are folded one at a time, each noted before
        std::optional<std::int64_t> culprit;  // an event that ended whoever folded it: it stops its keys unfolded
        bool culprit_hung = false;
        time_point take_not_before{};   // the last try met somebody who was still writing
        std::int64_t ended_term = -1;   // a lease that was found to have ended, though nobody has told us yet
        bool is_left_alone = false;     // to another process
        time_point left_alone_until{};  // then it is looked at again
        std::chrono::milliseconds left_alone_for{0};
    };

    lane_state& state_of(std::int32_t lane);
    course& course_of(const definition&, std::int32_t lane);
    static space space_of(const course& of) { return {of.at.of->name, of.at.of->version, of.at.lane}; }
    // Appended rows are never read while folding, so nothing of them is kept.
    static bool is_cached(const course& of) { return of.at.of->kind == row_kind::folded; }
    static std::int64_t seq_of(const lane_state&);
    std::int64_t seq_shown(const lane_state&) const;
    standing standing_of(const course&) const;

    // What somebody else did to the positions: rows were changed where they stand (a key was freed), or moved on.
    enum class news
    {
        none,
        mended,
        moved
    };
    void begin(lane_state&);
    void try_to_take(lane_state&, const event_feed::lease&);
    void take(lane_state&, const event_feed::lease&);
    void suspect(lane_state&);
    bool take_steps(lane_state&);
    std::vector<held_lane> leases_of(std::span<const checkpoint>) const;
    void leave_ended(std::span<const std::int32_t> lanes);
    news read_positions(std::span<const std::int32_t> lanes);
    void look_at_positions();
    bool has_moved(lane_state&);
    void read_parked(std::span<const std::int32_t> lanes);
    void follow_other(lane_state&);
    void mend(lane_state&);
    void judge_cache(course&);
    void drop(course&);
    void lose_cache(const std::string& why);
    void take_cache_again();
    void forget_filled();
    void take_up_left_alone();
    bool is_abandoned(const lane_state&) const;

    void apply_together(std::span<const recorded>, const opening&);
    struct fold_note
    {
        explicit fold_note(projector&);
        ~fold_note();
        projector& of;
    };
    void apply_carefully(lane_state&, std::span<const recorded>, const opening&);
    std::vector<parked_key> stopped_by(const recorded&, bool has_hung);
    // False: something was learned (rows that are refused, a cache that is lost) and it is to be done again.
    bool apply_without(std::vector<parked_key>& refused, std::span<const recorded>, const opening&);
    void load_rows(folding&);
    void load_totals(const folding&, std::vector<commit::new_total>&, std::span<const recorded>);
    std::vector<checkpoint> next_steps(std::span<const recorded>) const;
    void remember(const commit&);
    void follow(const commit&);
    void refill_rows(course&);
    void refill_totals(course&);
    void lost(std::span<const recorded>);
    void tell(report::kind, std::string) const;
    void publish();

    const projector_config config_;
    const std::span<const definition* const> definitions_;
    row_store& rows_;
    row_cache* const cache_given_;
    row_cache* cache_;  // nothing: none is used
    positions& positions_;
    const schema::clock& clock_;

    std::vector<lane_state> lanes_;
    std::string incarnation_;                   // as told when it opened
    std::optional<std::int32_t> careful_lane_;  // whose events are being folded one at a time
    figures counted_;
    time_point look_at_positions_next_{};
    int cache_losses_ = 0;
    time_point cache_again_at_{};  // while there is none

    mutable std::mutex mutex_;
    std::optional<under_way> under_way_;        // guarded by mutex_
    figures published_;                         // guarded by mutex_
    std::vector<std::int32_t> published_left_;  // likewise: the lanes left to others
};
}  // namespace projection
