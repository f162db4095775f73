// The versions of the read models in a database: which are fed, which one is live, and the way of a new one.
//
// A version is folded by a definition of the code; it has its own number, table, totals, positions and stopped keys. A
// `model` is a definition under a version's number and table, as the runner and the comparison take it. One store holds
// one connection, works as the projector's role and serves one thread. Everything throws `store_failed`; a step that
// the state of the versions does not allow is `not_now`, and nothing has changed.
#pragma once

#include "projections/runner/definition.hpp"
#include "projections/runner/row_store.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace projection
{
// States as they are stored.
namespace version_state
{
inline constexpr std::string_view building = "building", beside = "beside", live = "live", former = "former",
                                  retired = "retired";
}

struct version
{
    std::string projection;
    int number = 1;
    int definition = 1;
    std::string digest;
    std::string rows_in;  // "read.task_v2"
    std::string state;
    friend bool operator==(const version&, const version&) = default;
};

// A definition of the code under a version's number and table. Kept where it is made: others point at `fed`.
struct model
{
    explicit model(const definition& of, version which);
    model(const model&) = delete;
    model& operator=(const model&) = delete;

    const version which;
    const definition code;  // what it is made of
    const definition fed;   // with the version's number and table
};
using models = std::vector<std::unique_ptr<model>>;

// Of some models, their definitions; in the same order.
std::vector<const definition*> definitions_of(const models&);

// The form of the rows: name, streams and columns. What the fold makes of events is not seen by it. 64 hex digits.
std::string digest_of(const definition&);

// A definition that changed without a new number, or versions that this code cannot feed. The message says what to do.
struct unknown_definition : std::runtime_error
{
    using runtime_error::runtime_error;
};

// The versions do not stand so that this could be done; the message says how they stand.
struct not_now : std::runtime_error
{
    using runtime_error::runtime_error;
};

// The version does not show yet what the live one shows.
struct is_behind : not_now
{
    using not_now::not_now;
};

struct version_comparison
{
    bool is_same_shape = false;
    std::int64_t rows_of_one = 0, rows_of_other = 0;
    std::int64_t totals_different = 0;
    std::int64_t rows_different = 0;
    std::vector<std::pair<uuid, std::string>> differences;  // some of them: tenant, and id or seq
    std::vector<std::int32_t> lanes_apart;  // not compared: the versions show them up to different events
    // Of what can be compared: of different shapes the number of rows, and the totals.
    bool is_equal() const { return rows_of_one == rows_of_other && rows_different == 0 && totals_different == 0; }
};

// A definition whose live rows were made by an earlier one: `next` is the newest version that this one has made.
struct outdated
{
    const definition* code = nullptr;
    version live;
    std::optional<version> next;  // nothing: it has still to be built
};

class version_store
{
public:
    explicit version_store(row_store_config);
    ~version_store();
    version_store(version_store&&) noexcept;

    void open();
    bool is_open() const;

    // Enters what the database has no version of yet.
    void register_missing(std::span<const definition* const>);
    std::vector<version> all();  // by projection and number, without the retired
    std::optional<version> find(std::string_view projection, int number);

    // Those that are fed (live, beside, former), of these definitions. Throws `unknown_definition` when a live one is
    // not of this code.
    models fed(std::span<const definition* const>);
    models live(std::span<const definition* const>);

    // Of these definitions, those whose live rows an earlier one has made; in their order.
    std::vector<outdated> changed(std::span<const definition* const>);

    // A version to build, claimed; `not_now` while another one is being built.
    version begin(const definition&);
    // A version that is being built is ours to go on with for as long as this store's connection lasts. `not_now`,
    // without waiting for it, while another program builds it; one that ended just now is given `claim_patience` to let
    // go, and a session of ours that was lost the time in which the server misses it. To be claimed again after `open`.
    void claim(const version&);
    static constexpr std::chrono::milliseconds claim_patience{1'000}, lost_claim_patience{35'000};
    // Before one that was begun is gone on with: perhaps by a program that made less of it.
    void go_on(const definition&, const version&);
    // Every version that stands beside the live one is fed and takes the room of the live one. `not_now` when there are
    // `beside_max` of them; the message names the command that throws one away. Asked before a build begins.
    static constexpr std::size_t beside_max = 3;  // of one definition; versions that were live are kept besides
    void expect_room_beside(const definition&);
    // Every version that was live is fed as well, so that it can be shown again. `not_now` when the swap to a version
    // that stands beside the live one would leave more than `former_max` of them; the message names the command that
    // throws the oldest away. Asked before a swap, and within it.
    static constexpr std::size_t former_max = 8;  // of one definition
    void expect_room_for_former(const version& next);
    std::optional<version> under_way(std::string_view projection);
    void finish(const model&);       // keys, indexes, row security
    void show_beside(const model&);  // whoever serves the lanes feeds it
    // Shows these, of a read model each, instead of the live ones: all of them in one transaction, or none. `is_behind`
    // when one is, `not_now` when one has stopped keys and those are not accepted, or when there is no room for the
    // version that was live. FAULT_POINTs swap_all.before_commit and swap_all.after_commit stand around its commit.
    void swap_all(std::span<const version>, bool with_stopped_keys);
    // A version that is not live goes out of use; one that is being built is cancelled. Whoever feeds it notices within
    // `feeders_notice`; afterwards its rows can be removed, which may be done again when it was cut off. FAULT_POINTs
    // retire.before and retire.after stand around the one, remove_retired.positions_gone, .tenant_gone, .words_quiet,
    // .words_gone and .rows_gone behind the steps of the other.
    void retire(const definition&, int number, const std::string& reason);
    void remove_retired(const definition&, int number);
    static constexpr std::chrono::seconds feeders_notice{3};
    // The version that was live before the one that is; nothing when there is none that is still fed.
    std::optional<version> live_before(std::string_view projection);
    // Rows and totals of two versions, in one snapshot, in those lanes that both show up to the same event. Tables of
    // different shapes are only counted. Takes as long as reading both.
    version_comparison compare(const version& one, const version& other, std::size_t differences_max);
    // Those in which the two do not show the same events.
    std::vector<std::int32_t> lanes_apart(const version& one, const version& other);
    // Shows analysts the live version. False: somebody holds their view, try again. FAULT_POINTs
    // show_to_analysts.before_commit and show_to_analysts.after_commit stand around its commit.
    bool show_to_analysts(std::string_view projection, std::chrono::milliseconds patience);
    // The version that they see instead, for as long as that has not been done.
    std::optional<int> still_seen_by_analysts(std::string_view projection);

    // What the table holds, lane by lane; reads all of it.
    std::map<std::int32_t, std::uint64_t> rows_by_lane(const version&);
    // Progress of a build.
    void note_progress(const version&, std::int32_t lane, std::int64_t seq, std::int64_t mark, std::int64_t rows);

private:
    struct implementation;
    std::unique_ptr<implementation> self_;
};
}  // namespace projection
