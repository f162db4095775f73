// `clientflow projection list`: the versions of each read model, and how far each has come, lane by lane.
#include "projections/runner/rebuild.hpp"
#include "schemas/json_writer.hpp"
#include "tools/clientflow/database.hpp"
#include "tools/clientflow/operator_answers.hpp"
#include "tools/clientflow/projection_verbs.hpp"
#include "tools/clientflow/settings.hpp"

#include <CLI/CLI.hpp>

#include <iomanip>
#include <iostream>
#include <map>

namespace cli
{
namespace
{
struct model
{
    std::string name;
    std::string version;
    std::string state = "live";  // one of read.projection, or so while nobody has entered it
    line building;               // events, mark, rows, events per second, seconds left; empty: it is not being built
    std::vector<line> lanes;     // lane, seq, head, lag in seconds, generation
    std::int64_t lag_events = 0;
    double lag_seconds = 0;
    std::int64_t parked = 0;
};

// The newest step of each checkpoint, the head of its lane, and the age of the oldest event that is not yet shown.
constexpr const char* positions =
    "with newest as (select distinct on (projection, version, lane) projection, version, lane, seq, generation"
    "                  from read.checkpoint order by projection, version, lane, step desc)"
    "select n.projection, n.version, n.lane, n.seq, coalesce(h.seq, 0),"
    "       coalesce(extract(epoch from clock_timestamp() - o.recorded_at), 0), n.generation,"
    "       (select count(*) from read.parked p where p.projection = n.projection and p.version = n.version"
    "           and p.lane = n.lane and p.discarded_at is null)"
    "  from newest n"
    "  left join lateral (select e.seq from es.event e where e.lane = n.lane order by e.seq desc limit 1) h on true"
    "  left join lateral (select e.recorded_at from es.event e where e.lane = n.lane and e.seq = n.seq + 1) o on true"
    " order by 1, 2, 3";

// The time that a build took so far counts from its beginning: what is noted first is folded by then.
constexpr const char* versions =
    "select p.projection, p.version, p.state, b.events, b.mark, b.rows, round(b.events / nullif(t.seconds, 0), 1),"
    "       round((b.mark - b.events) * t.seconds / nullif(b.events, 0), 1)"
    "  from read.projection p"
    "  left join (select projection, version, sum(seq) as events, sum(mark) as mark, sum(rows) as rows, max(at) as at"
    "               from read.build group by 1, 2) b"
    "       on b.projection = p.projection and b.version = p.version and p.state = 'building'"
    " cross join lateral (select extract(epoch from b.at - p.begun_at) as seconds) t"
    " where p.state <> 'retired'";

std::vector<model> read_models(database& store)
{
    std::map<std::pair<std::string, std::string>, model> found;
    for (const auto& each : store.ask(positions))
    {
        auto& of = found[{*each[0], *each[1]}];
        of.name = *each[0];
        of.version = *each[1];
        of.lag_events += std::stoll(*each[4]) - std::stoll(*each[3]);
        of.lag_seconds = std::max(of.lag_seconds, std::stod(*each[5]));
        of.parked += std::stoll(*each[7]);
        of.lanes.push_back({each[2], each[3], each[4], each[5], each[6]});
    }
    for (const auto& each : store.ask(versions))
    {
        auto& of = found[{*each[0], *each[1]}];
        of.name = *each[0];
        of.version = *each[1];
        of.state = *each[2];
        if (each[3])
            of.building = {each[3], each[4], each[5], each[6], each[7]};
    }
    std::vector<model> models;
    for (auto& [key, of] : found)
        models.push_back(std::move(of));
    return models;
}

// Name, version, definition, state, begin, end, events, mark and rows of the newest that was built of each read model,
// and whether anybody is at work at one. A build is over when it is shown; of what was shown since, its last step
// tells.
constexpr const char* builds =
    "with progress as (select projection, version, sum(seq) as events, sum(mark) as mark, sum(rows) as rows,"
    "                         max(at) as at from read.build group by 1, 2),"
    " newest as (select distinct on (p.projection) p.projection, p.version, p.definition, p.state, p.begun_at,"
    "                   case p.state when 'building' then null when 'beside' then p.changed_at else b.at end as "
    "ended_at,"
    "                   coalesce(b.events, 0) as events, coalesce(b.mark, 0) as mark, coalesce(b.rows, 0) as rows"
    "              from read.projection p left join progress b on b.projection = p.projection and b.version = p.version"
    "             where p.state in ('building', 'beside') or (p.state <> 'retired' and b.at is not null)"
    "             order by p.projection, p.version desc)"
    "select projection, version, definition, state,"
    "       to_char(begun_at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'),"
    "       to_char(ended_at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), events, mark, rows,"
    "       exists (select from pg_stat_activity where datname = current_database() and application_name = $1)"
    "  from newest order by state <> 'building', begun_at desc, projection";

void write_building(schema::json_writer& json, const model& of)
{
    json.key("building");
    if (of.building.empty())
    {
        json.null();
        return;
    }
    constexpr const char* names[] = {"events", "mark", "rows", "events_per_second", "seconds_left"};
    json.begin_object();
    for (std::size_t i = 0; i < std::size(names); ++i)
        json.key(names[i]).raw(of.building[i].value_or("null"));
    json.end_object();
}

std::string as_json(const std::vector<model>& models)
{
    std::string out;
    schema::json_writer json{out};
    json.begin_object().key("projections").begin_array();
    for (const auto& of : models)
    {
        json.begin_object().member("name", of.name).key("version").raw(of.version).member("state", of.state);
        write_building(json, of);
        json.key("lag_events").integer(of.lag_events).key("lag_seconds").number(of.lag_seconds);
        json.key("parked").integer(of.parked).key("lanes").begin_array();
        for (const auto& each : of.lanes)
            json.begin_object()
                .key("lane")
                .raw(*each[0])
                .key("sequence")
                .raw(*each[1])
                .key("head")
                .raw(*each[2])
                .key("lag_seconds")
                .raw(*each[3])
                .key("generation")
                .raw(*each[4])
                .end_object();
        json.end_array().end_object();
    }
    json.end_array().end_object();
    return out;
}

std::string building_text(const model& of)
{
    if (of.building.empty())
        return "";
    return "  " + of.building[0].value_or("0") + " of " + of.building[1].value_or("0") + " events, " +
           of.building[3].value_or("?") + "/s, " + of.building[4].value_or("?") + " s left";
}

exit_status list(const program& chosen)
{
    database store{read_settings(chosen.given).operator_dsn()};
    const auto models = read_models(store);
    if (chosen.given.json)
    {
        std::cout << as_json(models) << '\n';
        return done;
    }
    for (const auto& of : models)
        std::cout << std::left << std::setw(12) << of.name << " v" << of.version << "  " << of.lanes.size()
                  << " lanes  lag " << of.lag_events << " events, " << std::fixed << std::setprecision(1)
                  << of.lag_seconds << " s  parked " << of.parked << "  " << of.state << building_text(of) << '\n';
    return done;
}
}  // namespace

std::string projection_list(database& store) { return as_json(read_models(store)); }

admin_work::known projection_rebuilds(database& store)
{
    admin_work::known found;
    schema::json_writer json{found.versions.emplace()};
    const auto built = store.ask(builds, {std::string{projection::rebuild_session}});
    json.begin_array();
    for (const auto& each : built)
    {
        json.begin_object().member("name", *each[0]).key("version").raw(*each[1]).key("definition").raw(*each[2]);
        json.member("state", *each[3]).member("started_at", *each[4]).key("ended_at");
        each[5] ? json.string(*each[5]) : json.null();
        json.key("events").raw(*each[6]).key("mark").raw(*each[7]).key("rows").raw(*each[8]).end_object();
    }
    json.end_array();
    if (built.empty())
        return found;
    const auto& newest = built.front();
    const bool is_under_way = newest[3] == projection::version_state::building;
    found.state = !is_under_way ? "ended" : newest[9] == "t" ? "running" : "interrupted";
    found.started_at = newest[4];
    found.ended_at = newest[5];
    return found;
}

void add_projection(CLI::App& root, program& chosen)
{
    auto& noun = add_noun(root, "projection", "Example: clientflow projection list\n\nThe read models.");
    auto& listing = add_verb(noun, "list",
                             "Example: clientflow projection list --json\n\n"
                             "Name, version, lane positions, lag in events and seconds, parked keys.");
    listing.callback([&chosen] { chosen.run = [&chosen] { return list(chosen); }; });
    add_projection_versions(noun, chosen);
    add_projection_showing(noun, chosen);
}
}  // namespace cli
