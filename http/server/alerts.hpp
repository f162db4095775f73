// What is measured, and what of it wakes somebody: one table of metrics and one of alerts, written as Prometheus rules
// and as a Grafana dashboard.
//
// A metric's row repeats what /metrics says of it, and a test holds the two against each other. An alert's runbook is
// the section of its name in tools/README.md. Names are public and stay. Pure.
//
// Sources: Prometheus' recording and alerting rules (YAML), Grafana's dashboard JSON model, schema version 36.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace http
{
struct metric_row
{
    std::string_view name;
    std::string_view type;  // counter, gauge, histogram
    std::string_view unit;  // as Grafana calls it: "s", "short", "ops"
    std::string_view by;    // the labels that a panel keeps apart; empty: none
    std::string_view help;
};
std::span<const metric_row> metric_table();

struct alert_row
{
    std::string_view name;
    std::string_view expression;
    std::string_view lasting;   // how long it must hold: "2m"
    std::string_view severity;  // page: now; ticket: in working hours
    std::string_view summary;
};
std::span<const alert_row> alert_table();

std::string alert_rules();  // YAML
std::string dashboard();    // JSON
}  // namespace http
