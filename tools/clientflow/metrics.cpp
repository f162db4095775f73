// `clientflow metrics emit`: what a Prometheus and a Grafana are given to watch this program.
#include "http/server/alerts.hpp"
#include "schemas/json_writer.hpp"
#include "tools/clientflow/program.hpp"

#include <CLI/CLI.hpp>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>

namespace cli
{
namespace
{
constexpr const char *rules_file = "clientflow_alerts.yml", *dashboard_file = "clientflow_dashboard.json";

void write_file(const std::filesystem::path& file, const std::string& text)
{
    std::ofstream out{file, std::ios::binary | std::ios::trunc};
    out << text;
    if (!out.flush())
        throw failure(failed, "output_failed", file.string() + " could not be written");
}

void print_tables()
{
    std::string out;
    schema::json_writer json{out};
    json.begin_object().key("metrics").begin_array();
    for (const auto& each : http::metric_table())
        json.begin_object().member("name", each.name).member("type", each.type).member("help", each.help).end_object();
    json.end_array().key("alerts").begin_array();
    for (const auto& each : http::alert_table())
        json.begin_object()
            .member("name", each.name)
            .member("expression", each.expression)
            .member("for", each.lasting)
            .member("severity", each.severity)
            .member("summary", each.summary)
            .end_object();
    json.end_array().key("dashboard").raw(http::dashboard()).end_object();
    std::cout << out << '\n';
}

exit_status emit(const program& chosen, const std::string& folder)
{
    if (!folder.empty())
    {
        std::error_code trouble;
        std::filesystem::create_directories(folder, trouble);
        write_file(std::filesystem::path{folder} / rules_file, http::alert_rules());
        write_file(std::filesystem::path{folder} / dashboard_file, http::dashboard() + '\n');
        say(chosen, std::string{"wrote "} + rules_file + " and " + dashboard_file + " to " + folder);
        return done;
    }
    if (chosen.given.json)
        print_tables();
    else
        std::cout << http::alert_rules();
    return done;
}
}  // namespace

void add_metrics(CLI::App& root, program& chosen)
{
    auto& noun = add_noun(root, "metrics", "Example: clientflow metrics emit --folder monitoring\n\nWhat is measured.");
    auto folder = std::make_shared<std::string>();
    auto& emitting = add_verb(noun, "emit",
                              "Example: clientflow metrics emit --folder monitoring\n\n"
                              "Alert rules for Prometheus and a dashboard for Grafana, from the table of metrics. "
                              "Without a folder the rules go to standard output; --json prints all of it.");
    emitting.add_option("--folder", *folder, "Where both files are written");
    emitting.callback([&chosen, folder] { chosen.run = [&chosen, folder] { return emit(chosen, *folder); }; });
}
}  // namespace cli
