// `clientflow projection rebuild|compare`: new rows of a read model beside the live ones, and the two held against each
// other.
//
// Works as the server does, as clientflow_projector, beside servers that run.
#include "events/catalogue.hpp"
#include "events/org.hpp"
#include "projections/catalogue.hpp"
#include "projections/runner/rebuild.hpp"
#include "projections/runner/tenant_rebuild.hpp"
#include "schemas/json_writer.hpp"
#include "tools/clientflow/database.hpp"
#include "tools/clientflow/projection_verbs.hpp"
#include "tools/clientflow/settings.hpp"
#include "tools/clientflow/version_options.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <chrono>
#include <iostream>

namespace cli
{
namespace
{
constexpr std::size_t differences_named = 20;

std::vector<const projection::definition*> chosen_ones(const version_options& given)
{
    if (given.names.empty() != given.all)
        throw failure(usage, "bad_selection", "name read models, or say --all");
    const auto every = projection::read_models();
    std::vector<const projection::definition*> found(every.begin(), every.end());
    if (!given.all)
        found.clear();
    for (const auto& name : given.names)
        found.push_back(&definition_named(name));
    return found;
}

// -- Building.

// Where the tenant lives.
std::int32_t lane_of(const settings& of, const schema::uuid& tenant)
{
    const auto found =
        database{of.operator_dsn()}.ask("select lane from es.tenant where tenant_id = $1", {tenant.text()});
    if (found.empty())
        throw failure(not_found, "not_found", "there is no such organisation: see `tenant list`");
    return std::stoi(*found[0][0]);
}

exit_status rebuild_of_tenant(const program& chosen, const version_options& given,
                              const std::vector<const projection::definition*>& these)
{
    const auto of = read_settings(chosen.given);
    const auto tenant = org::org_id::parse(given.tenant);
    if (!tenant)
        throw failure(usage, "bad_tenant", "--tenant wants the id of an organisation: org_…");
    for (const auto* each : these)
        if (each->kind != projection::row_kind::folded)
            throw failure(usage, "bad_selection",
                          "rows that are appended (" + std::string{each->name} +
                              ") are not made anew for one tenant: name the read models that are");
    const auto lane = lane_of(of, tenant->value);
    std::string out;
    schema::json_writer json{out};
    json.begin_object().member("tenant", given.tenant).key("rebuilt").begin_array();
    bool all_done = true;
    telling([&] {
        projection::version_store versions{projector_rows(of)};
        versions.open();
        versions.register_missing(projection::read_models());
        const auto models = versions.fed(these);
        projection::row_store rows{projector_rows(of), projection::definitions_of(models)};
        rows.open();
        event_log::keyring ring{of.keys};
        projection::personal_keys keys{ring, of.store};
        const auto feed = build_config(chosen, of).feed();
        for (const auto& each : models)
        {
            const auto made = projection::rebuild_tenant({rows, *feed, keys}, each->fed, tenant->value, lane);
            all_done = all_done && made.is_done;
            json.begin_object().member("name", each->which.projection).key("version").integer(each->which.number);
            json.member("outcome", made.is_done ? "renewed" : "lane_too_busy");
            json.key("events").integer(static_cast<std::int64_t>(made.events));
            json.key("rows").integer(static_cast<std::int64_t>(made.rows));
            json.key("stopped_keys").integer(static_cast<std::int64_t>(made.stopped_keys)).end_object();
            if (!chosen.given.json)
                std::cout << each->which.projection << " version " << each->which.number << "  "
                          << (made.is_done ? "renewed" : "lane too busy, try again") << "  " << made.rows << " rows\n";
        }
    });
    json.end_array().end_object();
    if (chosen.given.json)
        std::cout << out << '\n';
    return all_done ? done : failed;
}

exit_status rebuild(const program& chosen, const version_options& given)
{
    const auto of = read_settings(chosen.given);
    const auto these = chosen_ones(given);
    if (!given.tenant.empty())
        return rebuild_of_tenant(chosen, given, these);
    event_log::keyring keys{of.keys};
    const schema::system_clock clock;
    const auto made =
        telling([&] { return projection::rebuild(build_config(chosen, of), these, keys, clock, given.goes_on); });
    using end = projection::rebuilt::end;
    std::string out;
    schema::json_writer json{out};
    json.begin_object().key("versions").begin_array();
    for (const auto& each : made.versions)
    {
        begin_version(json, each);
        json.key("rows").integer(static_cast<std::int64_t>(made.progress.rows_of(each.projection))).end_object();
    }
    json.end_array().member("outcome", made.what == end::beside        ? "beside"
                                       : made.what == end::interrupted ? "interrupted"
                                                                       : "cancelled");
    json.key("events")
        .integer(made.progress.events)
        .key("rows")
        .integer(static_cast<std::int64_t>(made.progress.rows()));
    json.key("events_per_second").number(made.progress.events_per_second);
    json.key("stopped_keys").integer(static_cast<std::int64_t>(made.stopped_keys)).end_object();
    if (chosen.given.json)
        std::cout << out << '\n';
    else
        for (const auto& each : made.versions)
            std::cout << each.projection << " version " << each.number << "  " << made.progress.rows_of(each.projection)
                      << " rows of " << made.progress.events << " events\n";
    if (made.what == end::interrupted)
    {
        say(chosen, "Interrupted; `projection rebuild --resume` with the same names goes on.");
        return interrupted;
    }
    if (made.what == end::cancelled)
        throw failure(refused, "cancelled", "a version was retired while it was built");
    say(chosen, "Beside the live ones and fed with them. `projection compare`, then `projection swap`.");
    return done;
}

// -- Comparing.

// The thing whose row it is, or the seq of the event whose row it is.
std::string public_key(const projection::definition& of, const std::string& key)
{
    const auto id = schema::uuid::parse(key);
    return id ? event_log::text_of(of.category, *id) : key;
}

exit_status compare(const program& chosen, const version_options& given)
{
    const auto of = read_settings(chosen.given);
    const auto& name = given.names.front();
    const auto& code = definition_named(name);
    projection::version_store store{[&] {
        auto config = projector_rows(of);
        config.call_deadline = std::chrono::hours{1};
        return config;
    }()};
    projection::version live, other;
    const auto found = telling([&] {
        store.open();
        const standing_versions all{store, name};
        const auto* shown = all.in_state(projection::version_state::live);
        if (shown == nullptr)
            throw failure(refused, "not_now", "no version of " + name + " is live yet: start the server once");
        live = *shown;
        other = all.meant(given.number, projection::version_state::beside,
                          "no version stands beside the live one: `projection rebuild` makes one");
        if (other.number == live.number)
            throw failure(refused, "not_now", "version " + std::to_string(live.number) + " is the live one itself");
        await_same_events(store, live, other);
        return store.compare(live, other, differences_named);
    });
    std::string out;
    schema::json_writer json{out};
    json.begin_object().member("name", name).key("live").integer(live.number).key("other").integer(other.number);
    json.key("same_shape").boolean(found.is_same_shape);
    json.key("rows_of_live").integer(found.rows_of_one).key("rows_of_other").integer(found.rows_of_other);
    json.key("rows_different").integer(found.rows_different);
    json.key("totals_different").integer(found.totals_different).key("lanes_apart").begin_array();
    for (const auto lane : found.lanes_apart)
        json.integer(lane);
    json.end_array().key("differences").begin_array();
    for (const auto& each : found.differences)
        json.begin_object()
            .member("tenant", org::org_id{each.first}.text())
            .member("key", public_key(code, each.second))
            .end_object();
    json.end_array().end_object();
    if (chosen.given.json)
        std::cout << out << '\n';
    else
        std::cout << name << " version " << live.number << " (live) " << found.rows_of_one << " rows, version "
                  << other.number << ' ' << found.rows_of_other << " rows, " << found.rows_different << " rows and "
                  << found.totals_different << " totals differ"
                  << (found.is_same_shape ? "" : "; of different shapes, so only counted") << '\n';
    if (!found.lanes_apart.empty())
        say(chosen, std::to_string(found.lanes_apart.size()) + " lanes were not compared: the versions show them up to "
                                                               "different events. Is a server running? Try again.");
    const bool is_alike = found.lanes_apart.empty() && found.is_equal();
    return is_alike ? done : differences;
}
}  // namespace

void add_projection_versions(CLI::App& noun, program& chosen)
{
    const auto [building_verb, built] =
        add_version_verb(noun, chosen, "rebuild",
                         "Example: clientflow projection rebuild task project\n\n"
                         "Folds new rows from the first event beside the live ones; readers notice "
                         "nothing. Interrupted or killed, --resume goes on.",
                         rebuild);
    building_verb->add_option("names", built->names, "Read models, as `projection list` names them");
    building_verb->add_flag("--all", built->all, "Every read model");
    building_verb->add_option("--tenant", built->tenant, "org_…: only its rows, in place and in one transaction each");
    building_verb->add_flag("--resume", built->goes_on, "Go on with what was begun");

    const auto [comparing, compared] =
        add_version_verb(noun, chosen, "compare",
                         "Example: clientflow projection compare task --json\n\n"
                         "Holds every row and total of a version beside the live one against it. "
                         "Exit status 6 when something differs.",
                         compare);
    add_version_named(*comparing, *compared, "Which version (default: the newest that stands beside the live one)");
}
}  // namespace cli
