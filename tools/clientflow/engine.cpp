// See engine.hpp.
#include "tools/clientflow/engine.hpp"

#include "commands/lanes/dispatcher.hpp"
#include "commands/limits.hpp"
#include "events/feed/notifier.hpp"
#include "events/feed/store_feed.hpp"
#include "events/log/housekeeper.hpp"
#include "events/log/migrator.hpp"
#include "events/log/seal.hpp"
#include "events/log/snapshots.hpp"
#include "http/server/key_use.hpp"
#include "http/server/metrics.hpp"
#include "projections/catalogue.hpp"
#include "projections/runner/position_poll.hpp"
#include "projections/runner/reader.hpp"
#include "projections/runner/runner.hpp"
#include "tools/clientflow/admin_operations.hpp"
#include "tools/clientflow/auditor.hpp"
#include "tools/clientflow/build_id.hpp"
#include "tools/clientflow/database.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <sstream>

namespace cli
{
namespace
{
constexpr std::chrono::milliseconds start_patience{1'000};  // with read models, before readiness is told

std::vector<std::int32_t> read_lanes(const std::string& dsn)
{
    std::vector<std::int32_t> lanes;
    for (const auto& each : database{dsn}.ask("select lane from es.lane order by lane"))
        lanes.push_back(std::stoi(*each[0]));
    return lanes;
}

event_log::connection_config connection_of(const settings& of, const char* name)
{
    event_log::connection_config made;
    made.dsn = of.store.dsn;
    made.password_file = of.store.password_file;
    made.application_name = name;
    return made;
}

std::string read_history(const settings& of, std::shared_ptr<event_log::watchdog> guard)
{
    event_log::connection link{connection_of(of, "clientflow start"), std::move(guard)};
    return event_log::read_incarnation(link).text();
}
}  // namespace

roles roles::read(const std::string& listed)
{
    roles made;
    std::istringstream in{listed};
    for (std::string each; std::getline(in, each, ',');)
        if (each == "api")
            made.api = true;
        else if (each == "projector")
            made.projector = true;
        else if (each == "relay" || each == "worker")
            throw failure(usage, "role_absent",
                          "role " + each +
                              " is not part of this version: projections read the "
                              "store itself, and there are no jobs yet");
        else
            throw failure(usage, "bad_role", "there is no role \"" + each + "\": api, projector");
    if (!made.api && !made.projector)
        throw failure(usage, "bad_role", "--roles wants at least one of api, projector");
    return made;
}

struct engine::implementation
{
    implementation(const settings& given, const roles& wanted, server_journal& log, std::vector<std::string> flags)
        : of(given)
        , what(wanted)
        , journal(log)
        , guard(std::make_shared<event_log::watchdog>())
        , keys(given.keys)
        , own_flags(std::move(flags))
        , history_now(read_history(given, guard))
        , lane_numbers(read_lanes(given.store.dsn))
    {
        of.store.guard = guard;
        if (what.projector)
            make_runner();
        make_poll();
        news = make_feed("clientflow live");
        event_feed::notifier_config told;
        told.dsn = of.store.dsn;
        told.password_file = of.store.password_file;
        told.guard = guard;
        others = std::make_unique<event_feed::notifier>(std::move(told));
        of.writers.refusal_for = limits::refused_by;
        open_snapshots();
        of.writers.snapshots = snapshots.get();
        commands = std::make_unique<lanes::dispatcher>(of.writers, of.store, keys, clock,
                                                       [this](std::int32_t) { appended(); });
        make_service();
    }

    // On writer threads: wakes the feed of this process directly, and those of others through the database.
    void appended()
    {
        if (runner)
            runner->wake();
        news->wake();
        others->appended();
    }

    // Read again with each new connection: after a failover positions belong to another history.
    void learn_history(const std::string& incarnation)
    {
        const std::lock_guard lock{history_mutex};
        history_now = incarnation;
    }
    std::string history()
    {
        const std::lock_guard lock{history_mutex};
        return history_now;
    }

    void make_runner();
    std::unique_ptr<event_feed::feed> make_feed(const char* name) const;
    void make_poll();
    void make_service();
    void open_snapshots();
    void start_housekeeping();
    void start_audit();
    void stop_audit();
    void write_audit(http::metrics_text&);
    static void write_builds(http::metrics_text&, const projection::standing_builds&);
    std::unique_ptr<projection::reader> open_reader();
    std::vector<http::readiness> checks() const;
    void write_metrics(http::metrics_text&);
    void write_lags(http::metrics_text&, const projection::figures&) const;
    void tell(const projection::report&);

    settings of;
    roles what;
    server_journal& journal;
    schema::system_clock clock;
    std::shared_ptr<event_log::watchdog> guard;
    event_log::keyring keys;
    std::vector<std::string> own_flags;
    std::mutex history_mutex;
    std::string history_now;  // which positions belong to: the store's incarnation; guarded by history_mutex
    std::vector<std::int32_t> lane_numbers;
    projection::positions positions;
    std::unique_ptr<projection::runner> runner;       // with the role
    std::unique_ptr<projection::position_poll> poll;  // for the lanes that other processes serve
    std::unique_ptr<event_feed::feed> news;           // for streams
    std::unique_ptr<event_feed::notifier> others;
    std::unique_ptr<event_log::snapshots> snapshots;  // used by those below; none when there is no room for them
    std::unique_ptr<lanes::dispatcher> commands;      // wakes those above: goes before them
    std::unique_ptr<http::service> service;
    std::unique_ptr<event_log::housekeeper> housekeeping;  // from start to stop
    std::mutex audit_mutex;
    std::shared_ptr<auditor> audit;  // likewise, with the role; guarded by audit_mutex
};

void engine::implementation::tell(const projection::report& said)
{
    using kind = projection::report::kind;
    switch (said.what)
    {
    case kind::parked:
        journal.note(http::severity::error, "projection.parked", said.text);
        break;
    case kind::lane_lost:
        journal.note(http::severity::info, "projection.lane_lost", said.text);
        break;
    case kind::lane_taken:
        journal.note(http::severity::info, "projection.lane_taken", said.text);
        break;
    case kind::cache_lost:
        journal.note(http::severity::warning, "projection.cache_lost", said.text);
        break;
    case kind::cache_back:
        journal.note(http::severity::info, "projection.cache_back", said.text);
        break;
    case kind::lane_rebuilt:
        journal.note(http::severity::warning, "projection.lane_rebuilt", said.text);
        break;
    case kind::versions:
        journal.note(http::severity::info, "projection.versions", said.text);
        break;
    case kind::failed:
        journal.note(http::severity::warning, "projection.failed", said.text);
        break;
    }
}

void engine::implementation::make_runner()
{
    projection::runner_config made;
    made.projector.lanes = lane_numbers;
    made.projector.tell = [this](const projection::report& said) { tell(said); };
    made.projector.opened = [this](const std::string& incarnation) { learn_history(incarnation); };
    made.rows = {connection_of(of, "clientflow project"), guard};
    made.cache.directory = of.data / "cache";
    made.keys = of.store;
    made.leases.emplace();
    made.leases->connection = connection_of(of, "clientflow leases");
    made.leases->guard = guard;
    made.leases->failed = [this](const std::string& why) {
        journal.note(http::severity::warning, "leases.failed", why);
    };
    made.feed = [this] { return make_feed("clientflow feed"); };
    runner = std::make_unique<projection::runner>(std::move(made), projection::read_models(), keys, positions, clock);
}

std::unique_ptr<event_feed::feed> engine::implementation::make_feed(const char* name) const
{
    event_feed::store_feed_config made;
    made.feed = of.feed;
    made.dsn = of.store.dsn;
    made.password_file = of.store.password_file;
    made.application_name = name;
    made.guard = guard;
    return std::make_unique<event_feed::store_feed>(std::move(made));
}

void engine::implementation::make_poll()
{
    projection::position_poll_config made{{connection_of(of, "clientflow project-watch"), guard}};
    made.opened = [this](const std::string& incarnation) { learn_history(incarnation); };
    if (runner)
        made.serves = [this](std::int32_t lane) { return runner->serves(lane); };
    poll = std::make_unique<projection::position_poll>(std::move(made), projection::read_models(), positions);
}

std::unique_ptr<projection::reader> engine::implementation::open_reader()
{
    // The same in every process that has this master key, and nowhere else.
    const auto secret = keys.hash_claim(event_log::platform_tenant, "cursor.secret", "1");
    projection::reader_config made;
    made.connection = connection_of(of, "clientflow query");
    made.watchdog = guard;
    made.cursor_secret.assign(secret.begin(), secret.end());
    return std::make_unique<projection::reader>(std::move(made));
}

std::vector<http::readiness> engine::implementation::checks() const
{
    std::vector<http::readiness> found;
    if (runner)
    {
        const auto now = runner->take();
        if (!now.refused.empty())
            found.push_back({"definitions", false, false, now.refused});
        double worst = 0;
        std::size_t parked = 0;
        for (const auto& each : now.lags)
        {
            worst = std::max(worst, each.seconds);
            parked += each.parked;
        }
        found.push_back({"projections", worst < 30, false, std::to_string(static_cast<int>(worst)) + " s behind"});
        found.push_back({"parked_keys", parked == 0, false, std::to_string(parked) + " keys parked"});
    }
    return found;
}

void engine::implementation::write_lags(http::metrics_text& out, const projection::figures& now) const
{
    const auto each_lane = [&](const char* name, const char* help, auto value) {
        out.family(name, "gauge", help);
        for (const auto& lag : now.lags)
            out.sample({{"projection", lag.projection}, {"lane", std::to_string(lag.lane)}}, value(lag));
    };
    each_lane("clientflow_projection_lag_events", "Events of the lane that the read model does not show yet.",
              [](const projection::lag& of_lane) { return static_cast<double>(of_lane.events()); });
    each_lane("clientflow_projection_lag_seconds", "Age of the oldest event that the read model does not show yet.",
              [](const projection::lag& of_lane) { return of_lane.seconds; });
    out.family("clientflow_lane_head", "gauge", "The last sequence of the lane that the projections have seen.");
    std::vector<std::int32_t> told;
    for (const auto& lag : now.lags)
        if (std::find(told.begin(), told.end(), lag.lane) == told.end())
        {
            told.push_back(lag.lane);
            out.sample({{"lane", std::to_string(lag.lane)}}, static_cast<double>(lag.head));
        }
    out.family("clientflow_parked_keys", "gauge", "Keys that a read model has stopped at.");
    std::map<std::string_view, std::size_t> parked;
    for (const auto& lag : now.lags)
        parked[lag.projection] += lag.parked;
    for (const auto& [name, count] : parked)
        out.sample({{"projection", name}}, static_cast<double>(count));
}

void engine::implementation::write_metrics(http::metrics_text& out)
{
    if (!runner)
        return;
    const auto now = runner->take();
    write_lags(out, now);
    write_audit(out);
    out.family("clientflow_projection_cache_usable", "gauge", "1 while rows are cached, else every batch reads them.");
    out.sample({}, now.has_cache ? 1 : 0);
    const auto total = [&](const char* name, const char* help, std::uint64_t value) {
        out.family(name, "counter", help);
        out.sample({}, static_cast<double>(value));
    };
    total("clientflow_projection_events_total", "Events folded.", now.events);
    total("clientflow_projection_rows_total", "Rows written.", now.rows);
    total("clientflow_projection_commits_total", "Batches committed with their positions.", now.commits);
    total("clientflow_projection_lost_races_total", "Batches that another process was ahead with.", now.lost_races);
    total("clientflow_projection_failures_total", "Batches that the database refused or lost.", now.failures);
}

void engine::implementation::write_audit(http::metrics_text& out)
{
    const auto now = [&] {
        const std::lock_guard lock{audit_mutex};
        return audit ? audit->take() : audit_figures{};
    }();
    const auto one = [&](const char* name, const char* type, const char* help, double value) {
        out.family(name, type, help);
        out.sample({}, value);
    };
    one("clientflow_audit_differences", "gauge",
        "Differences between the log and what is derived from it, found by the last pass.",
        static_cast<double>(now.differences));
    one("clientflow_audit_passes_total", "counter", "Whole passes of the auditor.", static_cast<double>(now.passes));
    one("clientflow_audit_events_total", "counter", "Events that the auditor has folded again.",
        static_cast<double>(now.events));
    one("clientflow_audit_failures_total", "counter", "Passes that ended early.", static_cast<double>(now.failures));
    one("clientflow_audit_last_pass_timestamp_seconds", "gauge", "When the last whole pass ended; 0 before the first.",
        now.last_pass ? static_cast<double>(now.last_pass->us) / 1e6 : 0);
    out.family("clientflow_dead_letters", "gauge", "What was given up and waits for an operator.");
    out.sample({{"source", "projection"}}, static_cast<double>(now.stopped.count));
    out.family("clientflow_dead_letter_oldest_timestamp_seconds", "gauge",
               "Since when the oldest of it waits; 0 when nothing does.");
    out.sample({{"source", "projection"}}, now.stopped.oldest);
    write_builds(out, now.building);
}

void engine::implementation::write_builds(http::metrics_text& out, const projection::standing_builds& now)
{
    out.family("clientflow_rebuild_moved_timestamp_seconds", "gauge",
               "When the rebuild of a read model last moved on; 0 when none is under way.");
    for (const auto* of : projection::read_models())
    {
        const auto found = std::ranges::find(now.builds, of->name, &projection::standing_build::projection);
        out.sample({{"projection", of->name}}, found == now.builds.end() ? 0 : found->moved_at);
    }
    out.family("clientflow_rebuild_workers", "gauge", "Database sessions of rebuilds that are at work.");
    out.sample({}, static_cast<double>(now.workers));
}

void engine::implementation::make_service()
{
    auto config = of.http;
    config.is_public = what.api;
    config.api.drain_time_max = std::chrono::seconds{of.drain_seconds};
    http::service_parts parts{*commands,
                              keys,
                              of.store,
                              [this] { return open_reader(); },
                              clock,
                              journal,
                              [this] { return history(); },
                              *news,
                              positions,
                              [this] { return checks(); },
                              [this](http::metrics_text& out) { write_metrics(out); },
                              [this] { learn_history(read_history(of, guard)); },
                              admin_operations(of, std::make_shared<admin_work>(of.operators, own_flags, clock)),
                              snapshots.get()};
    service = std::make_unique<http::service>(std::move(config), std::move(parts));
}

void engine::implementation::open_snapshots()
{
    if (of.snapshots.every == 0)
        return;
    of.snapshots.directory = of.data / "cache" / "snapshots";
    of.snapshots.folded_by = build_id();
    if (of.snapshots.folded_by.empty())
        return journal.note(http::severity::warning, "snapshots.none", "the program has no build id");
    try
    {
        snapshots = std::make_unique<event_log::snapshots>(of.snapshots, [this] { return history(); });
    }
    catch (const std::exception& why)
    {
        journal.note(http::severity::warning, "snapshots.none", why.what());
    }
}

void engine::implementation::start_housekeeping()
{
    of.housekeeping.chores = http::key_use_chores();
    housekeeping = std::make_unique<event_log::housekeeper>(
        of.housekeeping, connection_of(of, "clientflow"), guard,
        [this](const std::string& why) { journal.note(http::severity::warning, "housekeeping.failed", why); });
}

void engine::implementation::start_audit()
{
    if (!runner || of.audit.share_percent == 0)
        return;
    const std::lock_guard lock{audit_mutex};
    audit = std::make_shared<auditor>(of, keys, guard, clock, [this](bool is_difference, const std::string& told) {
        journal.note(is_difference ? http::severity::error : http::severity::warning,
                     is_difference ? "audit.difference" : "audit.failed", told);
    });
}

// Its thread may be in the middle of a step: the metrics do not wait for that.
void engine::implementation::stop_audit()
{
    std::shared_ptr<auditor> ending;
    const std::lock_guard lock{audit_mutex};
    ending.swap(audit);
}

engine::engine(const settings& of, const roles& what, server_journal& log, std::vector<std::string> own_flags)
    : self_(std::make_unique<implementation>(of, what, log, std::move(own_flags)))
{}

engine::~engine() { stop(); }

void engine::start()
{
    if (self_->runner)
        self_->runner->start();
    self_->start_housekeeping();
    self_->start_audit();
    self_->service->start();
    // So that whoever waits for readiness reads what was written before; the API answers meanwhile.
    if (self_->runner)
        self_->runner->await_caught_up(start_patience);
    self_->service->ready();
}

bool engine::drain() { return self_->service->drain(); }

void engine::stop()
{
    self_->housekeeping.reset();
    self_->stop_audit();
    self_->service->stop();
    if (self_->runner)
        self_->runner->stop();
}

std::uint16_t engine::port() const { return self_->service->port(); }

std::uint16_t engine::admin_port() const { return self_->service->admin_port(); }
}  // namespace cli
