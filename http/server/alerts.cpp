#include "http/server/alerts.hpp"

#include "schemas/json_writer.hpp"

#include <array>
#include <cctype>

namespace http
{
namespace
{
constexpr std::array metrics{
    metric_row{"clientflow_build_info", "gauge", "short", "version", "Which program this is."},
    metric_row{"clientflow_http_request_duration_seconds", "histogram", "s", "",
               "From the complete head to the answer."},
    metric_row{"clientflow_http_connections", "gauge", "short", "", "Open connections of the public listener."},
    metric_row{"clientflow_http_connections_accepted_total", "counter", "ops", "", "Connections accepted."},
    metric_row{"clientflow_http_connections_refused_total", "counter", "ops", "", "Connections refused over a bound."},
    metric_row{"clientflow_http_timeouts_total", "counter", "ops", "",
               "Connections ended because a deadline had passed."},
    metric_row{"clientflow_api_keys_known", "gauge", "short", "", "API keys kept in memory."},
    metric_row{"clientflow_api_key_lookups_total", "counter", "ops", "", "API keys looked up in the store."},
    metric_row{"clientflow_api_key_check_failures_total", "counter", "ops", "",
               "Times the store could not be asked for keys."},
    metric_row{"clientflow_append_duration_seconds", "histogram", "s", "",
               "One round of commands, until it is durable."},
    metric_row{"clientflow_append_conflicts_total", "counter", "ops", "",
               "Commands decided again because another writer was first."},
    metric_row{"clientflow_append_rounds_total", "counter", "ops", "", "Rounds appended."},
    metric_row{"clientflow_commands_total", "counter", "ops", "", "Commands decided."},
    metric_row{"clientflow_events_total", "counter", "ops", "", "Events appended."},
    metric_row{"clientflow_commands_busy_total", "counter", "ops", "",
               "Commands refused because a queue, or their tenant's share of it, was full."},
    metric_row{"clientflow_commands_waiting", "gauge", "short", "", "Commands that wait for their round."},
    metric_row{"clientflow_snapshots_total", "counter", "ops", "outcome", "What became of snapshots of long streams."},
    metric_row{"clientflow_pool_wait_seconds", "histogram", "s", "", "Time that work waited for a thread of its pool."},
    metric_row{"clientflow_pool_waiting", "gauge", "short", "pool", "Work that waits for a thread of its pool."},
    metric_row{"clientflow_pool_refused_total", "counter", "ops", "pool",
               "Work refused because its pool's queue was full."},
    metric_row{"clientflow_lane_head", "gauge", "short", "lane",
               "The last sequence of the lane that the projections have seen."},
    metric_row{"clientflow_projection_lag_events", "gauge", "short", "projection",
               "Events of the lane that the read model does not show yet."},
    metric_row{"clientflow_projection_lag_seconds", "gauge", "s", "projection",
               "Age of the oldest event that the read model does not show yet."},
    metric_row{"clientflow_projection_events_total", "counter", "ops", "", "Events folded."},
    metric_row{"clientflow_projection_rows_total", "counter", "ops", "", "Rows written."},
    metric_row{"clientflow_projection_commits_total", "counter", "ops", "", "Batches committed with their positions."},
    metric_row{"clientflow_projection_lost_races_total", "counter", "ops", "",
               "Batches that another process was ahead with."},
    metric_row{"clientflow_projection_failures_total", "counter", "ops", "",
               "Batches that the database refused or lost."},
    metric_row{"clientflow_projection_cache_usable", "gauge", "short", "",
               "1 while rows are cached, else every batch reads them."},
    metric_row{"clientflow_parked_keys", "gauge", "short", "projection", "Keys that a read model has stopped at."},
    metric_row{"clientflow_dead_letters", "gauge", "short", "source", "What was given up and waits for an operator."},
    metric_row{"clientflow_dead_letter_oldest_timestamp_seconds", "gauge", "dateTimeAsIso", "source",
               "Since when the oldest of it waits; 0 when nothing does."},
    metric_row{"clientflow_rebuild_moved_timestamp_seconds", "gauge", "dateTimeAsIso", "projection",
               "When the rebuild of a read model last moved on; 0 when none is under way."},
    metric_row{"clientflow_rebuild_workers", "gauge", "short", "", "Database sessions of rebuilds that are at work."},
    metric_row{"clientflow_audit_differences", "gauge", "short", "",
               "Differences between the log and what is derived from it, found by the last pass."},
    metric_row{"clientflow_audit_passes_total", "counter", "ops", "", "Whole passes of the auditor."},
    metric_row{"clientflow_audit_events_total", "counter", "ops", "", "Events that the auditor has folded again."},
    metric_row{"clientflow_audit_failures_total", "counter", "ops", "", "Passes that ended early."},
    metric_row{"clientflow_audit_last_pass_timestamp_seconds", "gauge", "dateTimeAsIso", "",
               "When the last whole pass ended; 0 before the first."},
};

constexpr std::array alerts{
    alert_row{"ClientFlowProjectionBehind", "max by (projection, lane) (clientflow_projection_lag_seconds) > 30", "2m",
              "ticket", "Lane {{ $labels.lane }} of {{ $labels.projection }} is {{ $value }} s behind the log."},
    alert_row{"ClientFlowProjectionStuck",
              "max by (projection, lane) (clientflow_projection_lag_seconds) > 300"
              " and on () sum(rate(clientflow_projection_commits_total[5m])) == 0",
              "2m", "page", "Nothing is folded any more, and {{ $labels.projection }} is {{ $value }} s behind."},
    alert_row{"ClientFlowProjectionFailing", "sum(rate(clientflow_projection_failures_total[5m])) > 0.05", "5m",
              "ticket", "Batches of the read models fail: {{ $value }} a second."},
    alert_row{"ClientFlowCacheUnusable", "min(clientflow_projection_cache_usable) == 0", "15m", "ticket",
              "A node folds without its cache: every batch reads its rows."},
    alert_row{"ClientFlowRebuildStuck",
              "time() - (max by (projection) (clientflow_rebuild_moved_timestamp_seconds) > 0) > 1800"
              " or (max by (projection) (clientflow_rebuild_moved_timestamp_seconds) > 0)"
              " and on () max(clientflow_rebuild_workers) == 0",
              "5m", "ticket", "The rebuild of {{ $labels.projection }} stands still, or nobody works at it any more."},
    alert_row{"ClientFlowParkedKeys", "max by (projection) (clientflow_parked_keys) > 0", "1m", "ticket",
              "{{ $value }} things of {{ $labels.projection }} have stopped, and reads of them are stale."},
    alert_row{"ClientFlowParkedKeysOld",
              "max by (source) (time() - (clientflow_dead_letter_oldest_timestamp_seconds > 0)) > 86400", "10m", "page",
              "Something of {{ $labels.source }} has waited for an operator for more than a day."},
    alert_row{"ClientFlowAuditDifference", "max(clientflow_audit_differences) > 0", "0m", "page",
              "{{ $value }} differences between the log and what is derived from it."},
    alert_row{"ClientFlowAuditSilent",
              "time() - max(clientflow_audit_last_pass_timestamp_seconds > 0) > 259200"
              " or max(clientflow_audit_failures_total) - max(clientflow_audit_passes_total) > 10",
              "30m", "ticket", "The auditor has not finished a pass for days, or fails."},
    alert_row{"ClientFlowAppendsSlow",
              "histogram_quantile(0.99, sum by (le) (rate(clientflow_append_duration_seconds_bucket[5m]))) > 0.5", "5m",
              "ticket", "A round of commands takes {{ $value }} s (99th of a hundred)."},
    alert_row{"ClientFlowCommandsRefused", "sum(rate(clientflow_commands_busy_total[5m])) > 0.1", "5m", "page",
              "Commands are refused as busy: {{ $value }} a second."},
    alert_row{"ClientFlowQueriesRefused", "sum by (pool) (rate(clientflow_pool_refused_total[5m])) > 0.1", "5m", "page",
              "Reads are refused as busy: {{ $value }} a second."},
    alert_row{"ClientFlowServerErrors",
              "sum(rate(clientflow_http_request_duration_seconds_count{status=\"5xx\"}[5m]))"
              " / sum(rate(clientflow_http_request_duration_seconds_count[5m])) > 0.01",
              "5m", "page", "More than one request in a hundred fails."},
    alert_row{"ClientFlowKeysUnchecked", "sum(rate(clientflow_api_key_check_failures_total[5m])) > 0.5", "2m", "page",
              "API keys cannot be held against the log: a revoked one may still be believed."},
};

// YAML's double-quoted text; ours holds neither control characters nor anything but ASCII.
std::string quoted(std::string_view text)
{
    std::string made{"\""};
    for (const char c : text)
        made.append(c == '"' || c == '\\' ? "\\" : "").append(1, c);
    return made + '"';
}

std::string anchor_of(std::string_view name)
{
    std::string made;
    for (const char c : name)
        made += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return made;
}

std::string query_of(const metric_row& of)
{
    const std::string name{of.name};
    const std::string by = of.by.empty() ? "" : " by (" + std::string{of.by} + ")";
    if (of.type == "histogram")
        return "histogram_quantile(0.99, sum by (le) (rate(" + name + "_bucket[5m])))";
    if (of.type == "counter")
        return "sum" + by + " (rate(" + name + "[5m]))";
    return "max" + by + " (" + name + ")";
}

void write_panel(schema::json_writer& json, const metric_row& of, int number)
{
    constexpr int columns = 3, width = 8, height = 7;
    json.begin_object().key("id").integer(number + 1).member("type", "timeseries").member("title", of.name);
    json.member("description", of.help).key("datasource").begin_object().member("type", "prometheus");
    json.member("uid", "${datasource}").end_object();
    json.key("gridPos").begin_object().key("h").integer(height).key("w").integer(width);
    json.key("x").integer((number % columns) * width).key("y").integer((number / columns) * height).end_object();
    json.key("fieldConfig").begin_object().key("defaults").begin_object().member("unit", of.unit).end_object();
    json.key("overrides").begin_array().end_array().end_object();
    json.key("targets").begin_array().begin_object().member("refId", "A").member("expr", query_of(of));
    json.member("legendFormat", of.by.empty() ? std::string{} : "{{" + std::string{of.by} + "}}");
    json.end_object().end_array().end_object();
}
}  // namespace

std::span<const metric_row> metric_table() { return metrics; }
std::span<const alert_row> alert_table() { return alerts; }

std::string alert_rules()
{
    std::string out = "# Alerts of ClientFlow for Prometheus, made by `clientflow metrics emit`: do not edit.\n"
                      "groups:\n  - name: clientflow\n    rules:\n";
    for (const auto& each : alerts)
    {
        out.append("      - alert: ").append(each.name).append("\n");
        out.append("        expr: ").append(quoted(each.expression)).append("\n");
        out.append("        for: ").append(each.lasting).append("\n");
        out.append("        labels:\n          severity: ").append(each.severity).append("\n");
        out.append("        annotations:\n          summary: ").append(quoted(each.summary)).append("\n");
        out.append("          runbook: ").append(quoted("tools/README.md#" + anchor_of(each.name))).append("\n");
    }
    return out;
}

std::string dashboard()
{
    std::string out;
    schema::json_writer json{out};
    json.begin_object().member("title", "ClientFlow").member("uid", "clientflow").key("schemaVersion").integer(36);
    json.member("refresh", "30s").key("time").begin_object().member("from", "now-6h").member("to", "now").end_object();
    json.key("templating").begin_object().key("list").begin_array().begin_object();
    json.member("name", "datasource").member("type", "datasource").member("query", "prometheus").end_object();
    json.end_array().end_object().key("panels").begin_array();
    int number = 0;
    for (const auto& each : metrics)
        if (each.name != "clientflow_build_info")
            write_panel(json, each, number++);
    json.end_array().end_object();
    return out;
}
}  // namespace http
