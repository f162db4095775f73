// The emitted alerts and dashboard against a running server: nothing is watched that is not told.
#include "tests/e2e/cli/session.hpp"
#include "tests/kit/eventually.hpp"
#include "tests/kit/scenario/node.hpp"
#include "tests/kit/scenario/site.hpp"

#include <doctest/doctest.h>

#include <csignal>
#include <fstream>
#include <set>
#include <sstream>

namespace
{
std::string read(const std::filesystem::path& file)
{
    std::ifstream in{file};
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
}

// Every value of a member of texts, in order.
std::vector<std::string> members(const std::string& json, const std::string& name)
{
    const auto key = '"' + name + "\":\"";
    std::vector<std::string> found;
    for (auto at = json.find(key); at != std::string::npos; at = json.find(key, at + 1))
    {
        const auto begin = at + key.size();
        found.push_back(json.substr(begin, json.find('"', begin) - begin));
    }
    return found;
}

// Names of ours in a text, without what a histogram appends.
std::set<std::string> metrics_in(const std::string& text)
{
    std::set<std::string> found;
    const std::string mark = "clientflow_";
    for (auto at = text.find(mark); at != std::string::npos; at = text.find(mark, at + 1))
    {
        auto name = text.substr(at, text.find_first_not_of("abcdefghijklmnopqrstuvwxyz_", at) - at);
        for (const std::string ending : {"_bucket", "_count", "_sum"})
            if (name.ends_with(ending))
                name.erase(name.size() - ending.size());
        found.insert(name);
    }
    return found;
}

std::vector<std::string> lines_with(const std::string& text, const std::string& begin)
{
    std::vector<std::string> found;
    std::istringstream lines{text};
    for (std::string line; std::getline(lines, line);)
        if (line.starts_with(begin))
            found.push_back(line.substr(begin.size()));
    return found;
}
}  // namespace

TEST_CASE("every metric of the table is told by a server, as the table says, and alerts name no others")
{
    scenario::site at;
    at.found("acme");
    scenario::node server{{.data = at.data_directory("server"), .dsn = at.dsn()}};
    server.start();
    // Lanes are taken by lease, a moment after the start.
    REQUIRE(kit::eventually(
        [&] { return server.metrics().find("\nclientflow_projection_lag_seconds{") != std::string::npos; }));
    const auto told = server.metrics();
    const auto emitted = cli_session::clientflow({"metrics", "emit", "--json"});
    REQUIRE(emitted.end.exit_code == 0);
    const auto tables = emitted.output.substr(0, emitted.output.find("\"alerts\":"));
    const auto names = members(tables, "name"), types = members(tables, "type"), notes = members(tables, "help");
    REQUIRE(names.size() > 30);
    for (std::size_t i = 0; i < names.size(); ++i)
    {
        CAPTURE(names[i]);
        CHECK(told.find("# TYPE " + names[i] + ' ' + types[i] + '\n') != std::string::npos);
        CHECK(told.find("# HELP " + names[i] + ' ' + notes[i] + '\n') != std::string::npos);
    }
    const auto rules = cli_session::clientflow({"metrics", "emit"}).output;
    for (const auto& name : metrics_in(rules))
    {
        CAPTURE(name);
        CHECK(std::ranges::find(names, name) != names.end());
        const bool is_sampled = told.find('\n' + name) != std::string::npos;
        CHECK(is_sampled);
    }
    for (const auto& name : names)
        CHECK(metrics_in(emitted.output.substr(emitted.output.find("\"dashboard\":"))).contains(name) ==
              (name != "clientflow_build_info"));
}

TEST_CASE("each alert says how bad it is, in a sentence, and has its paragraph in the handbook")
{
    const auto rules = cli_session::clientflow({"metrics", "emit"}).output;
    const auto names = lines_with(rules, "      - alert: ");
    CHECK(names.size() >= 12);
    CHECK(lines_with(rules, "        expr: \"").size() == names.size());
    CHECK(lines_with(rules, "        for: ").size() == names.size());
    CHECK(lines_with(rules, "          severity: ").size() == names.size());
    CHECK(lines_with(rules, "          summary: \"").size() == names.size());
    CHECK(lines_with(rules, "          runbook: \"tools/README.md#clientflow").size() == names.size());
    const auto handbook = read(kit::source_root() / "tools/README.md");
    for (const auto& name : names)
    {
        CAPTURE(name);
        const std::string heading = "\n### " + name + "\n\n";
        const auto at = handbook.find(heading);
        REQUIRE(at != std::string::npos);
        CHECK(handbook.find("\n\n", at + heading.size()) - at - heading.size() > 120);
    }
}

TEST_CASE("rules and dashboard are written into a folder")
{
    kit::temporary_directory room;
    const auto folder = room.path() / "monitoring";
    CHECK(cli_session::clientflow({"metrics", "emit", "--folder", folder.string()}).end.exit_code == 0);
    CHECK(read(folder / "clientflow_alerts.yml") == cli_session::clientflow({"metrics", "emit"}).output);
    const auto dashboard = read(folder / "clientflow_dashboard.json");
    CHECK(dashboard.starts_with(R"({"title":"ClientFlow")"));
    CHECK(dashboard.ends_with("}\n"));
    CHECK(cli_session::clientflow({"metrics", "emit", "--folder", "/proc/none"}).end.exit_code == 1);
}

#ifdef CLIENTFLOW_FAULT_POINTS
namespace
{
// Of a sample without, or with exactly these labels; -1: it is not told.
double value(const scenario::node& server, const std::string& name)
{
    const auto told = server.metrics();
    const auto line = told.find('\n' + name + ' ');
    return line == std::string::npos ? -1.0 : std::stod(told.substr(line + name.size() + 2));
}

// A server whose auditor looks often, and rebuilds of one read model beside it.
struct given_a_watched_rebuild
{
    given_a_watched_rebuild()
    {
        site.found("acme");
        server.emplace(scenario::node_config{.data = site.data_directory("server"),
                                             .dsn = site.dsn(),
                                             .settings = {"audit.first_after_ms=50", "audit.every_ms=100"}});
        server->start();
        REQUIRE(kit::eventually([&] { return moved() == 0; }));
    }

    kit::launch rebuild_with(const std::string& fault)
    {
        kit::launch child;
        child.program = kit::program("clientflow");
        child.arguments = {
            "projection",           "rebuild", "client", "--data", site.data_directory("operator").string(), "--dsn",
            site.db.dsn("postgres")};
        child.environment = {{"CLIENTFLOW_FAULT", fault}};
        return child;
    }

    double moved() { return value(*server, R"(clientflow_rebuild_moved_timestamp_seconds{projection="client"})"); }
    double workers() { return value(*server, "clientflow_rebuild_workers"); }

    scenario::site site;
    std::optional<scenario::node> server;
};
}  // namespace

TEST_CASE("whoever is at work at a rebuild is counted as long as they are")
{
    given_a_watched_rebuild at;
    CHECK(at.workers() == 0);

    auto child = at.rebuild_with("rebuild.finished:delay=600000");
    kit::process builder{child};
    CHECK(kit::eventually([&] { return at.moved() > 1e9 && at.workers() >= 1; }, kit::milliseconds{60'000}));
    builder.kill(SIGKILL);
    builder.wait();
    CHECK(kit::eventually([&] { return at.moved() > 1e9 && at.workers() == 0; }, kit::milliseconds{60'000}));
}

TEST_CASE("a rebuild that was killed is seen to stand still with nobody at work, until it is gone on with or given up")
{
    given_a_watched_rebuild at;

    auto child = at.rebuild_with("rebuild.finished:kill");
    CHECK(kit::run(child, kit::milliseconds{60'000}).end.exit_code == 137);
    // The auditor looks every ten seconds.
    CHECK(kit::eventually([&] { return at.moved() > 1e9 && at.workers() == 0; }, kit::milliseconds{60'000}));

    child.environment.clear();
    child.arguments.emplace_back("--resume");
    CHECK(kit::run(child, kit::milliseconds{60'000}).end.exit_code == 0);
    CHECK(kit::eventually([&] { return at.moved() == 0; }, kit::milliseconds{60'000}));
}
#endif
