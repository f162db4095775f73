// `clientflow projection rebuild|compare|swap|rollback|upgrade|retire`: new rows of a read model beside the live ones,
// and the way to and fro.
//
// Works as the server does, as clientflow_projector, beside servers that run.
#include "events/feed/store_feed.hpp"
#include "events/org.hpp"
#include "projections/catalogue.hpp"
#include "projections/runner/rebuild.hpp"
#include "projections/runner/tenant_rebuild.hpp"
#include "schemas/json_writer.hpp"
#include "tools/clientflow/database.hpp"
#include "tools/clientflow/projection_verbs.hpp"
#include "tools/clientflow/reason.hpp"
#include "tools/clientflow/settings.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <iostream>
#include <thread>
#include <unistd.h>

namespace cli
{
namespace
{
constexpr std::size_t differences_named = 20;
constexpr std::chrono::seconds meeting_time_max{10};
constexpr std::chrono::milliseconds meeting_pause{250};
constexpr std::chrono::milliseconds view_patience{1'000};  // one try at the analysts' views
constexpr int view_tries = 30;
constexpr int swap_tries = 20;  // each behind a fold up to the log's end

struct wanted
{
    std::vector<std::string> names;
    bool all = false;
    bool goes_on = false;
    std::string tenant;  // org_…: only this one's rows, in place
    int number = 0;      // of a version; 0: the one that can only be meant
    bool with_stopped_keys = false;
    bool dry_run = false;
    std::string reason;
};

// What a fault of the stores means on the command line.
template <class Work>
auto telling(Work work)
{
    try
    {
        return work();
    }
    catch (const projection::not_now& fault)
    {
        throw failure(refused, "not_now", fault.what());
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

projection::row_store_config rows_of(const settings& of)
{
    projection::row_store_config made;
    made.connection.dsn = of.store.dsn;
    made.connection.password_file = of.store.password_file;
    made.watchdog = std::make_shared<event_log::watchdog>();
    return made;
}

const projection::definition& definition_named(const std::string& name)
{
    const auto* of = projection::read_model_named(name);
    if (of == nullptr)
        throw failure(not_found, "not_found", "there is no read model \"" + name + "\": see `projection list`");
    return *of;
}

std::vector<const projection::definition*> chosen_ones(const wanted& given)
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

// The versions of one read model, and the one that is meant where none is named.
struct standing_versions
{
    standing_versions(projection::version_store& store, const std::string& name)
    {
        for (auto& each : store.all())
            if (each.projection == name)
                all.push_back(std::move(each));
    }

    const projection::version* in_state(std::string_view state) const
    {
        const auto found = std::ranges::find(all, state, &projection::version::state);
        return found == all.end() ? nullptr : &*found;
    }

    const projection::version& numbered(int number) const
    {
        const auto found = std::ranges::find(all, number, &projection::version::number);
        if (found == all.end())
            throw failure(not_found, "not_found", "there is no version " + std::to_string(number));
        return *found;
    }

    // The newest of those in this state.
    const projection::version& meant(int number, std::string_view state, const char* otherwise) const
    {
        if (number != 0)
            return numbered(number);
        const auto found =
            std::find_if(all.rbegin(), all.rend(), [&](const auto& each) { return each.state == state; });
        if (found == all.rend())
            throw failure(refused, "not_now", otherwise);
        return *found;
    }

    std::vector<projection::version> all;
};

// The object is left open.
void begin(schema::json_writer& json, const projection::version& each)
{
    json.begin_object().member("name", each.projection).key("version").integer(each.number);
    json.key("definition").integer(each.definition).member("state", each.state);
}

// -- Building.

std::string text_of(const projection::rebuild_progress& told)
{
    using phase = projection::rebuild_progress::phase;
    if (told.now == phase::indexing)
        return "keys and indexes are made";
    if (told.now == phase::catching_up)
        return "what came meanwhile is folded";
    const auto lanes = std::ranges::count_if(told.lanes, [](const auto& each) { return each.is_done; });
    std::string text = std::to_string(told.events) + " of " + std::to_string(told.events_of_all) + " events, " +
                       std::to_string(std::llround(told.events_per_second)) + "/s, ";
    text += std::to_string(std::llround(told.seconds_left)) + " s left, " + std::to_string(lanes) + " of " +
            std::to_string(told.lanes.size()) + " lanes";
    return text;
}

projection::rebuild_config building(const program& chosen, const settings& of)
{
    projection::rebuild_config made;
    made.rows = rows_of(of);
    made.rows.connection.application_name = projection::rebuild_session;
    made.keys = of.store;
    made.feed = [&of, guard = made.rows.watchdog]() -> std::unique_ptr<event_feed::feed> {
        event_feed::store_feed_config feed;
        feed.feed = of.feed;
        feed.dsn = of.store.dsn;
        feed.password_file = of.store.password_file;
        feed.guard = guard;
        return std::make_unique<event_feed::store_feed>(std::move(feed));
    };
    for (const auto& each : database{of.store.dsn}.ask("select lane from es.lane order by lane"))
        made.lanes.push_back(std::stoi(*each[0]));
    made.room = of.data / "rebuild";
    made.is_interrupted = [] { return stop_asked(); };
    if (isatty(STDERR_FILENO) != 0)
        made.tell = [&chosen](const projection::rebuild_progress& told) { say(chosen, text_of(told)); };
    return made;
}

// Where the tenant lives.
std::int32_t lane_of(const settings& of, const schema::uuid& tenant)
{
    const auto found =
        database{of.operator_dsn()}.ask("select lane from es.tenant where tenant_id = $1", {tenant.text()});
    if (found.empty())
        throw failure(not_found, "not_found", "there is no such organisation: see `tenant list`");
    return std::stoi(*found[0][0]);
}

exit_status rebuild_of_tenant(const program& chosen, const wanted& given,
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
        projection::version_store versions{rows_of(of)};
        versions.open();
        versions.register_missing(projection::read_models());
        const auto models = versions.fed(these);
        projection::row_store rows{rows_of(of), projection::definitions_of(models)};
        rows.open();
        event_log::keyring ring{of.keys};
        projection::personal_keys keys{ring, of.store};
        const auto feed = building(chosen, of).feed();
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

exit_status rebuild(const program& chosen, const wanted& given)
{
    const auto of = read_settings(chosen.given);
    const auto these = chosen_ones(given);
    if (!given.tenant.empty())
        return rebuild_of_tenant(chosen, given, these);
    event_log::keyring keys{of.keys};
    const schema::system_clock clock;
    const auto made =
        telling([&] { return projection::rebuild(building(chosen, of), these, keys, clock, given.goes_on); });
    using end = projection::rebuilt::end;
    std::string out;
    schema::json_writer json{out};
    json.begin_object().key("versions").begin_array();
    for (const auto& each : made.versions)
    {
        begin(json, each);
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

// Both are fed in one transaction; one that was built just now has to come up first.
void await_same_events(projection::version_store& store, const projection::version& one,
                       const projection::version& other)
{
    const auto until = std::chrono::steady_clock::now() + meeting_time_max;
    while (!store.lanes_apart(one, other).empty() && !stop_asked() && std::chrono::steady_clock::now() < until)
        std::this_thread::sleep_for(meeting_pause);
}

exit_status compare(const program& chosen, const wanted& given)
{
    const auto of = read_settings(chosen.given);
    const auto& name = given.names.front();
    definition_named(name);
    projection::version_store store{[&] {
        auto config = rows_of(of);
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
        json.begin_object().member("tenant", each.first.text()).member("key", each.second).end_object();
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

// -- To and fro.

// The API reads the live version from the next request on. Analysts' views need their view alone for a moment; where
// they are held for longer, `again` is the command that swaps them.
void show_to_analysts(const program& chosen, projection::version_store& store, const std::string& name,
                      const std::string& again)
{
    for (int nth = 0; nth < view_tries && !stop_asked(); ++nth)
    {
        if (store.show_to_analysts(name, view_patience))
            return;
        if (nth == 0)
            say(chosen, "An analyst's query holds the view; trying again for half a minute.");
    }
    say(chosen, "The API shows the new version; the analysts' view is still held by a query and shows the one before. "
                "`" +
                    again + "` swaps it.");
}

// All of them or none. Servers of this program feed them; where none does (they are of another one), what is left is
// folded here.
void swap_once_caught_up(const program& chosen, const settings& of, projection::version_store& store,
                         const std::vector<projection::version>& next, bool with_stopped_keys)
{
    for (int nth = 1;; ++nth)
        try
        {
            store.swap_all(next, with_stopped_keys);
            return;
        }
        catch (const projection::is_behind&)
        {
            if (nth == swap_tries || stop_asked())
                throw;
            projection::models fed;
            for (const auto& each : next)
            {
                const auto& code = definition_named(each.projection);
                if (code.version != each.definition)
                    throw;
                fed.push_back(std::make_unique<projection::model>(code, each));
            }
            event_log::keyring keys{of.keys};
            const schema::system_clock clock;
            projection::catch_up(building(chosen, of), fed, keys, clock);
        }
}

std::string swap_command(const projection::version& next)
{
    return "projection swap " + next.projection + " --version " + std::to_string(next.number);
}

// The newest that stands beside the live one. One that was built before the live one is nobody's next: who wants it
// says so.
const projection::version& newest_beside(const standing_versions& all, const char* otherwise)
{
    const auto& next = all.meant(0, projection::version_state::beside, otherwise);
    const auto* live = all.in_state(projection::version_state::live);
    if (live != nullptr && next.number < live->number)
        throw failure(refused, "older_version",
                      "what stands beside version " + std::to_string(live->number) + " of " + next.projection +
                          ", which is live, is older than it, version " + std::to_string(next.number) +
                          " the newest: `projection rollback " + next.projection +
                          "` shows the one that was live before, `" + swap_command(next) + "` shows that one");
    return next;
}

exit_status show(const program& chosen, const wanted& given, std::string_view from_state, const char* otherwise)
{
    const auto of = read_settings(chosen.given);
    const auto& name = given.names.front();
    definition_named(name);
    projection::version_store store{rows_of(of)};
    return telling([&] {
        store.open();
        const standing_versions all{store, name};
        const auto before_it = store.live_before(name);
        const bool goes_back = from_state == projection::version_state::former && given.number == 0;
        if (goes_back && !before_it)
            throw failure(refused, "not_now", otherwise);
        const auto next = goes_back           ? *before_it
                          : given.number != 0 ? all.numbered(given.number)
                                              : newest_beside(all, otherwise);
        if (const auto& code = definition_named(name); next.definition != code.version)
            throw failure(refused, "unknown_definition",
                          "version " + std::to_string(next.number) + " of " + name + " was folded by definition " +
                              std::to_string(next.definition) + ", and this program, which folds definition " +
                              std::to_string(code.version) + ", could not go on with it: show it with its own program");
        const auto* live = all.in_state(projection::version_state::live);
        const int before = live == nullptr ? 0 : live->number;
        if (!given.dry_run && next.state != projection::version_state::live)
            swap_once_caught_up(chosen, of, store, {next}, given.with_stopped_keys);
        if (!given.dry_run)
            show_to_analysts(chosen, store, name, swap_command(next));
        std::string out;
        schema::json_writer json{out};
        json.begin_object().member("name", name).key("version").integer(next.number);
        json.key("before").integer(before).key("dry_run").boolean(given.dry_run).end_object();
        if (chosen.given.json)
            std::cout << out << '\n';
        else
            std::cout << name << (given.dry_run ? " would show version " : " shows version ") << next.number
                      << ", before " << before << '\n';
        return done;
    });
}

exit_status swap(const program& chosen, const wanted& given)
{
    return show(chosen, given, projection::version_state::beside,
                "no version stands beside the live one: `projection rebuild` makes one");
}

exit_status roll_back(const program& chosen, const wanted& given)
{
    return show(chosen, given, projection::version_state::former, "no version was live before this one");
}

// -- From the definitions of an earlier program to those of this one.

// Those whose rows have still to be built; what a run before this one has built is not built again.
std::vector<const projection::definition*> unbuilt(const std::vector<projection::outdated>& changed)
{
    std::vector<const projection::definition*> found;
    for (const auto& each : changed)
        if (!each.next)
            found.push_back(each.code);
    return found;
}

// Of each of them.
std::vector<projection::version> built_versions(const std::vector<projection::outdated>& changed)
{
    std::vector<projection::version> found;
    for (const auto& each : changed)
    {
        if (!each.next)
            throw failure(refused, "cancelled", "a version was retired while it was built");
        found.push_back(*each.next);
    }
    return found;
}

// Of a program's read models all are of its definitions or none is: what is refused halfway would be read by no
// program.
void show_upgraded(const program& chosen, const settings& of, const wanted& given, schema::json_writer& json)
{
    projection::version_store store{rows_of(of)};
    store.open();
    const auto changed = store.changed(projection::read_models());
    if (!given.dry_run)
        swap_once_caught_up(chosen, of, store, built_versions(changed), given.with_stopped_keys);
    for (const auto& each : changed)
    {
        json.begin_object().member("name", each.live.projection).key("version");
        each.next ? json.integer(each.next->number) : json.null();
        json.key("before").integer(each.live.number).end_object();
        if (!chosen.given.json)
            std::cout << each.live.projection
                      << (!each.next      ? std::string{" would be built and shown"}
                          : given.dry_run ? " would show version " + std::to_string(each.next->number)
                                          : " shows version " + std::to_string(each.next->number))
                      << ", before " << each.live.number << '\n';
    }
    if (!given.dry_run)  // of all: somebody may have held a view when a run before this one swapped
        for (const auto* of_code : projection::read_models())
            show_to_analysts(chosen, store, std::string{of_code->name}, "projection upgrade");
}

exit_status upgrade(const program& chosen, const wanted& given)
{
    const auto of = read_settings(chosen.given);
    return telling([&] {
        projection::version_store store{rows_of(of)};
        store.open();
        const auto changed = store.changed(projection::read_models());
        const auto missing = unbuilt(changed);
        if (!given.dry_run && !missing.empty())
        {
            event_log::keyring keys{of.keys};
            const schema::system_clock clock;
            const auto made = projection::rebuild(building(chosen, of), missing, keys, clock, true);
            if (made.what == projection::rebuilt::end::interrupted)
            {
                say(chosen, "Interrupted; `projection upgrade` goes on.");
                return interrupted;
            }
            if (made.what == projection::rebuilt::end::cancelled)
                throw failure(refused, "cancelled", "a version was retired while it was built");
        }
        std::string out;
        schema::json_writer json{out};
        json.begin_object().key("dry_run").boolean(given.dry_run).key("upgraded").begin_array();
        show_upgraded(chosen, of, given, json);
        json.end_array().end_object();
        if (chosen.given.json)
            std::cout << out << '\n';
        if (changed.empty())
            say(chosen, "Every read model is of this program's definition.");
        else if (!given.dry_run)
            say(chosen, "The versions before are kept, and this program feeds them no more: `projection retire` throws "
                        "them away.");
        return done;
    });
}

// Also one that was retired.
projection::version named(projection::version_store& store, const std::string& name, int number)
{
    auto found = store.find(name, number);
    if (!found)
        throw failure(not_found, "not_found", "there is no version " + std::to_string(number));
    return std::move(*found);
}

exit_status retire(const program& chosen, const wanted& given)
{
    const auto reason = read_reason(given.reason, given.dry_run);
    const auto of = read_settings(chosen.given);
    const auto& code = definition_named(given.names.front());
    projection::version_store store{rows_of(of)};
    return telling([&] {
        store.open();
        const auto which = named(store, given.names.front(), given.number);
        if (which.state == projection::version_state::live)
            throw failure(refused, "not_now", "version " + std::to_string(which.number) + " is live");
        if (!given.dry_run)
        {
            if (which.state != projection::version_state::retired)  // else what was cut off before is gone on with
                store.retire(code, which.number, reason);
            std::this_thread::sleep_for(projection::version_store::feeders_notice);
            store.remove_retired(code, which.number);
        }
        std::string out;
        schema::json_writer json{out};
        begin(json, which);
        json.key("dry_run").boolean(given.dry_run).end_object();
        if (chosen.given.json)
            std::cout << out << '\n';
        else
            std::cout << which.projection << " version " << which.number << (given.dry_run ? " would go" : " is gone")
                      << '\n';
        return done;
    });
}

using verb_function = exit_status (*)(const program&, const wanted&);

std::pair<CLI::App*, std::shared_ptr<wanted>> add(CLI::App& noun, program& chosen, const char* name, const char* text,
                                                  verb_function run)
{
    auto given = std::make_shared<wanted>();
    auto& verb = add_verb(noun, name, text);
    verb.callback([&chosen, given, run] { chosen.run = [&chosen, given, run] { return run(chosen, *given); }; });
    return {&verb, given};
}

// Where a version can be meant, --version names it; without a number it tells the program's, as everywhere.
CLI::Option* add_one(CLI::App& verb, wanted& given, const char* which)
{
    verb.add_option("name", given.names, "A read model, as `projection list` names it")->required()->expected(1);
    const auto read = [&given](const CLI::results_t& said) {
        if (said.front().empty())
            throw CLI::CallForVersion("clientflow " CLIENTFLOW_VERSION, done);
        const auto& text = said.front();
        const auto end = std::from_chars(text.data(), text.data() + text.size(), given.number);
        return end.ec == std::errc{} && end.ptr == text.data() + text.size() && given.number > 0;
    };
    return verb.add_option("--version,--version-number", read, which)->type_name("N")->expected(0, 1);
}
}  // namespace

void add_projection_versions(CLI::App& noun, program& chosen)
{
    const auto [building_verb, built] = add(noun, chosen, "rebuild",
                                            "Example: clientflow projection rebuild task project\n\n"
                                            "Folds new rows from the first event beside the live ones; readers notice "
                                            "nothing. Interrupted or killed, --resume goes on.",
                                            rebuild);
    building_verb->add_option("names", built->names, "Read models, as `projection list` names them");
    building_verb->add_flag("--all", built->all, "Every read model");
    building_verb->add_option("--tenant", built->tenant, "org_…: only its rows, in place and in one transaction each");
    building_verb->add_flag("--resume", built->goes_on, "Go on with what was begun");

    const auto [comparing, compared] = add(noun, chosen, "compare",
                                           "Example: clientflow projection compare task --json\n\n"
                                           "Holds every row and total of a version beside the live one against it. "
                                           "Exit status 6 when something differs.",
                                           compare);
    add_one(*comparing, *compared, "Which version (default: the newest that stands beside the live one)");

    const auto [swapping, swapped] = add(noun, chosen, "swap",
                                         "Example: clientflow projection swap task\n\n"
                                         "Shows the version beside the live one; the one before is fed on.",
                                         swap);
    add_one(*swapping, *swapped,
            "Which version (default: the newest that stands beside the live one and is newer than it)");
    swapping->add_flag("--with-stopped-keys", swapped->with_stopped_keys, "Even if some of its keys are stopped");
    swapping->add_flag("--dry-run", swapped->dry_run, "Only say what would be shown");

    const auto [returning, returned] = add(noun, chosen, "rollback",
                                           "Example: clientflow projection rollback task\n\n"
                                           "Shows the version that was live before, which was fed on meanwhile.",
                                           roll_back);
    add_one(*returning, *returned, "Which version (default: the one that was live before)");
    returning->add_flag("--with-stopped-keys", returned->with_stopped_keys, "Even if some of its keys are stopped");
    returning->add_flag("--dry-run", returned->dry_run, "Only say what would be shown");

    const auto [upgrading, upgraded] =
        add(noun, chosen, "upgrade",
            "Example: clientflow projection upgrade\n\n"
            "Builds the rows of read models whose definition this program has changed, beside the live ones, and shows "
            "them. Nothing to do is no failure; interrupted or killed, it goes on when it is run again.",
            upgrade);
    upgrading->add_flag("--with-stopped-keys", upgraded->with_stopped_keys, "Even if some of their keys are stopped");
    upgrading->add_flag("--dry-run", upgraded->dry_run, "Only say which");

    const auto [retiring, retired] = add(noun, chosen, "retire",
                                         "Example: clientflow projection retire task --version 1 --reason "
                                         "\"The second one has proved itself\"\n\n"
                                         "Throws a version away that is not live; cancels one that is being built.",
                                         retire);
    add_one(*retiring, *retired, "Which version")->required();
    retiring->add_option("--reason", retired->reason, "Why, for those who ask later; not for a dry run");
    retiring->add_flag("--dry-run", retired->dry_run, "Only show which one");
}
}  // namespace cli
