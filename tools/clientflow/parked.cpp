// `clientflow parked list|show|replay|discard`: keys at which a read model stopped.
#include "events/log/seal.hpp"
#include "projections/catalogue.hpp"
#include "projections/runner/replay.hpp"
#include "schemas/json_writer.hpp"
#include "schemas/uuid.hpp"
#include "tools/clientflow/database.hpp"
#include "tools/clientflow/settings.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <iostream>
#include <unistd.h>

namespace cli
{
namespace
{
using projection::parked_key;

struct wanted
{
    std::string key;         // task_…; empty: every key
    std::string projection;  // empty: every projection
    bool all = false;
    bool dry_run = false;
    std::string reason;
};

std::string text_of(const parked_key& which)
{
    const auto category = which.of->category;
    const auto prefix = category == "api_key" ? "key" : category == "time_entry" ? "entry" : category;
    return std::string{prefix} + '_' + which.key.id.base32();
}

void write(schema::json_writer& json, const parked_key& which)
{
    json.member("projection", which.of->name).key("version").integer(which.of->version);
    json.key("lane").integer(which.lane).member("org_id", "org_" + which.key.tenant.base32());
    json.member("key", text_of(which)).key("from_sequence").integer(which.from_seq);
    json.member("kind", which.kind).member("cause", which.cause).key("discarded").boolean(which.is_discarded);
}

std::string line_of(const parked_key& which)
{
    return std::string{which.of->name} + " v" + std::to_string(which.of->version) + "  " + text_of(which) +
           "  at lane " + std::to_string(which.lane) + ':' + std::to_string(which.from_seq) + "  " + which.kind +
           (which.is_discarded ? "  discarded  " : "  ") + which.cause;
}

// The rows' store as the projector sees it, and what is stopped there.
class workshop
{
public:
    explicit workshop(const program& chosen)
        : of_(read_settings(chosen.given))
        , guard_(std::make_shared<event_log::watchdog>())
        , rows_({connection(), guard_}, projection::read_models())
    {
        rows_.open();
        for (const auto& each : database{of_.operator_dsn()}.ask("select lane from es.lane order by lane"))
            lanes_.push_back(std::stoi(*each[0]));
    }

    std::vector<parked_key> find(const wanted& given)
    {
        if (!given.projection.empty() && projection::read_model_named(given.projection) == nullptr)
            throw failure(usage, "bad_projection", "there is no projection \"" + given.projection + "\"");
        auto found = rows_.parked(lanes_);
        std::erase_if(found, [&](const parked_key& each) {
            return (!given.key.empty() && text_of(each) != given.key) ||
                   (!given.projection.empty() && each.of->name != given.projection);
        });
        if (found.empty() && !given.key.empty())
            throw failure(not_found, "not_found", "no projection stopped at " + given.key + "; see `parked list`");
        return found;
    }

    projection::row_store& rows() { return rows_; }

    // Opens the log and the keys only when something is folded.
    projection::replayed replay(const parked_key& which)
    {
        if (!log_)
        {
            keys_ = std::make_unique<event_log::keyring>(of_.keys);
            log_ = std::make_unique<event_log::store>(of_.store);
            personal_ = std::make_unique<projection::personal_keys>(*keys_, of_.store);
        }
        return projection::replay({rows_, *log_, *personal_}, which);
    }

private:
    event_log::connection_config connection() const
    {
        event_log::connection_config made;
        made.dsn = of_.store.dsn;
        made.password_file = of_.store.password_file;
        made.application_name = "clientflow parked";
        return made;
    }

    const settings of_;
    std::shared_ptr<event_log::watchdog> guard_;
    projection::row_store rows_;
    std::vector<std::int32_t> lanes_;
    std::unique_ptr<event_log::keyring> keys_;
    std::unique_ptr<event_log::store> log_;
    std::unique_ptr<projection::personal_keys> personal_;
};

void print(const program& chosen, const std::vector<parked_key>& found)
{
    std::string out;
    schema::json_writer json{out};
    json.begin_object().key("parked").begin_array();
    for (const auto& each : found)
    {
        json.begin_object();
        write(json, each);
        json.end_object();
        if (!chosen.given.json)
            std::cout << line_of(each) << '\n';
    }
    json.end_array().end_object();
    if (chosen.given.json)
        std::cout << out << '\n';
}

exit_status list(const program& chosen, const wanted& given)
{
    print(chosen, workshop{chosen}.find(given));
    return done;
}

// With the event that it stopped at, as stored.
exit_status show(const program& chosen, const wanted& given)
{
    const auto found = workshop{chosen}.find(given);
    database store{read_settings(chosen.given).operator_dsn()};
    std::string out;
    schema::json_writer json{out};
    json.begin_object().key("parked").begin_array();
    for (const auto& each : found)
    {
        const auto event =
            store.ask_one("select 'evt_' || e.event_id, e.type, e.schema_version, e.version,"
                          "       to_char(p.parked_at at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'),"
                          "       coalesce(p.reason, '')"
                          "  from es.event e join read.parked p on p.tenant_id = $4::uuid"
                          "   and p.projection = $3 and p.key = $5::uuid"
                          " where e.lane = $1::int and e.seq = $2::bigint",
                          {std::to_string(each.lane), std::to_string(each.from_seq), std::string{each.of->name},
                           each.key.tenant.text(), each.key.id.text()});
        const auto value = [&](std::size_t at) { return event ? (*event)[at].value_or("") : std::string{}; };
        json.begin_object();
        write(json, each);
        json.member("event_type", value(1)).member("schema_version", value(2)).member("stream_version", value(3));
        json.member("parked_at", value(4)).member("reason", value(5)).end_object();
        if (!chosen.given.json)
            std::cout << line_of(each) << "\n  stopped " << value(4) << " at " << value(1) << " (schema version "
                      << value(2) << "), version " << value(3) << " of its stream\n";
    }
    json.end_array().end_object();
    if (chosen.given.json)
        std::cout << out << '\n';
    return done;
}

void expect_selection(const wanted& given)
{
    if (given.key.empty() == !given.all)
        throw failure(usage, "bad_selection", "name one key, or say --all");
}

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

exit_status replay(const program& chosen, const wanted& given)
{
    expect_selection(given);
    workshop in{chosen};
    const auto found = in.find(given);
    if (given.dry_run)
    {
        say(chosen, std::to_string(found.size()) + " keys would be folded again; rows change, and nothing else does.");
        print(chosen, found);
        return done;
    }
    std::string out;
    schema::json_writer json{out};
    json.begin_object().key("replayed").begin_array();
    std::size_t count = 0, left = 0;
    for (const auto& each : found)
    {
        if (stop_asked())
            throw failure(interrupted, "interrupted", "interrupted: " + std::to_string(count) + " keys were tried");
        const auto end = in.replay(each);
        const bool is_free =
            end.what == projection::replayed::end::freed || end.what == projection::replayed::end::not_parked;
        left += is_free ? 0 : 1;
        json.begin_object();
        json.member("projection", each.of->name).member("key", text_of(each)).member("outcome", name_of(end.what));
        json.member("cause", end.cause).key("events").integer(static_cast<std::int64_t>(end.events)).end_object();
        if (!chosen.given.json)
            std::cout << each.of->name << "  " << text_of(each) << "  " << name_of(end.what) << "  " << end.events
                      << " events  " << end.cause << '\n';
        if (++count % 100 == 0 && isatty(STDERR_FILENO))
            say(chosen, "replayed " + std::to_string(count) + " of " + std::to_string(found.size()));
    }
    json.end_array().key("still_stopped").integer(static_cast<std::int64_t>(left)).end_object();
    if (chosen.given.json)
        std::cout << out << '\n';
    if (left > 0)
        say(chosen, std::to_string(left) + " keys are still stopped; mend the cause, or `parked discard` them.");
    return left > 0 ? failed : done;
}

exit_status discard(const program& chosen, const wanted& given)
{
    expect_selection(given);
    workshop in{chosen};
    auto found = in.find(given);
    std::erase_if(found, [](const parked_key& each) { return each.is_discarded; });
    if (given.dry_run)
        say(chosen, std::to_string(found.size()) + " keys would be done without: their rows stay as they are.");
    else
        for (auto& each : found)
            each.is_discarded = in.rows().discard(each, given.reason);
    print(chosen, found);
    return done;
}

void add_selection(CLI::App& verb, wanted& given)
{
    verb.add_option("key", given.key, "task_…, client_…, as `parked list` shows it");
    verb.add_option("--projection", given.projection, "Only of this one");
}
}  // namespace

void add_parked(CLI::App& root, program& chosen)
{
    auto& noun = add_noun(root, "parked",
                          "Example: clientflow parked list\n\nKeys that a read model stopped at, and their end.");
    const auto add = [&](const char* name, const char* text, exit_status (*run)(const program&, const wanted&)) {
        auto given = std::make_shared<wanted>();
        auto& verb = add_verb(noun, name, text);
        verb.callback([&chosen, given, run] { chosen.run = [&chosen, given, run] { return run(chosen, *given); }; });
        return std::pair<CLI::App*, std::shared_ptr<wanted>>{&verb, given};
    };
    const auto [listing, listed] = add("list",
                                       "Example: clientflow parked list --projection task --json\n\n"
                                       "What is stopped, at which event, and why.",
                                       list);
    listing->add_option("--projection", listed->projection, "Only of this one");

    const auto [showing, shown] =
        add("show", "Example: clientflow parked show task_…\n\nOne key, with the event that it stopped at.", show);
    add_selection(*showing, *shown);
    showing->get_option("key")->required();

    const auto [replaying, replayed] =
        add("replay",
            "Example: clientflow parked replay task_…\n\nFolds a key's row again from the log and lets it go on. "
            "Nothing but rows changes. Exit status 1 when something is still stopped.",
            replay);
    add_selection(*replaying, *replayed);
    replaying->add_flag("--all", replayed->all, "Every stopped key");
    replaying->add_flag("--dry-run", replayed->dry_run, "Only show what would be folded again");

    const auto [discarding, discarded] =
        add("discard",
            "Example: clientflow parked discard task_… --reason \"Made by a test\"\n\n"
            "Leaves a key stopped for good: its row stays as it is, and reads are no longer stale for it. "
            "A replay still frees it.",
            discard);
    add_selection(*discarding, *discarded);
    discarding->add_flag("--all", discarded->all, "Every stopped key");
    discarding->add_flag("--dry-run", discarded->dry_run, "Only show what would be discarded");
    discarding->add_option("--reason", discarded->reason, "Why, for those who ask later")->required();
}
}  // namespace cli
