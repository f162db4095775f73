// The rows in PostgreSQL: loading the rows of a batch, and committing changed rows with the positions they bring them
// to.
//
// Works as the role clientflow_projector, which sees all tenants. One object holds one connection and serves one
// thread. Whoever commits a position first wins the lane; the other's transaction leaves nothing behind and throws
// `lost_race`. Every function throws `store_failed` when the database is gone or refuses; `open` makes a new
// connection.
#pragma once

#include "events/log/connection.hpp"
#include "projections/runner/folding.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace projection
{
struct row_store_config
{
    event_log::connection_config connection;
    std::shared_ptr<event_log::watchdog> watchdog;
    std::chrono::milliseconds call_deadline{30'000};  // each call to the database
};

// The newest step of one projection in one lane; step 0 when there is none yet.
struct checkpoint
{
    const definition* of = nullptr;
    std::int32_t lane = 0;
    std::int64_t step = 0;
    std::int64_t seq = 0;
    std::int64_t generation = 0;
    std::string incarnation;
    uuid event_id;
};

struct total
{
    std::int64_t seq = 0;  // of the row that holds it; 0: there is none
    std::int64_t value = 0;
};

// Another process has this lane.
struct lost_race : std::runtime_error
{
    using runtime_error::runtime_error;
};

// The database could not be reached, or refused. `was_refused`: it is there and said no, so trying again as it is will
// not help; otherwise what was under way may have been committed. `by_data`: it said no to some value, so without the
// row that holds it all may be well. The message holds no statement and no value.
struct store_failed : std::runtime_error
{
    store_failed(const std::string& what, bool refused, bool data = false, std::string state = {})
        : runtime_error(what), was_refused(refused), by_data(data), sqlstate(std::move(state))
    {}
    bool was_refused;
    bool by_data;
    std::string sqlstate;  // of a refusal
};

// A lane that is worked on under a lease, for the role named by `projector_role`.
struct held_lane
{
    std::int32_t lane = 0;
    std::int64_t term = 0;
};
inline constexpr const char* projector_role = "projector";

// What is known of the deaths of a lane's owners.
struct suspicion
{
    int deaths = 0;                         // one after the other, at this place
    std::optional<std::int64_t> in_flight;  // the event that was being folded alone when the last one died
    int ended = 0;                          // so many died while it was in flight
    bool hung = false;                      // its fold did not end
};

// One transaction of the runner.
struct commit
{
    std::vector<checkpoint> steps;  // the new ones
    std::vector<row_slot*> rows;    // changed, of all definitions
    struct new_total
    {
        total_key key;
        total before;
        total now;
        const definition* of = nullptr;
        std::int32_t lane = 0;
    };
    std::vector<new_total> totals;
    std::vector<parked_key> parked;
    std::vector<held_lane> leases{};  // must still hold, else the race is lost; empty: nobody shares lanes by lease
    std::vector<appended_rows> appended{};
};

// All of one tenant's rows of one projection.
struct renewed_tenant
{
    checkpoint step;  // the new one
    uuid tenant;
    std::map<row_key, std::string> rows;  // compact
    std::vector<std::pair<total_key, std::int64_t>> totals;
    std::vector<parked_key> parked;
};

class row_store
{
public:
    row_store(row_store_config, std::span<const definition* const>);
    ~row_store();

    void open();
    bool is_open() const;

    // Which history the store's positions belong to: "<timeline>.<number>".
    std::string incarnation();
    std::vector<checkpoint> checkpoints(std::span<const std::int32_t> lanes);
    std::vector<parked_key> parked(std::span<const std::int32_t> lanes);
    // Whether one of these versions was thrown away: no step of it is taken any more.
    bool has_retired();
    // How far the live versions of these read models show each lane; without the lanes in which one has not begun.
    std::vector<position> shown(std::span<const std::int32_t> lanes);
    // The event at a position, nothing when the log does not reach it.
    std::optional<uuid> event_at(const position&);

    // Sets `before` of those slots whose rows exist; all slots are of one definition.
    void load(std::span<row_slot* const>);
    std::map<total_key, total> load_totals(std::span<const total_key>);

    // A page of a lane's rows in key order, compact, for filling the cache. Empty: that was all.
    struct stored_row
    {
        row_key key;
        std::string bytes;
    };
    std::vector<stored_row> rows_after(const definition&, std::int32_t lane, const row_key& after,
                                       std::size_t count_max);
    std::vector<std::pair<total_key, total>> totals_after(const definition&, std::int32_t lane, const total_key& after,
                                                          std::size_t count_max);

    // The lane's owner died while the lane stood here; whoever took it over has this term. Counts once per term.
    suspicion suspect(const position&, std::int64_t term);
    // This one event is about to be folded alone; nothing: the lane is above suspicion.
    void fly(std::int32_t lane, std::optional<std::int64_t> seq);
    // The fold of the event in flight does not end.
    void note_hung(std::int32_t lane);

    // Those of the leases that have ended.
    std::vector<held_lane> ended(std::span<const held_lane>);
    // Of appended rows, for the comparison. Those events that have no row, or another one than they should.
    struct differing_row
    {
        uuid tenant;
        std::int64_t seq = 0;
        bool is_missing = false;
    };
    std::vector<differing_row> differing(const appended_rows&);
    // A page of a lane's rows in the order of their keys; `is_known`: the log has their event, at or below `up_to_seq`.
    struct appended_row
    {
        uuid tenant;
        std::int64_t seq = 0;
        bool is_known = false;
    };
    std::vector<appended_row> appended_after(const definition&, std::int32_t lane, const appended_row& after,
                                             std::int64_t up_to_seq, std::size_t count_max);

    // A page of the words by which a lane's rows are found, in the order of row and word. Empty: that was all.
    struct stored_term
    {
        row_key key;
        term found_by;
    };
    std::vector<stored_term> terms_after(const definition&, std::int32_t lane, const row_key& after,
                                         const std::string& after_word, std::size_t count_max);

    // FAULT_POINTs projection.before_commit and projection.after_commit stand around its commit.
    void write(const commit&);

    // Those of the rows that the database refuses by their values, with the SQLSTATE. Writes nothing.
    std::vector<std::pair<const row_slot*, std::string>> refused(std::span<row_slot* const>);

    // Puts one key's row and totals right outside the flow, frees the key, and takes a step of its projection, so that
    // whoever serves the lane reads its positions anew. FAULT_POINTs free_key.before_commit and free_key.after_commit
    // stand around its commit.
    void free_key(const commit&, const parked_key&);

    bool is_parked(const parked_key&);

    // Puts these rows, their words and totals in the place of all that the tenant has of the projection, and stops
    // these keys beside those that are.
    // FAULT_POINTs renew.before_commit and renew.after_commit stand around its commit.
    void renew(const renewed_tenant&);

    // Leaves a key stopped for good, of whatever version. False: it is not stopped any more.
    bool discard(std::string_view projection, int version, const row_key&, const std::string& reason);

    // Throws the rows, terms, totals and parked keys of these projections in one lane away, with the steps given.
    // FAULT_POINTs empty_lane.before_commit and empty_lane.after_commit stand around its commit.
    void empty_lane(std::int32_t lane, std::span<const checkpoint> steps);

private:
    struct implementation;
    std::unique_ptr<implementation> self_;
};
}  // namespace projection
