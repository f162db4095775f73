// `clientflow projection swap|rollback|upgrade|retire`: which version of a read model is shown, to and fro, and the end
// of those that are not.
//
// Works as the server does, as clientflow_projector, beside servers that run.
#include "projections/catalogue.hpp"
#include "projections/runner/rebuild.hpp"
#include "schemas/json_writer.hpp"
#include "tools/clientflow/projection_verbs.hpp"
#include "tools/clientflow/reason.hpp"
#include "tools/clientflow/settings.hpp"
#include "tools/clientflow/version_options.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <optional>
#include <thread>

namespace cli
{
namespace
{
constexpr std::chrono::milliseconds view_patience{1'000};  // one try at the analysts' views
constexpr int view_tries = 30;
constexpr int swap_tries = 20;  // each behind a fold up to the log's end

// The API reads the live version from the next request on. Analysts' views need their view alone for a moment; where
// they are held for longer, `again` is the command that swaps them. False: they were.
bool show_to_analysts(const program& chosen, projection::version_store& store, const std::string& name,
                      const std::string& again)
{
    for (int nth = 0; nth < view_tries && !stop_asked(); ++nth)
    {
        if (store.show_to_analysts(name, view_patience))
            return true;
        if (nth == 0)
            say(chosen, "An analyst's query holds the view; trying again for half a minute.");
    }
    say(chosen, "The API shows the new version; the analysts' view is still held by a query and shows the one before. "
                "`" +
                    again + "` swaps it.");
    return false;
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
            projection::catch_up(build_config(chosen, of), fed, keys, clock);
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

bool has_newer_beside(const standing_versions& all, int live)
{
    return std::ranges::any_of(all.all, [&](const projection::version& each) {
        return each.state == projection::version_state::beside && each.number > live;
    });
}

// The version from which a run before this one came that was cut off before the analysts' views followed, or left them
// to a query that held them. The same command again finishes that, and says that it took no further step: a second one
// forward there is none, and a second one back would undo the first.
std::optional<int> cut_off_from(projection::version_store& store, const standing_versions& all, bool goes_back)
{
    const auto* live = all.in_state(projection::version_state::live);
    if (live == nullptr || (!goes_back && has_newer_beside(all, live->number)))
        return std::nullopt;
    const auto seen = store.still_seen_by_analysts(live->projection);
    return goes_back || seen < live->number ? seen : std::nullopt;
}

struct turn
{
    projection::version next;
    int before = 0;
    bool finishes_another = false;
};

turn meant_turn(projection::version_store& store, const standing_versions& all, const version_options& given,
                std::string_view from_state, const char* otherwise)
{
    const auto* live = all.in_state(projection::version_state::live);
    const int before = live == nullptr ? 0 : live->number;
    if (given.number != 0)
        return {all.numbered(given.number), before};
    const bool goes_back = from_state == projection::version_state::former;
    if (const auto cut_off = cut_off_from(store, all, goes_back))
        return {*live, *cut_off, true};
    if (!goes_back)
        return {newest_beside(all, otherwise), before};
    const auto last = store.live_before(given.names.front());
    if (!last)
        throw failure(refused, "not_now", otherwise);
    return {*last, before};
}

exit_status show(const program& chosen, const version_options& given, std::string_view from_state,
                 const char* otherwise)
{
    const auto of = read_settings(chosen.given);
    const auto& name = given.names.front();
    definition_named(name);
    projection::version_store store{projector_rows(of)};
    return telling([&] {
        store.open();
        const standing_versions all{store, name};
        const auto [next, before, finishes_another] = meant_turn(store, all, given, from_state, otherwise);
        if (const auto& code = definition_named(name); next.definition != code.version)
            throw failure(refused, "unknown_definition",
                          "version " + std::to_string(next.number) + " of " + name + " was folded by definition " +
                              std::to_string(next.definition) + ", and this program, which folds definition " +
                              std::to_string(code.version) + ", could not go on with it: show it with its own program");
        store.expect_room_for_former(next);
        const auto* live = all.in_state(projection::version_state::live);
        if (!given.dry_run && live != nullptr && next.state != projection::version_state::live)
            await_same_events(store, *live, next);
        if (!given.dry_run && next.state != projection::version_state::live)
            swap_once_caught_up(chosen, of, store, {next}, given.with_stopped_keys);
        if (!given.dry_run)
            show_to_analysts(chosen, store, name, swap_command(next));
        if (finishes_another)
            say(chosen, "This step was taken before, and the analysts' view had not followed: that is finished, and no "
                        "further one taken. Run it again for the next one, or name it by --version.");
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

exit_status swap(const program& chosen, const version_options& given)
{
    return show(chosen, given, projection::version_state::beside,
                "no version stands beside the live one: `projection rebuild` makes one");
}

exit_status roll_back(const program& chosen, const version_options& given)
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
void show_upgraded(const program& chosen, const settings& of, const version_options& given, schema::json_writer& json)
{
    projection::version_store store{projector_rows(of)};
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

exit_status upgrade(const program& chosen, const version_options& given)
{
    const auto of = read_settings(chosen.given);
    return telling([&] {
        projection::version_store store{projector_rows(of)};
        store.open();
        const auto changed = store.changed(projection::read_models());
        const auto missing = unbuilt(changed);
        if (!given.dry_run && !missing.empty())
        {
            event_log::keyring keys{of.keys};
            const schema::system_clock clock;
            const auto made = projection::rebuild(build_config(chosen, of), missing, keys, clock, true);
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

exit_status retire(const program& chosen, const version_options& given)
{
    const auto reason = read_reason(given.reason, given.dry_run);
    const auto of = read_settings(chosen.given);
    const auto& code = definition_named(given.names.front());
    projection::version_store store{projector_rows(of)};
    return telling([&] {
        store.open();
        const auto which = named(store, given.names.front(), given.number);
        if (which.state == projection::version_state::live)
            throw failure(refused, "not_now", "version " + std::to_string(which.number) + " is live");
        // By a swap that was cut off before the analysts' view followed: they would be left with an empty table.
        const bool is_seen = store.still_seen_by_analysts(which.projection) == which.number;
        if (!given.dry_run)
        {
            if (is_seen && !show_to_analysts(chosen, store, which.projection, "projection retire"))
                throw failure(refused, "not_now", "an analyst's query holds the view, which still shows this version");
            if (which.state != projection::version_state::retired)  // else what was cut off before is gone on with
                store.retire(code, which.number, reason);
            std::this_thread::sleep_for(projection::version_store::feeders_notice);
            store.remove_retired(code, which.number);
        }
        std::string out;
        schema::json_writer json{out};
        begin_version(json, which);
        json.key("dry_run").boolean(given.dry_run);
        if (given.dry_run)
            json.key("seen_by_analysts").boolean(is_seen);
        json.end_object();
        if (chosen.given.json)
            std::cout << out << '\n';
        else
            std::cout << which.projection << " version " << which.number << (given.dry_run ? " would go" : " is gone")
                      << (given.dry_run && is_seen ? ", once the analysts' view shows the live one instead" : "")
                      << '\n';
        return done;
    });
}
}  // namespace

void add_projection_showing(CLI::App& noun, program& chosen)
{
    const auto [swapping, swapped] =
        add_version_verb(noun, chosen, "swap",
                         "Example: clientflow projection swap task\n\n"
                         "Shows the version beside the live one; the one before is fed on.",
                         swap);
    add_version_named(*swapping, *swapped,
                      "Which version (default: the newest that stands beside the live one and is newer than it)");
    swapping->add_flag("--with-stopped-keys", swapped->with_stopped_keys, "Even if some of its keys are stopped");
    swapping->add_flag("--dry-run", swapped->dry_run, "Only say what would be shown");

    const auto [returning, returned] =
        add_version_verb(noun, chosen, "rollback",
                         "Example: clientflow projection rollback task\n\n"
                         "Shows the version that was live before, which was fed on meanwhile.",
                         roll_back);
    add_version_named(*returning, *returned, "Which version (default: the one that was live before)");
    returning->add_flag("--with-stopped-keys", returned->with_stopped_keys, "Even if some of its keys are stopped");
    returning->add_flag("--dry-run", returned->dry_run, "Only say what would be shown");

    const auto [upgrading, upgraded] = add_version_verb(
        noun, chosen, "upgrade",
        "Example: clientflow projection upgrade\n\n"
        "Builds the rows of read models whose definition this program has changed, beside the live ones, and shows "
        "them. Nothing to do is no failure; interrupted or killed, it goes on when it is run again.",
        upgrade);
    upgrading->add_flag("--with-stopped-keys", upgraded->with_stopped_keys, "Even if some of their keys are stopped");
    upgrading->add_flag("--dry-run", upgraded->dry_run, "Only say which");

    const auto [retiring, retired] =
        add_version_verb(noun, chosen, "retire",
                         "Example: clientflow projection retire task --version 1 --reason "
                         "\"The second one has proved itself\"\n\n"
                         "Throws a version away that is not live; cancels one that is being built.",
                         retire);
    add_version_named(*retiring, *retired, "Which version")->required();
    retiring->add_option("--reason", retired->reason, "Why, for those who ask later; not for a dry run");
    retiring->add_flag("--dry-run", retired->dry_run, "Only show which one");
}
}  // namespace cli
