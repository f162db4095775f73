// The front of the lane writers: takes a command, answers once with the truth.
//
// One dispatcher per process owns W writers (threads `command-Na`, `-Nb`); lane L belongs to writer L mod W. `submit`
// may be called from any thread and never blocks; `done` is called exactly once and must only hand the answer on: it
// runs on a writer thread, on the thread that watches deadlines, or, when the queue is full, inside `submit`. Queues
// are bounded: when one, or the share of one tenant in it, is full the answer is `busy` and nothing happened. Every
// command is answered by its deadline, give or take the watch's beat of 25 ms: a deadline passed before work started
// means that nothing happened; afterwards the answer is the truth, or `applied` is unknown.
#pragma once

#include "commands/lanes/aggregate.hpp"
#include "commands/lanes/decision.hpp"
#include "events/log/seal.hpp"
#include "events/log/snapshots.hpp"
#include "events/log/store.hpp"

#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace lanes
{
// A writer for every two cores: its two threads, the database's share and the network's fill them, and more writers
// only make smaller rounds.
int writers_for_this_machine();

struct writer_config
{
    int writers = writers_for_this_machine();  // each with two threads and connections
    std::size_t round_commands_max = 512;
    std::size_t round_bytes_max = 4 * 1024 * 1024;
    std::size_t queue_commands_max = 8'192;  // waiting per writer; beyond, or beyond a tenant's share of it: busy
    std::size_t queue_bytes_max = 64 * 1024 * 1024;
    std::size_t cache_bytes_max = 64 * 1024 * 1024;  // aggregates kept per writer
    int attempts_max = 3;                            // lost races before 409 conflict
    std::size_t batch_commands_max = 100;            // a batch is never split, so a round has room for it
    int wary_rounds = 32;                            // after a wrong guess: so many rounds ask before they decide
    event_log::snapshots* snapshots = nullptr;       // of long streams, outlive the dispatcher; none: none are used
    // What claim_taken, quota_over and quota_under mean to the nouns; lanes::refusal_for when empty. Thread-safe.
    std::function<refusal(const event_log::verdict&)> refusal_for;
};

// The If-Match header, parsed: any of these versions, or `*`.
struct if_match
{
    bool any = false;
    std::vector<std::int64_t> versions;
    stream_key stream;
};

struct receipt_wanted
{
    std::string key;
    std::array<std::uint8_t, 32> fingerprint{};
    std::string principal;
    event_log::receipt_class kept_as = event_log::receipt_class::client;
};

struct submission
{
    uuid tenant;
    origin from;
    event_log::meta meta;
    // Pure; called as often as the view has to be completed or a race was lost. Must own all it needs.
    // It looks at every stream that it writes.
    std::function<decided(view&)> decide;
    // How a replayed receipt is rendered: the aggregate of the stream that the answer shows.
    const aggregate_type* shown_as = nullptr;
    std::optional<receipt_wanted> remember;
    std::optional<if_match> match;
    // Decided and judged, and nothing of it happens. `remember` is then unset.
    bool is_rehearsal = false;
    // Set for the command that brings its tenant to life: lane and key are chosen here, whatever stands in it.
    std::optional<event_log::new_tenant> tenant_born;
    std::chrono::steady_clock::time_point deadline;
    std::size_t bytes = 0;  // of the request's body
};

// Several commands of one tenant as one: they wait together, ride in one round, and are decided in their order, each
// on what those before it did. `atomic`: all of them happen, in one append, or none; a command that an earlier request
// has done already (its receipt is there) is answered from its receipt either way.
// Otherwise each stands for itself, and only keeps its place: it is never decided before an earlier one.
struct batch
{
    bool atomic = false;
    std::vector<submission> commands;  // of one tenant, with one deadline; none a rehearsal, none a tenant's birth
};

enum class applied
{
    yes,
    no,
    unknown
};

struct answer
{
    applied was_applied = applied::no;
    std::optional<refusal> refused;  // set: nothing was applied
    bool unavailable = false;        // the store could not be reached: 503, `was_applied` no or unknown
    bool broken = false;             // a fault of ours, described in the figures: 500, `was_applied` no or unknown
    std::int16_t status = 200;
    bool replayed = false;
    std::string item;    // JSON in GET's shape, without secrets
    std::string events;  // of a rehearsal: what would have happened, a JSON array of {type, version, data}
    std::int64_t version = 0;
    event_log::position at;  // a read at least this new sees the command
};

class dispatcher
{
public:
    dispatcher(writer_config, event_log::store_config, event_log::keyring&, const schema::clock&,
               std::function<void(std::int32_t lane)> appended);  // in-process wake of feeds; called on writer threads
    ~dispatcher();                                                // drains: everything accepted is answered

    void submit(submission, std::function<void(answer)> done);
    // `done` gets one answer for each command, in their order, all at once. Siblings of a refused one in an atomic
    // batch are refused with `batch_refused`. An empty batch, or one that breaks the rules above, is an assertion; so
    // is an atomic one that holds an idempotency key twice.
    void submit(batch, std::function<void(std::vector<answer>)> done);

    // Which lane a tenant lives in; nothing when there is no such tenant. Cached for ever; may block on the store.
    std::optional<std::int32_t> lane_of(const uuid& tenant);

    struct figures
    {
        std::uint64_t rounds = 0, commands = 0, events = 0, conflicts = 0, reloads = 0, cache_hits = 0,
                      cache_misses = 0, busy = 0, expired = 0, broken = 0;
        std::vector<double> append_seconds;  // since the last call, bounded
        std::size_t waiting = 0;
        std::string last_fault;  // what() of the newest exception behind a 500 or 503; empty: none yet
    };
    figures take_figures();

private:
    struct implementation;
    std::unique_ptr<implementation> self_;
};
}  // namespace lanes
