// Everything that can be set, gathered from flags, CLIENTFLOW_* and DATA/clientflow.toml, with where each value came
// from.
//
// Every limit of every machine is a row of one table: name ("http.idle_time_max_ms"), unit, default and note; the same
// row reads the file (`[http] idle_time_max_ms = 60000`), the environment (CLIENTFLOW_HTTP_IDLE_TIME_MAX_MS) and
// `--set http.idle_time_max_ms=60000`. An unknown name in the file or in --set is an error that names one that is near.
// Plain data once read; secret values never leave through `printed`.
#pragma once

#include "commands/lanes/dispatcher.hpp"
#include "events/feed/feed.hpp"
#include "events/log/housekeeper.hpp"
#include "events/log/seal.hpp"
#include "events/log/snapshots.hpp"
#include "events/log/store.hpp"
#include "http/server/service.hpp"
#include "tools/clientflow/admin_work.hpp"
#include "tools/clientflow/program.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace cli
{
struct log_config
{
    std::string level = "info";      // debug, info, warning, error
    std::string format = "auto";     // json, human, or by whether standard error is a terminal
    std::string access = "notable";  // all, notable (slow, 5xx), none
    std::int64_t slow_ms = 100;      // from which a request is slow
};

// The completeness auditor of a serving process.
struct audit_config
{
    std::chrono::milliseconds first_after{30'000};  // from the start to the first pass
    std::chrono::milliseconds every{60'000};        // from the end of one pass to the next
    std::int64_t share_percent = 1;                 // of the time that it works, the database's work included; 0: never
};

struct settings
{
    std::filesystem::path
        data;  // the directory: flag, CLIENTFLOW_DATA or the default; not a row, as the file lies in it

    std::string roles = "api,projector";
    event_log::store_config store;  // .dsn: what the server logs in as
    std::string admin_dsn;          // for migrate, doctor and bench; empty: store.dsn
    event_log::keyring_config keys;
    lanes::writer_config writers;
    event_log::snapshot_config snapshots;
    event_feed::feed_config feed;
    event_log::housekeeper_config housekeeping;
    http::service_config http;
    audit_config audit;
    admin_work_config operators;
    log_config log;
    std::int64_t drain_seconds = 25;

    const std::string& operator_dsn() const { return admin_dsn.empty() ? store.dsn : admin_dsn; }
};

enum class origin
{
    standard,
    file,
    environment,
    flag
};

// One setting, bound to its place.
struct setting
{
    std::string name;
    std::string unit;  // "bytes", "ms", …; empty: text or plain number
    std::string note;
    bool secret = false;
    std::function<std::string()> print;
    std::function<bool(std::string_view)> set;  // false: not a value of this kind
    std::string kind;                           // "an integer", "text", for messages
    origin from = origin::standard;

    std::string printed() const;  // masked when secret and not empty
};

// Bound to the given object, which must outlive the rows.
std::vector<setting> rows_of(settings&);

// Reads the three sources in their order. Throws `failure` (usage) naming file, line and setting; also when none of
// them, and no PG* variable, says where the store is.
settings read_settings(const common_options&);

// The same with each row's origin, for `config print`.
struct explained
{
    settings values;
    std::vector<setting> rows;
};
void explain(const common_options&, explained& into);

std::string_view word(origin);
}  // namespace cli
