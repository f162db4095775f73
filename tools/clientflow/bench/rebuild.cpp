// `bench rebuild`: new versions of the read models from the first event of a mixed log, beside a COPY of the rows that
// come of it.
#include "projections/runner/rebuild.hpp"

#include "events/feed/store_feed.hpp"
#include "events/log/seal.hpp"
#include "projections/catalogue.hpp"
#include "schemas/uuid.hpp"
#include "tools/clientflow/bench/benches.hpp"
#include "tools/clientflow/database.hpp"

#include <algorithm>
#include <fstream>

namespace cli::bench
{
namespace
{
using steady = std::chrono::steady_clock;

double seconds_since(steady::time_point begun) { return std::chrono::duration<double>(steady::now() - begun).count(); }

// What one connection sends: a project now and then, clients, and tasks that are made, renamed, started and done.
class script
{
public:
    script(const wire::endpoint& to, std::string key) : to_(to), key_(std::move(key)) {}

    std::string next()
    {
        const auto step = step_++ % steps;
        if (step == 0)
            return make("/api/v1/projects", project_, "project", R"(,"name":"A project of the benchmark")");
        if (step == 1)
            return make("/api/v1/clients", client_, "client", R"(,"name":"A client of the benchmark")");
        switch ((step - 2) % 4)
        {
        case 0:
            return make("/api/v1/tasks", task_, "task",
                        R"(,"title":"Look at printer )" + std::to_string(step_) + R"(","project_id":")" + project_ +
                            '"');
        case 1:
            return send("PATCH", "/api/v1/tasks/" + task_, R"({"priority":"high","labels":["printer","office"]})");
        case 2:
            return send("POST", "/api/v1/tasks/" + task_ + "/start", "{}");
        default:
            return send("POST", "/api/v1/tasks/" + task_ + "/complete", "{}");
        }
    }

private:
    static constexpr std::int64_t steps = 2 + 4 * 24;

    std::string make(const std::string& path, std::string& id, const char* prefix, const std::string& members)
    {
        const schema::system_clock clock;
        id = std::string{prefix} + '_' + ids_.next(clock.now().us).base32();
        return send("POST", path, R"({"id":")" + id + '"' + members + '}');
    }

    std::string send(const char* method, const std::string& path, const std::string& body)
    {
        wire::request asked;
        asked.method = method;
        asked.target = path;
        asked.key = key_;
        asked.body = body;
        return wire::render(to_, asked);
    }

    const wire::endpoint& to_;
    const std::string key_;
    schema::uuid_source ids_;
    std::string project_, client_, task_;
    std::int64_t step_ = 0;
};

void fill(const settings& of, std::int64_t events, const wishes& given, progress& line)
{
    std::vector<tenant> tenants;
    for (int n = 0; n < given.tenants; ++n)
        tenants.push_back(make_tenant(of, "bench-" + std::to_string(n)));
    const server running{of, "api"};
    wire::exchange by{running.api(), given.connections};
    std::vector<script> scripts;
    for (int c = 0; c < given.connections; ++c)
        scripts.emplace_back(running.api(), tenants[static_cast<std::size_t>(c) % tenants.size()].key);
    std::int64_t sent = 0, done = 0;
    const auto send = [&](int c) {
        if (sent++ < events)
            by.send(c, scripts[static_cast<std::size_t>(c)].next());
    };
    for (int c = 0; c < given.connections; ++c)
        send(c);
    while (done < events && !stop_asked())
        by.step(std::chrono::milliseconds{50}, [&](int c, wire::response& got) {
            if (got.status != 201 && got.status != 200)
                throw std::runtime_error("an event of the benchmark was refused: " + got.body);
            if (++done % 1'000 == 0)
                line.tell("preparing " + std::to_string(done) + " of " + std::to_string(events) + " events");
            send(c);
        });
}

event_feed::store_feed_config feed_of(const settings& of)
{
    event_feed::store_feed_config made;
    made.feed = of.feed;
    made.dsn = of.store.dsn;
    return made;
}

double feed_per_second(const settings& of, const std::vector<std::int32_t>& lanes)
{
    event_feed::store_feed from{feed_of(of)};
    std::int64_t events = 0;
    const auto begun = steady::now();
    for (const auto lane : lanes)
    {
        event_log::position at{lane, 0};
        for (auto batch = from.read({&at, 1}); !batch.empty(); batch = from.read({&at, 1}))
        {
            at = batch.back().at;
            events += static_cast<std::int64_t>(batch.size());
        }
    }
    return static_cast<double>(events) / seconds_since(begun);
}

// The rows of these tables copied from a file that lies on the server, without and with their keys and indexes.
struct copied
{
    double seconds = 0, seconds_with_indexes = 0;
    std::int64_t rows = 0;
};

copied copy_tables(const settings& of, const std::vector<std::string>& tables)
{
    database store{of.admin_dsn};
    copied found;
    for (const auto& table : tables)
    {
        const std::string name = "/tmp/" + of.data.filename().string() + ".copy";  // the server's to write
        const std::string file = '\'' + name + '\'';
        store.ask("copy (select * from " + table + ") to " + file);
        store.ask("create table public.floor (like " + table + ")");
        const auto begun = steady::now();
        store.ask("copy public.floor from " + file);
        found.seconds += seconds_since(begun);
        for (const auto& index :
             store.ask("select replace(regexp_replace(pg_get_indexdef(indexrelid), 'INDEX \\S+ ON \\S+',"
                       " 'INDEX ON public.floor'), 'UNIQUE ', '') from pg_index"
                       " where indrelid = '" +
                       table + "'::regclass"))
            store.ask(*index[0]);
        found.seconds_with_indexes += seconds_since(begun);
        found.rows += std::stoll(*store.ask("select count(*) from public.floor")[0][0]);
        store.ask("drop table public.floor");
        store.ask("copy (select 1 where false) to " + file);
        std::error_code not_ours;
        std::filesystem::remove(name, not_ours);
    }
    return found;
}

// Of rows, and of the words by which they are found.
std::vector<std::string> tables_of(const std::vector<projection::version>& versions,
                                   const std::vector<const projection::definition*>& definitions)
{
    std::vector<std::string> all;
    for (const auto& each : versions)
    {
        all.push_back(each.rows_in);
        for (const auto* of : definitions)
            if (of->name == each.projection && of->find_by != nullptr)
                all.push_back("read.search_term_" + each.projection + "_v" + std::to_string(each.number));
    }
    return all;
}

// Of this process, at its highest.
double peak_mb()
{
    std::ifstream in{"/proc/self/status"};
    for (std::string text; std::getline(in, text);)
        if (text.starts_with("VmHWM:"))
            return std::stod(text.substr(6)) / 1e3;
    return 0;
}

projection::rebuild_config building(const settings& of, const std::vector<std::int32_t>& lanes, progress& line)
{
    projection::rebuild_config made;
    made.rows.connection.dsn = of.store.dsn;
    made.rows.watchdog = std::make_shared<event_log::watchdog>();
    made.keys = of.store;
    made.feed = [&of] { return std::make_unique<event_feed::store_feed>(feed_of(of)); };
    made.lanes = lanes;
    made.room = of.data / "rebuild";
    made.is_interrupted = [] { return stop_asked(); };
    made.tell = [&line](const projection::rebuild_progress& told) {
        line.tell("folded " + std::to_string(told.events) + " of " + std::to_string(told.events_of_all) + " events");
    };
    return made;
}
}  // namespace

report rebuild(const settings& configured, const wishes& given, progress& line)
{
    const ground here{configured};
    const auto rows = given.rows > 0 ? given.rows : 1'000'000;
    fill(here.of(), rows, given, line);
    std::vector<std::int32_t> lanes;
    for (const auto& each : database{here.of().admin_dsn}.ask("select lane from es.lane order by lane"))
        lanes.push_back(std::stoi(*each[0]));
    database{here.of().admin_dsn}.ask("vacuum analyze");
    const double feed = feed_per_second(here.of(), lanes);

    // The nouns alone, or everything with the words that things are found by and who did what.
    std::vector<projection::definition> alone;
    for (const auto* of : projection::read_models())
        if (of->kind == projection::row_kind::folded)
            alone.push_back(*of);
    std::vector<const projection::definition*> these;
    for (auto& each : alone)
    {
        each.find_by = nullptr;
        these.push_back(&each);
    }
    if (given.projections)
        these.assign(projection::read_models().begin(), projection::read_models().end());

    event_log::keyring keys{here.of().keys};
    const schema::system_clock clock;
    const auto begun = steady::now();
    const auto made = projection::rebuild(building(here.of(), lanes, line), these, keys, clock, false);
    const double took = seconds_since(begun);
    const auto floor = copy_tables(here.of(), tables_of(made.versions, these));

    report found;
    found.name = "rebuild";
    found.under = here.measured();
    found.under.rows = rows;
    found.under.connections = 1;
    found.under.variant = given.projections ? "every read model, with words and who did what" : "the nouns";
    const auto events = static_cast<double>(made.progress.events);
    found.found = {{"events_per_s", events / took},   {"seconds", took},
                   {"rows", double(floor.rows)},      {"feed_events_per_s", feed},
                   {"of_feed", events / took / feed}, {"peak_rss_mb", peak_mb()}};
    found.floor = {{"copy_seconds", floor.seconds}, {"copy_with_indexes_seconds", floor.seconds_with_indexes}};
    found.ratio = floor.seconds / took;
    return found;
}
}  // namespace cli::bench
