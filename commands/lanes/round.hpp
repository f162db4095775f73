// One round of one writer: take commands, load what is missing, decide in arrival order, append once, answer.
//
// While one round is in the store the next one is prepared (see writer.hpp), so a round works in steps: those that
// touch what the writer keeps run under its desk's lock, those that wait for the store do not. What the round in the
// store moves on is out of reach meanwhile: commands that look at it are carried.
//
// The cheap way is tried first. A stream that a decision would bring to life is taken to be unborn and a receipt to be
// absent without asking, because the append proves both; when either turns out wrong, the command is carried to the
// next round and the writer asks first for a while (`wary`). Refusals are proved the same way: they ride along as
// expectations on what they looked at, and are answered only once the append has confirmed it.
//
// The commands of a batch stand side by side. Those of an atomic one are decided like others, but the first refusal
// takes back what its siblings did to the working set and speaks for all of them: it rides along as an expectation on
// what the batch found, and nothing else of the batch goes to the store.
#pragma once

#include "commands/lanes/aggregate_cache.hpp"
#include "commands/lanes/dispatcher.hpp"
#include "commands/lanes/entry.hpp"
#include "commands/lanes/loading.hpp"
#include "commands/lanes/sealing_keys.hpp"
#include "commands/lanes/snapshot_taker.hpp"
#include "commands/lanes/tally.hpp"
#include "commands/lanes/tenant_directory.hpp"
#include "commands/lanes/working_set.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

namespace lanes
{
// What a writer keeps between rounds; guarded by its desk's lock, but for what is shared by reference.
struct workbench
{
    const writer_config& config;
    const schema::clock& clock;
    event_log::keyring& keys;
    tenant_directory& tenants;
    tally& counts;
    const std::function<void(std::int32_t lane)>& appended;
    // Hands a command to the writer of its lane; false when this writer is the one.
    std::function<bool(const command&, std::int32_t lane)> forward;
    snapshot_taker* taker;  // hears of streams that grow; may be null

    aggregate_cache cache;
    std::unordered_set<stream_ref> in_flight{};  // streams that a round in the store moves on
    schema::uuid_source ids{};
    int wary_rounds = 0;  // rounds left in which receipts and unborn streams are asked for first
};

class round
{
public:
    // What is missing is loaded from the one while the round is prepared, and it is appended to the other. With the
    // desk.
    round(workbench&, event_log::store& loads, event_log::store& appends);

    // Takes commands in and decides them; may be called again until the round departs or is over. With the desk.
    void prepare(std::vector<command>);
    bool is_over() const { return is_over_; }  // a failure ended it
    std::size_t commands() const { return entries_.size(); }
    std::size_t bytes() const { return bytes_; }
    // From now on others leave alone what the round moves on. With the desk.
    void depart();
    // Waits for the store, unless nothing is to be appended. Without the desk.
    void append();
    // Keeps what was confirmed, before anybody hears of it: who is answered may come back at once. With the desk.
    void keep_confirmed();
    // By the verdicts. Without the desk.
    void answer_all();
    // Those that have to go into a later round, in their order. Those that only wait for the round before may go as
    // soon as this one departs.
    std::vector<command> take_carried();
    std::vector<command> take_waiting_for_flight();

private:
    // A failure ends the round: everything in it is answered or carried.
    void guarded(const std::function<void()>& step);

    // Before deciding.
    void admit(std::vector<command>);
    void admit_one(const command&, std::size_t nth, std::int32_t group);
    void settle_lanes();
    void settle_lane(entry&);
    void settle_birth(entry&);
    void load_and_try();
    bool try_all();  // whether anything has to be loaded
    void try_one(entry&);
    bool wants_receipt(const entry&) const;
    void load_missing();
    void take_receipt(entry&, std::optional<event_log::receipt>);
    void answer_from_receipt(entry&, const loaded_stream&);

    // Deciding.
    void decide_all();
    void decide_in_turn(entry&);
    void decide_now(entry&);
    bool rests_on_flight(const entry&);
    const entry* carried_before(const entry&) const;
    void accept(entry&);
    void refuse_together(entry&);
    void ask_receipt(entry&);

    // Batches.
    void with_company(const entry&, const std::function<void(entry&)>&);
    void take_back_company(const entry&);
    void end_company(const entry&, const answer&);

    // Appending.
    void write_parts();
    void write_part(entry&, std::vector<subject_ref>& lacking);
    void write_again(std::span<entry* const>, std::vector<subject_ref>& lacking);
    std::vector<event_log::command_part> collect_parts();
    void append_parts();
    void wake_feeds();

    // Answering.
    void take_verdicts();
    void judge(entry&, const event_log::verdict&);
    void confirm(entry&, const event_log::position&);
    void tell_growth(const entry&);
    void retry_moved(entry&);
    bool rests_on_refused(const entry&) const;
    void carry(entry&);
    void close(entry&, answer);
    void break_off(entry&, std::string_view what);
    void part_company(std::string_view what);
    std::vector<command> take_back_to_queue(bool only_waiting);
    void end_all(applied, bool is_our_fault, std::string_view what);

    workbench& bench_;
    event_log::store& loads_;
    event_log::store& appends_;
    event_log::keyring::held held_;  // what it loads with, decides with and seals with
    loader loader_;
    sealing_keys keys_;
    working_set set_;
    bool wary_ = false;
    bool is_rehearsal_ = false;  // of its one command
    bool appending_ = false;     // from here on a failure leaves the outcome unknown, unless the store says otherwise
    bool appended_ = false;      // the store has answered
    bool is_over_ = false;       // a failure ended it
    std::int64_t now_us_ = 0;
    std::size_t bytes_ = 0;
    std::int32_t groups_ = 0;    // atomic batches so far
    std::deque<entry> entries_;  // in arrival order, a batch side by side; pointers to them stay good
    event_log::round sent_;
    std::vector<event_log::verdict> verdicts_;
    std::map<uuid, std::int32_t> lanes_;                         // of the round's tenants
    std::set<uuid> born_;                                        // tenants that come to life in this round
    std::set<std::pair<uuid, std::string_view>> accepted_keys_;  // idempotency keys of this round
    std::unordered_map<uuid, const entry*> made_by_;             // by event id
    std::vector<const entry*> confirmed_;
    std::vector<stream_ref> stale_;   // what the cache had of them was wrong, or may be
    std::vector<stream_ref> moving_;  // what it has in flight
};
}  // namespace lanes
