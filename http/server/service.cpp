#include "http/server/service.hpp"

#include "http/catalogue.hpp"
#include "http/server/admin.hpp"
#include "http/server/api.hpp"
#include "http/server/key_use.hpp"
#include "http/server/listener.hpp"
#include "http/server/openapi.hpp"
#include "http/server/refused_access.hpp"
#include "projections/runner/reader.hpp"

#include <algorithm>

namespace http
{
namespace
{
credentials_config keys_of(const service_config& config, const service_parts& parts)
{
    credentials_config made;
    made.store = parts.store;
    made.store.read_deadline = std::min(made.store.read_deadline, config.key_read_time_max);
    made.keys_max = config.cached_keys_max;
    made.check_interval = config.key_check_interval;
    made.trust_without_store = config.key_trust_without_store;
    made.use_flush_interval = config.key_use_flush_interval;
    made.incarnation = parts.incarnation;
    return made;
}

health_config health_of(const service_config& config, const service_parts& parts)
{
    health_config made;
    made.version = config.version;
    made.region = config.region;
    made.store = parts.store;
    return made;
}

refused_access_config refusals_of(const service_config& config)
{
    refused_access_config made;
    made.window = config.refusals_window;
    made.keys_told_max = config.refusals_keys_max;
    made.entries_max = config.refusals_entries_max;
    return made;
}

api_config api_of(const service_config& config)
{
    api_config made;
    made.upgrade_url = config.upgrade_url;
    made.command_time_max = config.command_time_max;
    made.wait_default = config.wait_default;
    made.wait_max = config.wait_max;
    made.address_per_minute = config.address_per_minute;
    made.key_per_minute = config.key_per_minute;
    made.exports_per_key_max = config.exports_per_key_max;
    made.audit_days = config.audit_days;
    made.unknown_keys_per_minute = config.unknown_keys_per_minute;
    made.addresses_max = config.limiter_entries_max;
    made.trusted_proxies = config.api.trusted_proxies;
    return made;
}

service_parts completed(service_parts given)
{
    if (!given.incarnation)
        given.incarnation = [] { return std::string{"1.1"}; };
    return given;
}

std::vector<domain_code> domain_codes()
{
    std::vector<domain_code> made;
    for (const auto table : all_routes())
        for (const route& one : table)
            for (const domain_code& code : one.codes)
                if (std::none_of(made.begin(), made.end(), [&](const auto& known) { return known.code == code.code; }))
                    made.push_back(code);
    return made;
}
}  // namespace

listener_config service_config::admin_defaults()
{
    listener_config made;
    made.name = "admin";
    made.port = 8081;
    made.connections_max = 256;
    made.connections_per_address_max = 256;
    return made;
}

// Members in the order in which they start; stop is the reverse.
struct service::implementation
{
    implementation(service_config with, service_parts given)
        : config(std::move(with))
        , parts(completed(std::move(given)))
        , key_uses(parts.store)
        , keys(keys_of(config, parts), parts.keys, parts.clock,
               [this](const use_sending& uses) { key_uses.keep(uses); })
        , well(health_of(config, parts), parts.clock)
        , queries({config.query_threads, config.query_threads_of_tenant_max, config.queries_waiting,
                   config.query_waiting_time_max, parts.store, &parts.keys, parts.snapshots},
                  parts.open_reader)
        , streams(config.live, {parts.news, parts.keys, parts.store, keys, parts.clock, parts.log, parts.incarnation,
                                parts.relearn, parts.open_reader})
        , refused(refusals_of(config), parts.clock,
                  [this](lanes::submission asked, std::function<void(lanes::answer)> done) {
                      parts.commands.submit(std::move(asked), std::move(done));
                  })
        , routes(all_routes())
        , front(api_of(config),
                {routes, parts.commands, queries, keys, streams, parts.keys, well, parts.shown, parts.clock, parts.log,
                 refused, parts.incarnation, domain_codes(), openapi_document(all_routes(), config.version)})
        , desk(parts.operations, keys, parts.clock)
        , back({config.version,
                [this] { return checks(); },
                {[this](metrics_text& text) { write_metrics(text); }},
                &desk},
               parts.clock)
        , public_listener(config.api, front)
        , admin_listener(config.admin, back)
    {}

    const service_config config;
    const service_parts parts;
    key_use_writer key_uses;
    credentials keys;
    health well;
    query_pool queries;
    live streams;
    refused_access refused;
    router routes;
    api front;
    operations desk;
    admin back;
    listener public_listener;
    listener admin_listener;

    // Since the start; the dispatcher's and the pool's own are taken away by each look.
    duration_histogram append_seconds;
    duration_histogram pool_wait_seconds;
    lanes::dispatcher::figures lanes_total;

    std::vector<readiness> checks();
    void write_metrics(metrics_text&);
    void write_lanes(metrics_text&);
    void write_snapshots(metrics_text&) const;
    void write_connections(metrics_text&);
};

std::vector<readiness> service::implementation::checks()
{
    const auto now = well.look();
    std::vector<readiness> made{{"store", now->well, true, now->well ? "" : "PostgreSQL does not answer"}};
    if (parts.checks)
        for (readiness& one : parts.checks())
            made.push_back(std::move(one));
    return made;
}

void service::implementation::write_metrics(metrics_text& text)
{
    front.write_metrics(text);
    write_lanes(text);
    write_snapshots(text);
    const auto pool = queries.take_figures();
    for (const double seconds : pool.wait_seconds)
        pool_wait_seconds.count(seconds);
    text.family("clientflow_pool_wait_seconds", "histogram", "Time that work waited for a thread of its pool.");
    pool_wait_seconds.write(text, {{"pool", "query"}});
    text.family("clientflow_pool_waiting", "gauge", "Work that waits for a thread of its pool.");
    text.sample({{"pool", "query"}}, static_cast<double>(pool.waiting));
    text.family("clientflow_pool_refused_total", "counter", "Work refused because its pool's queue was full.");
    text.sample({{"pool", "query"}}, static_cast<double>(pool.refused));
    write_connections(text);
    streams.write_metrics(text);
    if (parts.metrics)
        parts.metrics(text);
}

void service::implementation::write_lanes(metrics_text& text)
{
    const auto now = parts.commands.take_figures();
    for (const double seconds : now.append_seconds)
        append_seconds.count(seconds);
    text.family("clientflow_append_duration_seconds", "histogram", "One round of commands, until it is durable.");
    append_seconds.write(text, {});
    const auto counter = [&](std::string_view name, std::string_view help, std::uint64_t value) {
        text.family(name, "counter", help);
        text.sample({}, static_cast<double>(value));
    };
    counter("clientflow_append_conflicts_total", "Commands decided again because another writer was first.",
            now.conflicts);
    counter("clientflow_append_rounds_total", "Rounds appended.", now.rounds);
    counter("clientflow_commands_total", "Commands decided.", now.commands);
    counter("clientflow_events_total", "Events appended.", now.events);
    counter("clientflow_commands_busy_total",
            "Commands refused because a queue, or their tenant's share of it, was full.", now.busy);
    text.family("clientflow_commands_waiting", "gauge", "Commands that wait for their round.");
    text.sample({}, static_cast<double>(now.waiting));
}

void service::implementation::write_snapshots(metrics_text& text) const
{
    const auto now = parts.snapshots ? parts.snapshots->look() : event_log::snapshots::figures{};
    text.family("clientflow_snapshots_total", "counter", "What became of snapshots of long streams.");
    const auto each = [&](std::string_view outcome, std::uint64_t count) {
        text.sample({{"outcome", outcome}}, static_cast<double>(count));
    };
    each("used", now.used);
    each("written", now.written);
    each("damaged", now.damaged);
    each("foreign", now.foreign);
    each("forgotten", now.forgotten);
    each("unwritten", now.unwritten);
}

void service::implementation::write_connections(metrics_text& text)
{
    const auto now = public_listener.look();
    text.family("clientflow_http_connections", "gauge", "Open connections of the public listener.");
    text.sample({}, static_cast<double>(now.open));
    text.family("clientflow_http_connections_accepted_total", "counter", "Connections accepted.");
    text.sample({}, static_cast<double>(now.accepted));
    text.family("clientflow_http_connections_refused_total", "counter", "Connections refused over a bound.");
    text.sample({}, static_cast<double>(now.refused));
    text.family("clientflow_http_timeouts_total", "counter", "Connections ended because a deadline had passed.");
    text.sample({}, static_cast<double>(now.timed_out));
}

service::service(service_config config, service_parts parts)
    : self_(std::make_unique<implementation>(std::move(config), std::move(parts)))
{}

service::~service() { stop(); }

void service::start()
{
    self_->admin_listener.start();
    self_->keys.start();
    self_->well.start();
    self_->queries.start();
    self_->desk.start();
    self_->refused.start();
    if (!self_->config.is_public)
        return;
    self_->streams.start();
    self_->public_listener.start();
}

std::uint16_t service::port() const { return self_->public_listener.port(); }

std::uint16_t service::admin_port() const { return self_->admin_listener.port(); }

void service::ready() { self_->back.enter(admin::phase::ready); }

bool service::drain()
{
    self_->back.enter(admin::phase::draining);
    return !self_->config.is_public || self_->public_listener.drain(self_->config.api.drain_time_max);
}

// The pool first: its threads write into answers that the listener's connections own.
void service::stop()
{
    self_->queries.stop();
    self_->streams.stop();
    self_->desk.stop();
    self_->keys.stop();
    if (self_->config.is_public)
        self_->public_listener.stop();
    self_->refused.stop();
    self_->well.stop();
    self_->admin_listener.stop();
}
}  // namespace http
