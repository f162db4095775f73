// The event store: atomic rounds of commands appended to PostgreSQL, and streams read back.
//
// A round carries many commands of one or several tenants; all that each command asks for (events, expected heads,
// receipt, claims, quotas, subject keys) is checked and written in one transaction under the locks of its lanes. Every
// command gets its own verdict; a refused command never costs its neighbours, but a command built on a refused one is
// refused too. A `store` holds one connection and serves one thread. A lost connection never leaves an answer open: the
// round is settled by its id on a new connection, and `append` then reports what really happened; when even that is not
// possible within the deadline it throws `outcome_unknown`. `unreachable` means that nothing was written.
#pragma once

#include "events/log/envelope.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace event_log
{
class watchdog;

struct new_event
{
    uuid event_id;
    stream_key stream;
    std::int64_t version = 0;  // contiguous after the expected head of its stream
    std::string type;
    std::int32_t schema_version = 1;
    std::string data;
    std::string meta;
};

// What the decision rested on: every stream that it wrote or merely read.
struct expected_head
{
    stream_key stream;
    head at;
};

enum class receipt_class : std::int16_t
{
    client = 1,  // kept at least 24 h
    job = 2      // kept as long as jobs and dead letters are
};

// The memory of one answered Idempotency-Key. Holds no body and no secret.
struct receipt
{
    uuid tenant;
    std::string key;                             // ≤ 255 visible ASCII
    std::string principal;                       // TypeID of who asked
    std::array<std::uint8_t, 32> fingerprint{};  // keyed hash of method, path and members
    std::int16_t status = 200;
    stream_key shows;  // the stream whose state at `version` is the answer
    std::int64_t version = 0;
    receipt_class kept_as = receipt_class::client;
};

using claim_hash = std::array<std::uint8_t, 32>;  // keyed hash of the trimmed, case-folded value

struct claim_change
{
    bool take = true;   // false: release (only of what this owner holds; releasing nothing is no fault)
    uuid tenant;        // platform_tenant for platform-wide scopes
    std::string scope;  // "org.slug", "member.email", "api_key.secret"
    claim_hash value{};
    stream_key owner;
};

struct quota_change
{
    uuid tenant;
    std::string metric;  // "projects", "owners"
    std::int64_t delta = 0;
    std::optional<std::int64_t> limit;  // refused when the total would exceed it and delta > 0
    std::optional<std::int64_t> floor;  // refused when the total would fall under it and delta < 0
};

// A new key for the personal values of one subject, wrapped by the tenant's key.
struct subject_key
{
    uuid tenant;
    uuid subject;
    std::int32_t version = 1;
    std::string wrapped;  // bytes
};

// A tenant's birth: its lane is chosen here and never recomputed.
struct new_tenant
{
    uuid tenant;
    std::int32_t lane = 0;
    std::string wrapped_key;  // the tenant's key under the master key, bytes
};

// One command's share of a round. Events empty: an expectation-only command (a refusal or a no-op rides along with what
// it was decided on). Commands with the same non-zero `group` are appended all or none.
struct command_part
{
    uuid tenant;
    std::int32_t lane = 0;
    std::vector<new_event> events;
    std::vector<expected_head> expected;
    std::optional<receipt> remember;
    std::vector<claim_change> claims;
    std::vector<quota_change> quotas;
    // Every fresh key that something in these events is sealed with, also when an earlier command of the round brings
    // the same one: that command may be refused. A key that another process made meanwhile: head_moved, scope
    // "subject_key".
    std::vector<subject_key> subject_keys;
    std::optional<new_tenant> tenant_born;  // a tenant that is there already: head_moved, scope "tenant"
    std::int32_t group = 0;                 // siblings stand side by side
};

// In the order in which they are judged.
enum class verdict_kind : std::int16_t
{
    appended = 0,        // all written (or, without events and receipt, all that was expected still holds)
    receipt_exists = 1,  // the key was used before: reload the receipt
    head_moved = 2,      // an expected head is not the head any more: reload and decide again; see `subject_keys`
    claim_taken = 3,     // `scope` names which; taking again what the owner holds already is no fault
    quota_over = 4,      // `scope` names the metric; `limit`, `used`
    quota_under = 5,
    group_refused = 6,  // a sibling of an all-or-none group was refused
};

struct verdict
{
    verdict_kind kind = verdict_kind::appended;
    std::string scope;
    std::int64_t limit = 0;
    std::int64_t used = 0;
    position last;  // of the command's last event; without events: the lane's head seen
};

struct round
{
    uuid id;
    std::vector<command_part> commands;
};

// Nothing was written, and nothing ever will be.
struct unreachable : std::runtime_error
{
    using runtime_error::runtime_error;
};

// The transaction may have been committed, and the database cannot be asked before the deadline.
struct outcome_unknown : std::runtime_error
{
    using runtime_error::runtime_error;
};

struct stream_ask
{
    stream_key stream;
    std::int64_t after_version = 0;  // events above this version
    std::int64_t up_to_version = INT64_MAX;
};

struct receipt_ask
{
    uuid tenant;
    std::string key;
};

struct tenant_entry
{
    uuid tenant;
    std::int32_t lane = 0;
    std::string wrapped_key;
};

struct claim_entry
{
    stream_key owner;
};

struct store_config
{
    std::string dsn;            // no password inside: see connection.hpp
    std::string password_file;  // libpq's format; empty: its default
    std::string application_name = "clientflow";
    std::shared_ptr<watchdog> guard;                    // the process's; none: the store makes its own
    std::chrono::milliseconds append_deadline{10'000};  // one round, settling included
    std::chrono::milliseconds read_deadline{5'000};     // one read
    std::chrono::milliseconds lock_timeout{5'000};      // waiting for a lane
};

class store
{
public:
    explicit store(store_config);
    ~store();
    store(store&&) noexcept;
    store& operator=(store&&) noexcept;

    // One verdict per command, in order. Fast path first, careful path on any violation, retried on deadlock.
    // Throws `unreachable` or `outcome_unknown`; after either the store heals itself at the next call. A round whose
    // outcome was unknown may be handed in again with the same id: if it was appended, its verdicts come back.
    // A round that breaks the rules of this header breaks an assertion; one that names a wrong lane for a tenant, or
    // holds what the database cannot store, throws std::logic_error and nothing was written.
    std::vector<verdict> append(const round&);

    // The verdict that one command would get now, events and receipt apart; nothing is locked or written. `last` is the
    // lane's head. Throws as reads do.
    verdict rehearse(const command_part&);

    // All reads throw `unreachable`, and std::logic_error when asked for what the database cannot hold (a NUL in a
    // key).

    // Several streams and receipts in one round trip: everything a round is missing.
    // Events come grouped by stream in the order asked, each by version, as they are stored: who folds a stream brings
    // them to their newest shape (upcast.hpp) and looks for a version that is missing.
    struct loaded
    {
        std::vector<std::vector<recorded>> streams;
        std::vector<std::optional<receipt>> receipts;
    };
    loaded load(std::span<const stream_ask>, std::span<const receipt_ask>);

    std::optional<tenant_entry> find_tenant(const uuid&);
    // Of the lane's newest event; 0: there is none.
    std::int64_t last_seq(std::int32_t lane);
    // The lane with the fewest tenants, for a tenant about to be born.
    std::int32_t lane_for_new_tenant();
    std::optional<claim_entry> find_claim(const uuid& tenant, std::string_view scope, const claim_hash&);
    std::vector<subject_key> subject_keys(const uuid& tenant, std::span<const uuid> subjects);
    std::vector<std::pair<std::string, std::int64_t>> quotas(const uuid& tenant);

private:
    struct implementation;
    std::unique_ptr<implementation> self_;
};
}  // namespace event_log
