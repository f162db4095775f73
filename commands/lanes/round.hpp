// One round of one writer: take commands, load what is missing, decide in arrival order, append once, answer.
//
// The cheap way is tried first. A stream that a decision would bring to life is taken to be unborn and a receipt to be
// absent without asking, because the append proves both; when either turns out wrong, the command is carried to the
// next round and the writer asks first for a while (`wary`). Refusals are proved the same way: they ride along as
// expectations on what they looked at, and are answered only once the append has confirmed it.
#pragma once

#include "commands/lanes/aggregate_cache.hpp"
#include "commands/lanes/dispatcher.hpp"
#include "commands/lanes/entry.hpp"
#include "commands/lanes/loading.hpp"
#include "commands/lanes/sealing_keys.hpp"
#include "commands/lanes/tally.hpp"
#include "commands/lanes/tenant_directory.hpp"
#include "commands/lanes/working_set.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace lanes
{
// What a writer keeps between rounds. One thread, but for what is shared by pointer.
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

    event_log::store store;
    aggregate_cache cache;
    schema::uuid_source ids{};
    int wary_rounds = 0;  // rounds left in which receipts and unborn streams are asked for first
};

class round
{
public:
    explicit round(workbench&);

    // Returns the commands that have to go into the next round, in their order.
    std::vector<command> run(std::vector<command>);

private:
    // Before deciding.
    void admit(std::vector<command>);
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
    void accept(entry&);
    void ask_receipt(entry&);

    // Appending.
    std::vector<event_log::command_part> write_parts();
    void write_part(entry&, std::vector<event_log::command_part>&, std::vector<subject_ref>& lacking);
    void write_again(std::span<entry* const>, std::vector<event_log::command_part>&, std::vector<subject_ref>& lacking);
    void append();
    void append_parts(std::vector<event_log::command_part>);
    void wake_feeds(const event_log::round&, std::span<const event_log::verdict>);

    // Answering.
    void judge(entry&, const event_log::verdict&);
    void confirm(entry&, const event_log::position&);
    void retry_moved(entry&);
    bool rests_on_refused(const entry&) const;
    void keep_confirmed();
    void carry(entry&);
    void close(entry&, answer);
    void break_off(entry&, std::string_view what);
    void part_company(std::string_view what);
    void end_all(applied, bool is_our_fault, std::string_view what);

    workbench& bench_;
    loader loader_;
    sealing_keys keys_;
    working_set set_;
    bool wary_ = false;
    bool appending_ = false;  // from here on a failure leaves the outcome unknown, unless the store says otherwise
    bool appended_ = false;   // the store has answered
    std::int64_t now_us_ = 0;
    std::vector<entry> entries_;
    std::map<uuid, std::int32_t> lanes_;                         // of the round's tenants
    std::set<uuid> born_;                                        // tenants that come to life in this round
    std::set<std::pair<uuid, std::string_view>> accepted_keys_;  // idempotency keys of this round
    std::unordered_map<uuid, const entry*> made_by_;             // by event id
    std::vector<const entry*> confirmed_;
};
}  // namespace lanes
