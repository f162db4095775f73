// A tenant's claims and running totals held against its events, and mended.
//
// Looking is one snapshot of one tenant: its facts, its claims and its totals, whoever is at work meanwhile. Mending is
// one call that takes the lanes' locks, makes sure that nothing of the tenant has happened since the look, and writes;
// no lock is held across a round trip. Looks as clientflow_app; mending needs the rights of an operator. Serves one
// thread. Throws event_log::unreachable, and std::runtime_error when the server refuses or a fact cannot be read.
#pragma once

#include "commands/lanes/decision.hpp"
#include "events/log/connection.hpp"
#include "events/log/seal.hpp"
#include "events/log/store.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lanes
{
using schema::uuid;

// What the nouns say follows from their facts.
struct standing_rules
{
    // A fact that adds to a metric of its tenant.
    struct counted_fact
    {
        std::string_view metric;
        std::string_view category;
        std::string_view type;
        std::int64_t amount = 0;
    };

    std::span<const std::string_view> claiming;  // categories whose facts take or release claims
    // Adds the claims, in their order, and counts beside those below that follow from a fact in its newest shape.
    // Throws std::runtime_error when it cannot be read.
    void (*reckon)(const event_log::recorded&, schema::opener*, decision& into) = nullptr;
    std::span<const counted_fact> counted;
};

struct standing_difference
{
    enum class kind
    {
        claim_missing,     // the log took it and nobody holds it
        claim_unexpected,  // somebody holds it and the log did not take it
        claim_of_other,    // another stream holds it
        total_differs
    };
    kind what = kind::total_differs;
    std::string name;                    // the claim's scope, or the metric
    event_log::claim_hash hash{};        // of a claim
    bool is_platform_wide = false;       // of a claim
    event_log::stream_key owner;         // of a claim, by the log; by the table when unexpected
    std::int64_t wanted = 0, found = 0;  // of a total
};

struct tenant_standing
{
    uuid tenant;
    std::int32_t lane = 0;
    std::int64_t seen_to = 0;  // the lane's last event of the snapshot
    std::vector<standing_difference> differences;
    std::uint64_t claims = 0, totals = 0;
};

class standing_audit
{
public:
    // The rules outlive it.
    standing_audit(event_log::store_config, event_log::keyring&, const standing_rules&);
    ~standing_audit();

    tenant_standing look(const uuid& tenant, std::int32_t lane);
    // Claims and totals of tenants that were never born, each as one line.
    std::vector<std::string> strangers();

private:
    struct implementation;
    std::unique_ptr<implementation> self_;
};

// Puts right what `look` has found. False: something of the tenant has happened since, look again. FAULT_POINTs
// mend_standing.before and mend_standing.after stand around the call, which is one transaction.
bool mend(event_log::connection&, const tenant_standing&);
}  // namespace lanes
