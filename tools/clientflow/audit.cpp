// `clientflow audit completeness|repair`: whether all that is derived from the log agrees with it, and what puts it
// right.
#include "events/catalogue.hpp"
#include "events/org.hpp"
#include "projections/runner/versions.hpp"
#include "schemas/json_writer.hpp"
#include "schemas/text.hpp"
#include "tools/clientflow/completeness.hpp"
#include "tools/clientflow/database.hpp"
#include "tools/clientflow/dsn.hpp"
#include "tools/clientflow/office.hpp"
#include "tools/clientflow/reason.hpp"

#include <CLI/CLI.hpp>

#include <iostream>
#include <memory>

namespace cli
{
namespace
{
constexpr int passes_max = 6;                    // of a repair: a mended position shows rows to mend
constexpr std::size_t mended_at_once = 100'000;  // findings of one pass

struct wanted
{
    std::string org;
    std::int64_t wait_seconds = 10;
    bool is_patient = true;  // a repair has no answer to a projection that is behind
    bool apply = false;
    bool dry_run = false;
    std::string reason;
};

// Failures of the rows' store in the words of the command line.
template <class Work>
auto told(Work work)
{
    try
    {
        return work();
    }
    catch (const projection::unknown_definition& fault)
    {
        throw failure(refused, "unknown_definition", fault.what());
    }
    catch (const projection::store_failed& fault)
    {
        throw failure(fault.was_refused ? failed : unreachable, fault.was_refused ? "failed" : "unavailable",
                      fault.what());
    }
}

// What a look needs, put together as the server does.
class desk
{
public:
    explicit desk(settings given) : of_(as_served(std::move(given))), keys_(of_.keys), work_(of_, keys_, guard_) {}

    completeness_report look(const wanted& given, std::size_t findings_max)
    {
        audit_scope scope;
        scope.findings_max = findings_max;
        scope.patience = std::chrono::seconds{given.is_patient ? given.wait_seconds : 0};
        if (!given.org.empty())
        {
            const auto id = org::org_id::parse(given.org);
            if (!id)
                throw failure(usage, "bad_id", "\"" + given.org + "\" is no org_… id");
            scope.tenant = id->value;
        }
        auto seen = told([&] { return work_.pass(scope, [] { return !stop_asked(); }); });
        if (scope.tenant && seen.tenants.empty() && seen.is_finished)
            throw failure(not_found, "not_found", "there is no organisation " + given.org);
        return seen;
    }

    completeness::repaired mend(const completeness_report& seen)
    {
        return told([&] { return work_.mend(seen, of_.operator_dsn()); });
    }

    const settings& of() const { return of_; }

private:
    static settings as_served(settings given)
    {
        if (given.admin_dsn.empty())
            given.admin_dsn = given.store.dsn;
        given.store.dsn = as_application(given.store.dsn);
        return given;
    }

    const settings of_;
    std::shared_ptr<event_log::watchdog> guard_ = std::make_shared<event_log::watchdog>();
    event_log::keyring keys_;
    completeness work_;
};

// -- Telling it.

void write(schema::json_writer& json, const finding& each)
{
    json.begin_object().member("what", each.what).key("projection");
    each.of != nullptr ? json.string(each.of->name) : json.null();
    json.key("lane").integer(each.lane).key("org_id");
    each.tenant ? json.string(event_log::text_of("org", *each.tenant)) : json.null();
    json.member("key", each.key).key("sequence").integer(each.sequence).member("detail", each.detail).end_object();
}

void write_lanes(schema::json_writer& json, const completeness_report& seen)
{
    json.key("lanes").begin_array();
    for (const auto& lane : seen.lanes)
    {
        json.begin_object().key("lane").integer(lane.lane).key("head").integer(lane.head);
        json.key("count");
        lane.counted_to > 0 || lane.head == 0 ? json.integer(lane.counted_to) : json.null();
        json.key("positions").begin_object();
        for (const auto& each : seen.positions)
            if (each.lane == lane.lane)
                json.key(each.of->name).integer(each.seq);
        json.end_object().end_object();
    }
    json.end_array();
}

void write_tenants(schema::json_writer& json, const completeness_report& seen)
{
    json.key("tenants").begin_array();
    for (const auto& each : seen.tenants)
    {
        json.begin_object().member("org_id", event_log::text_of("org", each.whose.tenant));
        json.key("lane").integer(each.whose.lane).key("projections").begin_array();
        for (const auto& model : each.models)
        {
            json.begin_object().member("name", model.of->name).key("compared").boolean(model.is_compared);
            json.key("events").integer(static_cast<std::int64_t>(model.events));
            json.key("rows").integer(static_cast<std::int64_t>(model.rows));
            json.member("digest_of_log", schema::hex(model.digests.wanted));
            json.member("digest_of_rows", schema::hex(model.digests.found)).end_object();
        }
        json.end_array().end_object();
    }
    json.end_array();
}

std::string written(const completeness_report& seen)
{
    std::string out;
    schema::json_writer json{out};
    json.begin_object().key("complete").boolean(seen.is_finished && seen.differences == 0);
    json.key("differences").integer(static_cast<std::int64_t>(seen.differences)).key("first");
    if (seen.findings.empty())
        json.null();
    else
        write(json, seen.findings.front());
    json.key("findings").begin_array();
    for (const auto& each : seen.findings)
        write(json, each);
    json.end_array();
    write_lanes(json, seen);
    write_tenants(json, seen);
    json.key("claims").integer(static_cast<std::int64_t>(seen.claims));
    json.key("quotas").integer(static_cast<std::int64_t>(seen.totals)).end_object();
    return out;
}

void print(const program& chosen, const completeness_report& seen)
{
    if (chosen.given.json)
    {
        std::cout << written(seen) << '\n';
        return;
    }
    for (const auto& each : seen.findings)
        std::cout << printable(each.text()) << '\n';
    std::uint64_t rows = 0;
    for (const auto& tenant : seen.tenants)
        for (const auto& model : tenant.models)
            rows += model.rows;
    std::cout << seen.differences << " differences in " << seen.lanes.size() << " lanes, " << seen.tenants.size()
              << " tenants, " << rows << " rows, " << seen.claims << " claims, " << seen.totals << " quotas\n";
}

exit_status end_of(const completeness_report& seen)
{
    return !seen.is_finished ? interrupted : seen.differences > 0 ? differences : done;
}

exit_status look(const program& chosen, const wanted& given)
{
    desk at{read_settings(chosen.given)};
    const auto seen = at.look(given, audit_scope{}.findings_max);
    print(chosen, seen);
    return end_of(seen);
}

// -- Mending it.

void record(const settings& of, const std::string& reason, const completeness::repaired& all)
{
    std::string what;
    schema::json_writer json{what};
    json.begin_object().key("rows").integer(static_cast<std::int64_t>(all.rows));
    json.key("removed").integer(static_cast<std::int64_t>(all.removed));
    json.key("positions").integer(static_cast<std::int64_t>(all.positions));
    json.key("tenants").integer(static_cast<std::int64_t>(all.tenants)).end_object();
    database{of.operator_dsn()}.ask("insert into read.repair (by_whom, reason, what) values ($1, $2, $3::json)",
                                    {operator_name(), reason, what});
}

void add(completeness::repaired& to, const completeness::repaired& more)
{
    to.rows += more.rows;
    to.removed += more.removed;
    to.totals += more.totals;
    to.positions += more.positions;
    to.tenants += more.tenants;
}

exit_status repair(const program& chosen, const wanted& given)
{
    if (given.apply == given.dry_run)
        throw failure(usage, "usage", "give either --dry-run or --apply");
    const auto reason = given.apply ? read_reason(given.reason) : std::string{};
    desk at{read_settings(chosen.given)};
    auto seen = at.look(given, given.apply ? mended_at_once : audit_scope{}.findings_max);
    completeness::repaired all;
    const auto wants_mending = [&] { return seen.differences > 0 || seen.lacks_position(); };
    if (given.apply && wants_mending())
    {
        // First, so that a repair that is cut off has left its reason.
        record(at.of(), reason, all);
        for (int pass = 1; pass <= passes_max && seen.is_finished && wants_mending(); ++pass)
        {
            add(all, at.mend(seen));
            say(chosen, "pass " + std::to_string(pass) + ": " + std::to_string(seen.differences) + " differences");
            seen = at.look(given, mended_at_once);
        }
        record(at.of(), reason, all);
        say(chosen, "mended: " + std::to_string(all.rows) + " rows written, " + std::to_string(all.removed) +
                        " removed, " + std::to_string(all.positions) + " positions, claims and quotas of " +
                        std::to_string(all.tenants) + " tenants");
        if (seen.differences == 0)
            say(chosen, "Lanes whose position was moved are folded on by the server within seconds; "
                        "`audit completeness` waits for that.");
    }
    print(chosen, seen);
    return end_of(seen);
}

void add_scope(CLI::App& verb, wanted& given)
{
    verb.add_option("--tenant", given.org, "Only this organisation (org_…)");
}
}  // namespace

void add_audit(CLI::App& root, program& chosen)
{
    auto& noun = add_noun(root, "audit",
                          "Example: clientflow audit completeness\n\nWhether all that is derived agrees with the log.");
    add_audit_log(noun, chosen);
    auto given = std::make_shared<wanted>();
    auto& looking = add_verb(noun, "completeness",
                             "Example: clientflow audit completeness --tenant org_… --json\n\n"
                             "Holds positions, rows, totals, claims and quotas against the log. "
                             "Exit status 6 when something differs; the first difference stands first.");
    add_scope(looking, *given);
    looking
        .add_option("--wait", given->wait_seconds, "Seconds that read models have to reach the log's end (default 10)")
        ->check(CLI::Range(std::int64_t{1}, std::int64_t{3600}));
    looking.callback([&chosen, given] { chosen.run = [&chosen, given] { return look(chosen, *given); }; });

    auto mending = std::make_shared<wanted>();
    mending->is_patient = false;
    auto& repairing = add_verb(noun, "repair",
                               "Example: clientflow audit repair --apply --reason \"Rows edited by hand\"\n\n"
                               "Makes exactly what differs anew from the log, beside running servers. The log itself "
                               "is never touched. Exit status 6 when something still differs.");
    add_scope(repairing, *mending);
    repairing.add_flag("--dry-run", mending->dry_run, "Only show what differs");
    repairing.add_flag("--apply", mending->apply, "Mend it");
    repairing.add_option("--reason", mending->reason, "Why, for those who ask later");
    repairing.callback([&chosen, mending] { chosen.run = [&chosen, mending] { return repair(chosen, *mending); }; });
}
}  // namespace cli
