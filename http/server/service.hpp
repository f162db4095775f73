// The public API and the admin listener as one thing that a process starts, drains and stops.
//
//     http::service api{config, parts};
//     api.start();                 // throws std::runtime_error with a sentence when a port is taken
//     …  SIGTERM:  api.drain();    // /readyz turns 503, nothing new is accepted, what is under way finishes (≤ 25 s)
//     …  then, or at a second signal:  api.stop();
//
// Everything in `service_parts` must outlive the service; the dispatcher must still answer while it drains. start,
// drain and stop are called by one thread, one after another; `stop` may also be called by a second thread during
// `drain`.
#pragma once

#include "commands/lanes/dispatcher.hpp"
#include "events/log/seal.hpp"
#include "events/log/snapshots.hpp"
#include "events/log/store.hpp"
#include "http/server/journal.hpp"
#include "http/server/limits.hpp"
#include "http/server/live.hpp"
#include "http/server/operations.hpp"
#include "schemas/time.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace projection
{
class positions;
class reader;
}  // namespace projection

namespace http
{
class metrics_text;

struct service_config
{
    listener_config api;
    listener_config admin = admin_defaults();
    bool is_public = true;  // false: only the admin listener is opened, for a process without the role api
    std::string version;    // of the program, shown by /api/health
    std::string region = "local";
    std::string upgrade_url = "/plans";  // in 402 answers

    int query_threads = 4;                                    // named query-N, each with its own connection
    int query_threads_of_tenant_max = 2;                      // the others are for other tenants
    turns_limits queries_waiting{1'024, 512};                 // beyond: 503 busy
    std::chrono::milliseconds query_waiting_time_max{5'000};  // for a thread; then 503 busy
    std::chrono::milliseconds command_time_max{10'000};       // from accept to the answer
    std::chrono::milliseconds wait_default{2'000};            // for one's own write to show in a read
    std::chrono::milliseconds wait_max{10'000};

    std::int32_t audit_days = 365;  // how far back the audit is shown; 0: to the beginning. Nothing is removed

    std::int32_t address_per_minute = 120;          // requests without a valid key
    std::int32_t unknown_keys_per_minute = 12'000;  // keys not seen here before, of all addresses together
    std::int32_t key_per_minute = 1'000;            // unless the key has a rate of its own
    std::size_t exports_per_key_max = 4;            // CSV answers under way at this node; beyond: 429
    std::size_t limiter_entries_max = 100'000;      // addresses and keys remembered, each

    std::chrono::milliseconds refusals_window{60'000};  // refused access of a key is told once in so long
    std::size_t refusals_keys_max = 20;                 // told by themselves, of one tenant and window; the rest summed
    std::size_t refusals_entries_max = 10'000;          // in memory

    std::size_t cached_keys_max = 50'000;
    std::chrono::milliseconds key_check_interval{400};   // how often keys in use are held against the log
    std::chrono::milliseconds key_read_time_max{2'000};  // one look into the store
    std::chrono::milliseconds key_trust_without_store{60'000};
    std::chrono::milliseconds key_use_flush_interval{1'000};  // so much of the counted calls a crash may lose

    live_config live;

    static listener_config admin_defaults();  // admin-0, 127.0.0.1:8081, one shard
};

// One line of /readyz. `fatal` and not well: 503. Not fatal and not well: "degraded", 200.
struct readiness
{
    std::string name;  // "schema", "store", "kafka"
    bool well = true;
    bool fatal = true;
    std::string detail;
};

struct service_parts
{
    lanes::dispatcher& commands;
    event_log::keyring& keys;
    event_log::store_config store;  // for keys, quotas and the health probe: three connections
    std::function<std::unique_ptr<projection::reader>()>
        open_reader;  // called once on each thread that reads: query-N, live-past
    const schema::clock& clock;
    journal& log;
    // Named in position tokens: a token of another incarnation is stale. Called often, must be cheap.
    std::function<std::string()> incarnation;
    // Followed by the streams of this process; whoever appends wakes it.
    event_feed::feed& news;
    // How far the read models of this process have come; a read that must show a write waits here.
    projection::positions& shown;
    // Further checks for /readyz, and further metrics; called on the admin thread, must not block.
    std::function<std::vector<readiness>()> checks;
    std::function<void(metrics_text&)> metrics;
    // Asks the store for its incarnation anew, after a read for streams has failed; may be empty.
    std::function<void()> relearn{};
    std::vector<operation> operations{};        // under /api/admin
    event_log::snapshots* snapshots = nullptr;  // of long streams, for looking back; may be null
};

class service
{
public:
    service(service_config, service_parts);
    ~service();  // stops

    void start();
    std::uint16_t port() const;  // of the API
    std::uint16_t admin_port() const;

    // /readyz answers 200 only after this: migrations known, projections running.
    void ready();

    // True when everything under way was answered in time.
    bool drain();
    void stop();

private:
    struct implementation;
    std::unique_ptr<implementation> self_;
};
}  // namespace http
