// The completeness auditor: everything that is derived from the log held against it, step by bounded step, and mended.
//
// A pass looks at every lane (each seq is there, and has its appended rows), at every position, and tenant by tenant at
// rows, totals, claims and quotas; that of one tenant reads what is the tenant's, and does not count its lane. Each
// look is one snapshot, so writers and projections go on meanwhile and nothing they do is a difference. `completeness`
// serves one thread; auditor.hpp is one that makes passes.
#pragma once

#include "commands/lanes/standing_audit.hpp"
#include "events/log/seal.hpp"
#include "projections/runner/row_audit.hpp"
#include "projections/runner/row_mending.hpp"
#include "projections/runner/versions.hpp"
#include "tools/clientflow/settings.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cli
{
// One difference. `what` is a stable word; members that do not apply are empty.
struct finding
{
    std::string_view what;  // "row_missing", "claim_unexpected", …
    const projection::definition* of = nullptr;
    std::int32_t lane = 0;
    std::optional<schema::uuid> tenant;
    schema::uuid id;  // of a row, or of the stream that owns a claim
    std::string key;  // "task_…", "task.status/todo", "member.email"; of an appended row lane and sequence: "3:1042"
    std::int64_t sequence = 0;
    std::string detail;

    std::string text() const;  // one line without personal values
};

struct audited_rows
{
    const projection::definition* of = nullptr;
    std::uint64_t rows = 0, events = 0;
    projection::row_digests digests;
    bool is_compared = true;
};

struct tenant_report
{
    projection::audited_tenant whose;
    std::vector<audited_rows> models;
};

struct completeness_report
{
    // What all of the below points at: the versions that were live, or those that are to be where nobody has served
    // yet.
    std::shared_ptr<const projection::models> versions;
    std::vector<finding> findings;  // the first of them
    std::uint64_t differences = 0;  // all
    std::vector<projection::audited_lane> lanes;
    std::vector<projection::audited_position> positions;
    std::vector<tenant_report> tenants;
    std::uint64_t claims = 0, totals = 0;
    bool is_finished = false;

    // No difference by itself: a lane that nobody has served yet has none, either. A repair gives it one.
    bool lacks_position() const;
};

struct audit_scope
{
    std::optional<schema::uuid> tenant;     // nothing: all
    std::size_t findings_max = 100;         // named
    std::chrono::milliseconds patience{0};  // for projections to reach the heads; 0: being behind is no difference
};

class completeness
{
public:
    completeness(const settings&, event_log::keyring&, std::shared_ptr<event_log::watchdog>);
    ~completeness();

    // `go_on` is asked between steps and may rest; false ends the pass. Throws projection::store_failed,
    // event_log::unreachable, std::runtime_error.
    completeness_report pass(const audit_scope&, const std::function<bool()>& go_on);

    struct repaired
    {
        std::uint64_t rows = 0, removed = 0, totals = 0, positions = 0, tenants = 0;
    };
    projection::stopped_keys stopped();
    projection::standing_builds builds();

    // Mends what a pass has found, as far as it can be. `as_operator` is the login that claims and quotas are written
    // by. The log itself is never mended.
    repaired mend(const completeness_report&, const std::string& as_operator);

private:
    struct implementation;
    std::unique_ptr<implementation> self_;
};
}  // namespace cli
