// What a decider is shown and what it answers: the seam between the pure nouns of commands/ and the lane writers.
//
// A `view` holds the aggregates a decision may look at, as they stand inside the current round. Looking at a stream
// that is not loaded yet shows the unborn state and marks the view incomplete: whatever was decided is then thrown
// away, the stream is loaded, and the decision is made again. So every stream that a decision looked at is known, and
// becomes an expected head of the append, also for refusals and for "nothing to do". Views serve one thread.
#pragma once

#include "events/log/store.hpp"
#include "schemas/record.hpp"
#include "schemas/result.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lanes
{
using event_log::stamp;
using event_log::stream_key;
using schema::moment;
using schema::uuid;

// Where a command comes from. Clock and ids are here so that deciders need neither.
struct origin
{
    uuid tenant;
    event_log::actor by;
    std::optional<uuid> member;  // the member behind the key, if any
    std::string on_behalf_of;
    moment now;          // when the command was accepted
    moment occurred_at;  // `now`, or what an importer says
};

enum class refusal_kind
{
    not_found,  // 404
    invalid,    // 422 with faults
    conflict,   // 409: state_conflict, already_exists, <noun>.archived, and the noun's own codes
    limit,      // 402 plan_limit_reached
    forbidden,  // 403: forbidden, org.suspended
    mismatch,   // 412 version_mismatch
    reused,     // 422 idempotency_key_reused
    sibling,    // 424 batch_refused
    busy        // 503: nothing happened
};

// A refusal is a value. `code` is stable for ever and reaches the client and the log.
struct refusal
{
    refusal_kind kind = refusal_kind::conflict;
    std::string code;
    std::string detail;
    schema::faults faults;  // invalid
    std::string state;      // state_conflict
    std::vector<std::string> allowed_verbs;
    std::string metric;  // plan_limit_reached
    std::int64_t limit = 0;
    std::int64_t used = 0;
    std::int64_t version = 0;  // mismatch: the current one
};

// One noun's aggregate as the machine sees it, made by `aggregate_of<State>` (aggregate.hpp) from the noun's own
// `initial`, `evolve` and `render`.
struct aggregate_type;

class view
{
public:
    virtual ~view() = default;

    // The state of a stream of the command's own tenant; unborn when it has no events.
    template <class State>
    const State& look(const uuid& stream);

    // The version of a stream already looked at, 0 when unborn.
    virtual std::int64_t version(std::string_view category, const uuid& stream) const = 0;

protected:
    virtual const void* find(const aggregate_type&, const uuid& stream) = 0;
};

// A claim by its plain value; the writer folds and hashes it with the tenant's key.
struct claim
{
    bool take = true;
    bool platform_wide = false;
    std::string scope;
    std::string value;
    bool is_digest = false;             // `value` is already a digest in hex (API key secrets): hash it as it is
    std::optional<stream_key> owner{};  // whose value it is; unset: the stream that the decision shows
};

struct quota
{
    std::string metric;
    std::int64_t delta = 0;
    std::optional<std::int64_t> limit;
    std::optional<std::int64_t> floor;
};

// A decided fact, still typed: it is written as JSON (and sealed) when the round is appended.
struct fact
{
    stream_key stream;
    const schema::record_type* type = nullptr;
    std::shared_ptr<const void> alternative;  // the fact itself (`project::created`), described by `type`
    std::shared_ptr<const void> variant;      // the noun's event variant holding it, for evolve
};

// An accepted command: possibly no facts at all (already satisfied, nothing changes).
struct decision
{
    std::vector<fact> facts;
    std::vector<claim> claims;
    std::vector<quota> quotas;
    stream_key shows;  // whose state after the facts is the answer
    const aggregate_type* shown_as = nullptr;
    std::int16_t status = 200;  // 201 for a create that created
    bool replayed = false;      // a create repeated with the same id: answered with Idempotency-Replayed

    template <class Event>
    void add(stream_key to, Event event)
    {
        auto held = std::make_shared<const Event>(std::move(event));
        std::visit(
            [&](const auto& alternative) {
                facts.push_back({std::move(to), &schema::schema_of<std::remove_cvref_t<decltype(alternative)>>,
                                 std::shared_ptr<const void>(held, &alternative), held});
            },
            *held);
    }
};

using decided = schema::result<decision, refusal>;
}  // namespace lanes
