// See started_operations.hpp. Bodies become words of a command line: names and ids are checked here, so that none of
// them is taken for a flag.
#include "tools/clientflow/started_operations.hpp"

#include "events/org.hpp"
#include "projections/catalogue.hpp"
#include "schemas/record.hpp"
#include "tools/clientflow/operation_body.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace cli
{
struct rebuild_request
{
    std::vector<std::string> projections;
    std::optional<bool> all;
    std::optional<bool> resume;
    std::optional<std::string> tenant;
};

struct version_request  // compare, swap, rollback
{
    std::string projection;
    std::optional<std::int64_t> version;
    std::optional<bool> with_stopped_keys;
    std::optional<bool> dry_run;
};

struct compare_request
{
    std::string projection;
    std::optional<std::int64_t> version;
};

struct retire_request
{
    std::string projection;
    std::int64_t version = 0;
    std::optional<std::string> reason;
    std::optional<bool> dry_run;
};

struct completeness_request
{
    std::optional<std::string> tenant;
    std::optional<std::int64_t> wait_seconds;
};

struct repair_request
{
    std::optional<std::string> tenant;
    std::optional<bool> dry_run;
    std::optional<std::string> reason;
};

inline constexpr schema::range version_range{1, 1'000'000};
inline constexpr schema::length reason_shown_length{1, 400};  // beside the key that is added
}  // namespace cli

template <>
inline constexpr schema::record_type schema::schema_of<cli::rebuild_request> =
    schema::record("rebuild_request", 1,
                   schema::field<&cli::rebuild_request::projections>("projections", schema::items{100, 40},
                                                                     "As projection/list does."),
                   schema::field<&cli::rebuild_request::all>("all", "Every read model."),
                   schema::field<&cli::rebuild_request::resume>("resume", "Go on with what was begun."),
                   schema::field<&cli::rebuild_request::tenant>("tenant", "org_…: only its rows, in place."));

template <>
inline constexpr schema::record_type schema::schema_of<cli::version_request> =
    schema::record("version_request", 1,
                   schema::field<&cli::version_request::projection>("projection", "As projection/list does."),
                   schema::field<&cli::version_request::version>("version", cli::version_range,
                                                                 "Left out: the one that can be meant."),
                   schema::field<&cli::version_request::with_stopped_keys>("with_stopped_keys",
                                                                           "Even if some of its keys are stopped."),
                   schema::field<&cli::version_request::dry_run>("dry_run", "Only say what would be shown."));

template <>
inline constexpr schema::record_type schema::schema_of<cli::compare_request> = schema::record(
    "compare_request", 1, schema::field<&cli::compare_request::projection>("projection", "As projection/list does."),
    schema::field<&cli::compare_request::version>("version", cli::version_range, "Left out: the newest beside."));

template <>
inline constexpr schema::record_type schema::schema_of<cli::retire_request> =
    schema::record("retire_request", 1,
                   schema::field<&cli::retire_request::projection>("projection", "As projection/list does."),
                   schema::field<&cli::retire_request::version>("version", cli::version_range, "One that is not live."),
                   schema::field<&cli::retire_request::reason>("reason", cli::reason_shown_length,
                                                               "For those who ask later; not for a dry_run."),
                   schema::field<&cli::retire_request::dry_run>("dry_run", "Only say which one."));

template <>
inline constexpr schema::record_type schema::schema_of<cli::completeness_request> = schema::record(
    "completeness_request", 1, schema::field<&cli::completeness_request::tenant>("tenant", "Only this org_…."),
    schema::field<&cli::completeness_request::wait_seconds>("wait_seconds", schema::range{1, 600},
                                                            "That read models have to reach the log's end."));

template <>
inline constexpr schema::record_type schema::schema_of<cli::repair_request> = schema::record(
    "repair_request", 1, schema::field<&cli::repair_request::tenant>("tenant", "Only this org_…."),
    schema::field<&cli::repair_request::dry_run>("dry_run", "Only show what differs."),
    schema::field<&cli::repair_request::reason>("reason", cli::reason_shown_length, "Of a repair that is applied."));

namespace cli
{
namespace
{
using http::operation;
using http::operation_call;
using words = std::vector<std::string>;

[[noreturn]] void refuse(std::string_view code, const std::string& detail)
{
    throw http::operation_refused{http::make_problem(code, detail)};
}

const std::string& known(const std::string& projection)
{
    if (projection::read_model_named(projection) == nullptr)
        refuse("not_found", "There is no read model \"" + projection + "\": see projection/list.");
    return projection;
}

void add_tenant(words& to, const std::optional<std::string>& tenant)
{
    if (!tenant)
        return;
    if (!org::org_id::parse(*tenant))
        refuse("invalid", "tenant wants the id of an organisation: org_…");
    to.insert(to.end(), {"--tenant", *tenant});
}

void add_flag(words& to, const std::optional<bool>& wanted, const char* flag)
{
    if (wanted.value_or(false))
        to.emplace_back(flag);
}

void add_version(words& to, const std::optional<std::int64_t>& number)
{
    if (number)
        to.insert(to.end(), {"--version-number", std::to_string(*number)});
}

// Who asked is a key; the process is the server's.
std::string reason_of(const std::string& given, const operation_call& call)
{
    return "--reason=" + given + " (" + call.operator_key + ')';
}

// Rows that are appended come of every event of a lane, and are made anew for all tenants or for none.
void expect_folded(const rebuild_request& asked)
{
    std::string folded, appended;
    for (const auto* each : projection::read_models())
    {
        const bool is_meant =
            asked.all.value_or(false) || std::ranges::find(asked.projections, each->name) != asked.projections.end();
        const bool is_folded = each->kind == projection::row_kind::folded;
        if (is_folded || is_meant)
            (is_folded ? folded : appended).append(", ").append(each->name);
    }
    if (!appended.empty())
        refuse("invalid",
               "Rows that are appended (" + appended.substr(2) +
                   ") are not made anew for one tenant. Name in projections those that are: " + folded.substr(2) + '.');
}

words rebuild(const operation_call& call)
{
    const auto body = read_operation_body<rebuild_request>(call);
    words made;
    for (const auto& each : body.projections)
        made.push_back(known(each));
    if (made.empty() != body.all.value_or(false))
        refuse("invalid", "Name read models in projections, or say all.");
    add_flag(made, body.all, "--all");
    add_flag(made, body.resume, "--resume");
    add_tenant(made, body.tenant);
    if (body.tenant)
        expect_folded(body);
    return made;
}

words compare(const operation_call& call)
{
    const auto body = read_operation_body<compare_request>(call);
    words made{known(body.projection)};
    add_version(made, body.version);
    return made;
}

words show(const operation_call& call)
{
    const auto body = read_operation_body<version_request>(call);
    words made{known(body.projection)};
    add_version(made, body.version);
    add_flag(made, body.with_stopped_keys, "--with-stopped-keys");
    add_flag(made, body.dry_run, "--dry-run");
    return made;
}

words retire(const operation_call& call)
{
    const auto body = read_operation_body<retire_request>(call);
    if (!body.reason && !body.dry_run.value_or(false))
        refuse("invalid", "A version is retired for a reason, or it is a dry_run.");
    words made{known(body.projection)};
    if (body.reason)
        made.push_back(reason_of(*body.reason, call));
    add_version(made, body.version);
    add_flag(made, body.dry_run, "--dry-run");
    return made;
}

words look(const operation_call& call)
{
    const auto body = read_operation_body<completeness_request>(call);
    words made;
    add_tenant(made, body.tenant);
    if (body.wait_seconds)
        made.insert(made.end(), {"--wait", std::to_string(*body.wait_seconds)});
    return made;
}

words repair(const operation_call& call)
{
    const auto body = read_operation_body<repair_request>(call);
    if (body.dry_run.value_or(false) == body.reason.has_value())
        refuse("invalid", "A repair has a reason, or is a dry_run.");
    words made{body.reason ? "--apply" : "--dry-run"};
    if (body.reason)
        made.push_back(reason_of(*body.reason, call));
    add_tenant(made, body.tenant);
    return made;
}

[[noreturn]] void refuse_beside(const admin_work::begun& other)
{
    auto why = http::make_problem("state_conflict", "It is at work already, begun by " + other.by + " at " +
                                                        other.at.text() + ": GET tells how it stands.");
    why.state = "running";
    throw http::operation_refused{std::move(why)};
}

struct command
{
    const char* path;
    api_key::scope scope;  // of who begins it
    words (*read)(const operation_call&);
};

constexpr std::array commands{
    command{"projection/rebuild", api_key::scope::ops_write, rebuild},
    command{"projection/compare", api_key::scope::ops_read, compare},
    command{"projection/swap", api_key::scope::ops_write, show},
    command{"projection/rollback", api_key::scope::ops_write, show},
    command{"projection/retire", api_key::scope::ops_write, retire},
    command{"audit/completeness", api_key::scope::ops_read, look},
    command{"audit/repair", api_key::scope::ops_write, repair},
};
}  // namespace

std::vector<operation> started_operations(const std::shared_ptr<admin_work>& work,
                                          std::function<admin_work::known()> rebuilds)
{
    std::vector<operation> made;
    const std::function<admin_work::known()> nothing = [] { return admin_work::known{}; };
    for (const auto& each : commands)
    {
        const auto known = each.read == rebuild ? rebuilds : nothing;
        operation begin{each.path, http::verb::post, each.scope, {}, {}};
        begin.status = 202;
        begin.run = [work, &each, known](const operation_call& call) {
            const auto otherwise = known();  // before anything is begun: it may refuse
            const auto bound =
                each.scope == api_key::scope::ops_read ? admin_work::bound::looking : admin_work::bound::none;
            if (const auto other = work->start(each.path, each.read(call), call.operator_key, bound))
                refuse_beside(*other);
            return work->state(each.path, otherwise);
        };
        made.push_back(std::move(begin));
        made.push_back(
            {each.path, http::verb::get, api_key::scope::ops_read, {}, [work, &each, known](const operation_call&) {
                 return work->state(each.path, known());
             }});
    }
    return made;
}
}  // namespace cli
