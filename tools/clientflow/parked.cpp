// `clientflow parked list|show|replay|discard`: keys at which a read model stopped, and their end.
//
// Looking goes by the operator's login; replay and discard work as the server does, as clientflow_projector.
#include "events/catalogue.hpp"
#include "events/log/seal.hpp"
#include "projections/catalogue.hpp"
#include "projections/runner/replay.hpp"
#include "projections/runner/versions.hpp"
#include "schemas/json_writer.hpp"
#include "schemas/uuid.hpp"
#include "tools/clientflow/database.hpp"
#include "tools/clientflow/operator_answers.hpp"
#include "tools/clientflow/reason.hpp"
#include "tools/clientflow/settings.hpp"
#include "tools/clientflow/version_options.hpp"

#include <CLI/CLI.hpp>

#include <iostream>
#include <unistd.h>

namespace cli
{
namespace
{
using wanted = parked_keys_wanted;

void expect_selection(const wanted& given)
{
    if (given.key.empty() == !given.all)
        throw failure(usage, "bad_selection", "name one key, or say --all");
}

// -- What is stopped.

struct stopped
{
    std::string projection;
    int version = 0;
    const projection::definition* of = nullptr;  // of the code; nothing: this build has no such read model
    std::int32_t lane = 0;
    projection::row_key key;
    std::int64_t from_seq = 0;
    std::string kind, cause, parked_at, reason;
    bool is_discarded = false;
    std::string event_type, schema_version, stream_version;  // of the event that it stopped at

    std::string text() const { return event_log::text_of(of ? of->category : projection, key.id); }
};

constexpr const char* every_stopped_key =
    "select p.projection, p.version, p.lane, p.tenant_id, p.key, p.from_seq, p.kind, p.cause,"
    "       to_char(p.parked_at at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'),"
    "       p.discarded_at is not null, coalesce(p.reason, ''), e.type, e.schema_version, e.version"
    "  from read.parked p left join es.event e on e.lane = p.lane and e.seq = p.from_seq"
    " order by p.projection, p.version, p.lane, p.from_seq";

stopped read(const line& row)
{
    stopped made;
    made.projection = *row[0];
    made.version = std::stoi(*row[1]);
    const auto* of = projection::read_model_named(made.projection);
    made.of = of;
    made.lane = std::stoi(*row[2]);
    made.key = {*schema::uuid::parse(*row[3]), *schema::uuid::parse(*row[4])};
    made.from_seq = std::stoll(*row[5]);
    made.kind = *row[6];
    made.cause = *row[7];
    made.parked_at = *row[8];
    made.is_discarded = *row[9] == "t";
    made.reason = *row[10];
    made.event_type = row[11].value_or("");
    made.schema_version = row[12].value_or("null");
    made.stream_version = row[13].value_or("null");
    return made;
}

std::vector<stopped> find(database& store, const wanted& given)
{
    if (!given.projection.empty())
        definition_named(given.projection);
    if (const auto login = store.ask_one("select current_user"); login && login->front() == "clientflow_app")
        throw failure(refused, "no_operator",
                      "the server's own login sees one tenant at a time: set admin_dsn, or give "
                      "an operator's --dsn");
    std::vector<stopped> found;
    for (const auto& row : store.ask(every_stopped_key))
    {
        auto one = read(row);
        if ((given.key.empty() || one.text() == given.key) &&
            (given.projection.empty() || one.projection == given.projection))
            found.push_back(std::move(one));
    }
    if (found.empty() && !given.key.empty())
        throw failure(not_found, "not_found", "no projection stopped at " + given.key + "; see `parked list`");
    return found;
}

std::vector<stopped> find(const settings& of, const wanted& given)
{
    database store{of.operator_dsn()};
    return find(store, given);
}

// -- Telling it.

void write(schema::json_writer& json, const stopped& which)
{
    json.member("projection", which.projection).key("version").integer(which.version);
    json.key("lane").integer(which.lane).member("org_id", event_log::text_of("org", which.key.tenant));
    json.member("key", which.text()).key("from_sequence").integer(which.from_seq);
    json.member("kind", which.kind).member("cause", which.cause).member("parked_at", which.parked_at);
    json.key("discarded").boolean(which.is_discarded).member("reason", which.reason);
}

std::string line_of(const stopped& which)
{
    return which.projection + " v" + std::to_string(which.version) + "  " + which.text() + "  at lane " +
           std::to_string(which.lane) + ':' + std::to_string(which.from_seq) + "  " + which.kind +
           printable((which.is_discarded ? "  discarded: " + which.reason : "") + "  " + which.cause);
}

void write(schema::json_writer& json, const std::vector<stopped>& found, bool with_event)
{
    json.key("parked").begin_array();
    for (const auto& each : found)
    {
        json.begin_object();
        write(json, each);
        if (with_event)
        {
            json.member("event_type", each.event_type).key("schema_version").raw(each.schema_version);
            json.key("streamversion").raw(each.stream_version);
        }
        json.end_object();
    }
    json.end_array();
}

std::string as_json(const std::vector<stopped>& found, bool with_event)
{
    std::string out;
    schema::json_writer json{out};
    json.begin_object();
    write(json, found, with_event);
    json.end_object();
    return out;
}

// What would be done to these.
std::string rehearsal(const std::vector<stopped>& found)
{
    std::string out;
    schema::json_writer json{out};
    json.begin_object().key("dry_run").boolean(true).key("count").integer(std::ssize(found));
    write(json, found, false);
    json.end_object();
    return out;
}

void print(const program& chosen, const std::vector<stopped>& found, bool with_event = false)
{
    if (chosen.given.json)
    {
        std::cout << as_json(found, with_event) << '\n';
        return;
    }
    for (const auto& each : found)
    {
        std::cout << line_of(each) << '\n';
        if (with_event)
            std::cout << "  stopped " << each.parked_at << " at " << each.event_type << " (schema version "
                      << each.schema_version << "), version " << each.stream_version << " of its stream\n";
    }
}

void print_rehearsal(const program& chosen, const std::vector<stopped>& found, const std::string& what)
{
    say(chosen, std::to_string(found.size()) + " keys would be " + what);
    if (chosen.given.json)
        std::cout << rehearsal(found) << '\n';
    else
        print(chosen, found);
}

exit_status list(const program& chosen, const wanted& given)
{
    const auto found = find(read_settings(chosen.given), given);
    print(chosen, found);
    if (found.empty())
        say(chosen, "nothing is stopped");
    return done;
}

exit_status show(const program& chosen, const wanted& given)
{
    expect_selection(given);
    print(chosen, find(read_settings(chosen.given), given), true);
    return done;
}

// -- Ending it.

// What is needed to fold a key, or to give it up.
class workshop
{
public:
    explicit workshop(settings of)
        : of_(std::move(of))
        , models_(fed())
        , rows_(rows_config(), projection::definitions_of(models_))
        , keys_(of_.keys)
        , log_(of_.store)
        , personal_(keys_, of_.store)
    {
        rows_.open();
    }

    projection::row_store& rows() { return rows_; }

    // Nothing: this build does not feed that version.
    std::optional<projection::replayed> replay(const stopped& which)
    {
        for (const auto& each : models_)
            if (each->which.projection == which.projection && each->which.number == which.version)
                return projection::replay({rows_, log_, personal_}, {&each->fed, which.lane, which.key, which.from_seq,
                                                                     which.cause, which.kind, false});
        return std::nullopt;
    }

private:
    event_log::connection_config connection() const
    {
        event_log::connection_config made;
        made.dsn = of_.store.dsn;
        made.password_file = of_.store.password_file;
        return made;
    }

    projection::row_store_config rows_config() const { return {connection(), std::make_shared<event_log::watchdog>()}; }

    projection::models fed() const
    {
        projection::version_store versions{rows_config()};
        versions.open();
        versions.register_missing(projection::read_models());
        return versions.fed(projection::read_models());
    }

    const settings of_;
    const projection::models models_;
    projection::row_store rows_;
    event_log::keyring keys_;
    event_log::store log_;
    projection::personal_keys personal_;
};

std::string_view name_of(projection::replayed::end what)
{
    using end = projection::replayed::end;
    switch (what)
    {
    case end::freed:
        return "freed";
    case end::still_stopped:
        return "still_stopped";
    case end::not_parked:
        return "not_parked";
    case end::lane_too_busy:
        return "lane_too_busy";
    }
    return "";
}

// A replay of several keys: whatever ends it, what was done is told.
class replaying
{
public:
    explicit replaying(const program& chosen) : chosen_(chosen) { json_.begin_object().key("replayed").begin_array(); }

    void run(workshop& in, const std::vector<stopped>& found)
    {
        std::size_t count = 0;
        for (const auto& each : found)
        {
            if (stop_asked())
            {
                status_ = interrupted;
                return;
            }
            if (const auto end = in.replay(each))
                tell(each, name_of(end->what), end->cause, end->events);
            else
                tell(each, "other_version", "this build feeds no such version of the projection", 0);
            if (++count % 100 == 0 && isatty(STDERR_FILENO))
                say(chosen_, "replayed " + std::to_string(count) + " of " + std::to_string(found.size()));
        }
    }

    const std::string& as_json()
    {
        json_.end_array().key("still_stopped").integer(static_cast<std::int64_t>(left_)).end_object();
        return out_;
    }

    exit_status finish()
    {
        const auto& json = as_json();
        if (chosen_.given.json)
            std::cout << json << '\n';
        if (left_ > 0)
            say(chosen_, std::to_string(left_) + " keys are still stopped: mend the cause, or `parked discard` them; "
                                                 "try again where a lane was too busy.");
        return status_ != done ? status_ : left_ > 0 ? failed : done;
    }

private:
    void tell(const stopped& which, std::string_view outcome, const std::string& cause, std::size_t events)
    {
        left_ += outcome == "freed" || outcome == "not_parked" ? 0 : 1;
        json_.begin_object();
        json_.member("projection", which.projection).member("key", which.text()).member("outcome", outcome);
        json_.member("cause", cause).key("events").integer(static_cast<std::int64_t>(events)).end_object();
        if (!chosen_.given.json)
            std::cout << which.projection << "  " << which.text() << "  " << outcome << "  " << events << " events  "
                      << cause << '\n';
    }

    const program& chosen_;
    std::string out_;
    schema::json_writer json_{out_};
    std::size_t left_ = 0;
    exit_status status_ = done;
};

exit_status replay(const program& chosen, const wanted& given)
{
    expect_selection(given);
    auto of = read_settings(chosen.given);
    auto found = find(of, given);
    if (given.all)  // a discarded one is freed by name only
        std::erase_if(found, [](const stopped& each) { return each.is_discarded; });
    if (given.dry_run)
    {
        print_rehearsal(chosen, found, "folded again; rows change, and nothing else does.");
        return done;
    }
    replaying work{chosen};
    try
    {
        workshop in{std::move(of)};
        work.run(in, found);
    }
    catch (const projection::store_failed& fault)
    {
        work.finish();
        throw failure(fault.was_refused ? failed : unreachable, fault.was_refused ? "failed" : "unavailable",
                      std::string{fault.what()} + "; see `parked list` for what was freed");
    }
    catch (...)
    {
        work.finish();
        throw;
    }
    return work.finish();
}

// Does without them; `found` then says so.
void give_up(const settings& of, std::vector<stopped>& found, const std::string& reason)
{
    workshop in{of};
    for (auto& each : found)
    {
        each.is_discarded = in.rows().discard(each.projection, each.version, each.key, reason);
        each.reason = reason;
    }
}

exit_status discard(const program& chosen, const wanted& given)
{
    expect_selection(given);
    const auto reason = read_reason(given.reason, given.dry_run);
    const auto of = read_settings(chosen.given);
    auto found = find(of, given);
    std::erase_if(found, [](const stopped& each) { return each.is_discarded; });
    if (given.dry_run)
    {
        print_rehearsal(chosen, found, "done without: their rows stay as they are.");
        return done;
    }
    try
    {
        give_up(of, found, reason);
    }
    catch (const projection::store_failed& fault)
    {
        throw failure(fault.was_refused ? failed : unreachable, fault.was_refused ? "failed" : "unavailable",
                      std::string{fault.what()} + "; see `parked list` for what was discarded");
    }
    print(chosen, found);
    return done;
}

// -- The verbs.

using verb_function = exit_status (*)(const program&, const wanted&);

std::pair<CLI::App*, std::shared_ptr<wanted>> add(CLI::App& noun, program& chosen, const char* name, const char* text,
                                                  verb_function run)
{
    auto given = std::make_shared<wanted>();
    auto& verb = add_verb(noun, name, text);
    verb.callback([&chosen, given, run] { chosen.run = [&chosen, given, run] { return run(chosen, *given); }; });
    verb.add_option("--projection", given->projection, "Only of this one");
    return {&verb, given};
}

void add_key(CLI::App& verb, wanted& given)
{
    verb.add_option("key", given.key, "task_…, client_…, as `parked list` shows it");
}

void add_many(CLI::App& verb, wanted& given)
{
    add_key(verb, given);
    verb.add_flag("--all", given.all, "Every key that is stopped and not discarded");
    verb.add_flag("--dry-run", given.dry_run, "Only show how many and which ones");
}
}  // namespace

std::string parked_list(database& store, const parked_keys_wanted& given) { return as_json(find(store, given), false); }

std::string parked_show(database& store, const parked_keys_wanted& given)
{
    expect_selection(given);
    return as_json(find(store, given), true);
}

std::string parked_replay(const settings& of, database& store, const parked_keys_wanted& given)
{
    expect_selection(given);
    auto found = find(store, given);
    if (given.all)
        std::erase_if(found, [](const stopped& each) { return each.is_discarded; });
    if (given.dry_run)
        return rehearsal(found);
    program quietly;
    quietly.given.json = quietly.given.quiet = true;
    replaying work{quietly};
    workshop in{of};
    work.run(in, found);
    return work.as_json();
}

std::string parked_discard(const settings& of, database& store, const parked_keys_wanted& given)
{
    expect_selection(given);
    const auto reason = read_reason(given.reason, given.dry_run);
    auto found = find(store, given);
    std::erase_if(found, [](const stopped& each) { return each.is_discarded; });
    if (given.dry_run)
        return rehearsal(found);
    give_up(of, found, reason);
    return as_json(found, false);
}

void add_parked(CLI::App& root, program& chosen)
{
    auto& noun = add_noun(root, "parked",
                          "Example: clientflow parked list\n\nKeys that a read model stopped at, and their end.");
    add(noun, chosen, "list",
        "Example: clientflow parked list --projection task --json\n\nWhat is stopped, at which event, and why.", list);

    const auto [showing, shown] =
        add(noun, chosen, "show",
            "Example: clientflow parked show task_…\n\nOne key, with the event that it stopped at.", show);
    add_key(*showing, *shown);
    showing->get_option("key")->required();

    const auto [replaying, replayed] =
        add(noun, chosen, "replay",
            "Example: clientflow parked replay task_…\n\nFolds a key's row again from the log and lets it go on. "
            "Nothing but rows changes. Exit status 1 when something is still stopped.",
            replay);
    add_many(*replaying, *replayed);

    const auto [discarding, discarded] =
        add(noun, chosen, "discard",
            "Example: clientflow parked discard task_… --reason \"Made by a test\"\n\n"
            "Leaves a key stopped for good: its row stays as it is, and reads are no longer stale for it. "
            "A replay that names it still frees it.",
            discard);
    add_many(*discarding, *discarded);
    discarding->add_option("--reason", discarded->reason, "Why, for those who ask later; not for a dry run");
}
}  // namespace cli
