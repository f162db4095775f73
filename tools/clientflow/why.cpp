// `clientflow why <id>`: one timeline of a thing, an event or a request: what was asked, what happened, where it stands
// in the log, and what each read model did with it.
#include "events/catalogue.hpp"
#include "events/log/envelope.hpp"
#include "projections/catalogue.hpp"
#include "schemas/json_writer.hpp"
#include "tools/clientflow/settings.hpp"
#include "tools/clientflow/timeline.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <iostream>
#include <map>
#include <tuple>
#include <unistd.h>

namespace cli
{
namespace
{
// -- Which events.

const std::string select_events = std::string{"select "} + event_columns + " from es.event e";

constexpr std::int64_t looked_at_once = 100'000;  // events per question

// Events that no index finds, wherever they are: the whole log is looked through, lane by lane in small questions.
// `condition` speaks of $3.
std::vector<line> look_through(const program& chosen, database& store, const std::string& condition,
                               const std::string& wanted)
{
    std::vector<line> found;
    const auto lanes = store.ask("select l.lane, coalesce((select e.seq from es.event e where e.lane = l.lane"
                                 " order by e.seq desc limit 1), 0) from es.lane l order by l.lane");
    for (const auto& lane : lanes)
        for (std::int64_t from = 0; from < std::stoll(*lane[1]); from += looked_at_once)
        {
            if (stop_asked())
                throw failure(interrupted, "interrupted", "interrupted while looking through the log");
            if (isatty(STDERR_FILENO))
                say(chosen, "looking through lane " + *lane[0] + " from " + std::to_string(from));
            for (auto& each : store.ask(select_events +
                                            " where e.lane = $1 and e.seq > $2::bigint and e.seq <= $2::bigint"
                                            " + " +
                                            std::to_string(looked_at_once) + " and " + condition,
                                        {lane[0], std::to_string(from), wanted}))
                found.push_back(std::move(each));
        }
    std::ranges::sort(found, {}, [](const line& each) { return *each[9]; });  // when it was recorded
    return found;
}

std::vector<line> events_of(const program& chosen, database& store, const std::string& which)
{
    if (const auto event = event_log::event_id::parse(which))
        return look_through(chosen, store, "e.event_id = $3::uuid", event->value.text());
    if (const auto thing = event_log::read_thing(which))
        return store.ask(select_events + " join es.tenant t on t.tenant_id = e.tenant_id"
                                         " where e.category = $1 and e.stream_id = $2 order by e.lane, e.version",
                         {thing->category, thing->id.text()});
    return look_through(chosen, store, "(e.meta ->> 'request_id' = $3 or e.meta ->> 'correlation_id' = $3)", which);
}

// -- What the read models did with them.

class read_models
{
public:
    explicit read_models(database& store)
    {
        for (const auto& each :
             store.ask("select distinct on (projection, version, lane) projection, version, lane, seq"
                       " from read.checkpoint order by projection, version, lane, step desc"))
            shown_[{*each[0], std::stoi(*each[1]), std::stoi(*each[2])}] = std::stoll(*each[3]);
        for (const auto& each : store.ask("select projection, version from read.projection where state = 'live'"))
            live_[*each[0]] = std::stoi(*each[1]);
        for (const auto& each : store.ask("select projection, version, tenant_id, key, from_seq, kind, cause,"
                                          " discarded_at is not null from read.parked"))
            stopped_[{*each[0], std::stoi(*each[1]), *each[2], *each[3]}] = {
                std::stoll(*each[4]), *each[5] + ": " + *each[6], *each[7] == "t"};
    }

    struct verdict
    {
        std::string_view state;  // shown, behind, parked, discarded
        std::string detail;
    };

    // The version that is shown, or that will be once somebody feeds it.
    int live(const projection::definition& model) const
    {
        const auto found = live_.find(std::string{model.name});
        return found == live_.end() ? model.version : found->second;
    }

    verdict of(const projection::definition& model, const line& event) const
    {
        const std::string name{model.name};
        const std::int64_t seq = std::stoll(*event[6]);
        const auto stop = stopped_.find({name, live(model), *event[2], *event[4]});
        if (stop != stopped_.end() && stop->second.from_seq <= seq)
            return {stop->second.is_discarded ? "discarded" : "parked", stop->second.cause};
        const auto at = shown_.find({name, live(model), std::stoi(*event[5])});
        const auto there = at == shown_.end() ? 0 : at->second;
        if (there >= seq)
            return {"shown", ""};
        return {"behind", "it shows its lane up to " + std::to_string(there)};
    }

private:
    struct stopped_key
    {
        std::int64_t from_seq = 0;
        std::string cause;
        bool is_discarded = false;
    };
    std::map<std::string, int> live_;
    std::map<std::tuple<std::string, int, int>, std::int64_t> shown_;  // up to where, per lane
    std::map<std::tuple<std::string, int, std::string, std::string>, stopped_key> stopped_;
};

std::vector<const projection::definition*> models_of(const std::string& category)
{
    std::vector<const projection::definition*> found;
    for (const auto* each : projection::read_models())
        if (each->reads(category))
            found.push_back(each);
    return found;
}

// -- Telling it.

void write_json(schema::json_writer& json, const line& event, const read_models& models)
{
    json.begin_object().key("event").raw(print_event(event)).key("projections").begin_array();
    for (const auto* model : models_of(*event[3]))
    {
        const auto said = models.of(*model, event);
        json.begin_object().member("name", model->name).key("version").integer(models.live(*model));
        json.member("state", said.state).member("detail", said.detail).end_object();
    }
    json.end_array().end_object();
}

std::string member(const std::string& json, const std::string& name)
{
    const auto at = json.find('"' + name + "\":\"");
    if (at == std::string::npos)
        return {};
    const auto begin = at + name.size() + 4;
    return json.substr(begin, json.find('"', begin) - begin);
}

void print(const line& event, const read_models& models)
{
    const auto& meta = *event[10];
    std::cout << *event[9] << "  " << *event[1] << "  v" << *event[7] << "  at lane " << *event[5] << ':' << *event[6]
              << "  " << event_log::text_of(*event[3], *schema::uuid::parse(*event[4])) << '\n'
              << "    by " << member(meta, "id") << "  request " << member(meta, "request_id") << "  occurred "
              << member(meta, "occurred_at") << '\n';
    for (const auto* model : models_of(*event[3]))
    {
        const auto said = models.of(*model, event);
        std::cout << "    " << model->name << " v" << models.live(*model) << ": " << said.state
                  << (said.detail.empty() ? "" : ", ") << said.detail << '\n';
    }
}

exit_status why(const program& chosen, const std::string& which)
{
    database store{read_settings(chosen.given).operator_dsn()};
    const auto events = events_of(chosen, store, which);
    if (events.empty())
        throw failure(not_found, "not_found", "nothing in the log is called " + which + ", or was caused by it");
    const read_models models{store};
    std::string out;
    schema::json_writer json{out};
    json.begin_object().member("id", which).key("timeline").begin_array();
    for (const auto& each : events)
    {
        write_json(json, each, models);
        if (!chosen.given.json)
            print(each, models);
    }
    json.end_array().end_object();
    if (chosen.given.json)
        std::cout << out << '\n';
    return done;
}
}  // namespace

void add_why(CLI::App& root, program& chosen)
{
    auto& verb = add_noun(root, "why",
                          "Example: clientflow why task_…\n\n"
                          "The timeline of a thing, an event (evt_…) or a request (as X-Request-Id had it): what "
                          "happened, who asked, where it stands, and whether each read model shows it.");
    auto which = std::make_shared<std::string>();
    verb.add_option("id", *which, "task_…, evt_…, req_…")->required();
    verb.callback([&chosen, which] { chosen.run = [&chosen, which] { return why(chosen, *which); }; });
}
}  // namespace cli
