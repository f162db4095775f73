// clientflow-load: plays a real help desk's log through the public API and holds the read models against its own count.
//
// Exit: 0 played and equal · 1 failed · 2 usage · 4 refused · 5 unreachable · 6 differences · 130 interrupted.
#include "schemas/json_writer.hpp"
#include "tools/helpdesk/compare.hpp"
#include "tools/helpdesk/deal.hpp"
#include "tools/helpdesk/progress.hpp"
#include "tools/helpdesk/tenants.hpp"

#include <CLI/CLI.hpp>

#include <cmath>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <unistd.h>

namespace
{
using namespace helpdesk;

constexpr const char* example =
    "Example: tools/load --csv helpdesk.csv --url http://127.0.0.1:8080 --key cf_live_...\n\n"
    "Plays the log of a help desk through the API as an outside client would, then compares the server's lists and\n"
    "dashboard with its own count of the log. Run it again after an interruption and it goes on where it was.";

volatile bool stop_asked = false;

struct wishes
{
    std::string csv;
    std::vector<std::string> urls;
    tenant_wishes tenants;
    std::string data, binary, state;
    int connections = 32;
    double rate = 0;
    std::size_t rows = 0;
    int patience_s = 300;
    int deadline_s = 35;
    int settle_s = 30;
    bool deal = false, json = false, quiet = false, restart = false, compare_only = false;
};

void describe(CLI::App& app, wishes& given)
{
    app.add_option("--csv", given.csv, "The log: one row per thing done to a ticket")->required();
    app.add_option("--url", given.urls,
                   "The server (default: the one of --data, else http://127.0.0.1:8080); several of\n"
                   "one store: connections are spread over them");
    app.add_option("--key", given.tenants.keys, "API key with scopes admin and import; once per tenant");
    app.add_option("--data", given.data, "Data directory of tools/up: its demo tenant is used when no key is given");
    app.add_option("--binary", given.binary, "`clientflow`, to make the tenants that --tenants asks for");
    app.add_option("--tenants", given.tenants.tenants, "The same work for N tenants side by side")
        ->check(CLI::Range(1, 1000));
    app.add_flag("--deal", given.deal, "Deal the tickets to the tenants, customer by customer, instead of all to each");
    app.add_option("--connections", given.connections, "Connections over all tenants")->check(CLI::Range(1, 4096));
    app.add_option("--rate", given.rate, "Writes per second over all tenants (default: as fast as answers come)");
    app.add_option("--rows", given.rows, "Only the first N rows of the log");
    app.add_option("--state", given.state, "Where progress is kept (default: DATA/load, else the user's state folder)");
    app.add_option("--patience", given.patience_s, "Seconds without any answer before giving up");
    app.add_option("--deadline", given.deadline_s, "Seconds without an answer after which a write is repeated (35)")
        ->check(CLI::Range(1, 600));
    app.add_option("--settle", given.settle_s, "Seconds that read models may take to agree (default 30)");
    app.add_flag("--restart", given.restart, "Forget the progress kept and play from the first row: harmless");
    app.add_flag("--compare-only", given.compare_only, "Play nothing, only compare");
    app.add_flag("--json", given.json, "One JSON object on standard output");
    app.add_flag("--quiet", given.quiet, "No progress line");
}

std::filesystem::path state_folder(const wishes& given)
{
    if (!given.state.empty())
        return given.state;
    if (!given.data.empty())
        return std::filesystem::path{given.data} / "load";
    if (const char* own = std::getenv("XDG_STATE_HOME"))
        return std::filesystem::path{own} / "clientflow";
    const char* home = std::getenv("HOME");
    return std::filesystem::path{home == nullptr ? "." : home} / ".local/state/clientflow";
}

class progress_line
{
public:
    explicit progress_line(bool quiet) : quiet_(quiet), terminal_(::isatty(2) != 0) {}

    void tell(const figures& now)
    {
        const auto done = now.skipped + now.answered;
        const bool last = done == now.planned;
        if (quiet_ || (!terminal_ && !last && now.seconds - told_at_ < 5))
            return;
        told_at_ = now.seconds;
        const double rate = now.seconds > 0 ? static_cast<double>(now.answered) / now.seconds : 0;
        // Without an answer nobody knows.
        const auto left =
            rate > 0 ? std::to_string(std::llround(static_cast<double>(now.planned - done) / rate)) + " s left, "
                     : std::string{};
        std::fprintf(stderr, "%s%llu of %llu writes (%.0f %%), %.0f/s, %s%llu repeated%s", terminal_ ? "\r\033[K" : "",
                     static_cast<unsigned long long>(done), static_cast<unsigned long long>(now.planned),
                     100.0 * static_cast<double>(done) / static_cast<double>(std::max<std::uint64_t>(now.planned, 1)),
                     rate, left.c_str(), static_cast<unsigned long long>(now.retried), terminal_ && !last ? "" : "\n");
    }

private:
    bool quiet_;
    bool terminal_;
    double told_at_ = -5;
};

void print_json(const played& work, const std::vector<target>& targets, const std::vector<compared>& seen)
{
    std::string out;
    schema::json_writer json{out};
    const auto& all = work.overall;
    json.begin_object().key("writes").integer(static_cast<std::int64_t>(all.planned));
    json.key("skipped").integer(static_cast<std::int64_t>(all.skipped));
    json.key("answered").integer(static_cast<std::int64_t>(all.answered));
    json.key("replayed").integer(static_cast<std::int64_t>(all.replayed));
    json.key("repeated").integer(static_cast<std::int64_t>(all.retried));
    json.key("seconds").number(all.seconds).key("writes_per_s");
    json.number(all.seconds > 0 ? static_cast<double>(all.answered) / all.seconds : 0);
    json.key("p50_ms").number(all.p50_ms).key("p99_ms").number(all.p99_ms).key("tenants").begin_array();
    for (std::size_t i = 0; i < seen.size(); ++i)
    {
        json.begin_object().member("name", targets[i].name);
        json.key("compared").integer(static_cast<std::int64_t>(seen[i].figures)).key("differences").begin_array();
        for (const auto& each : seen[i].differences)
            json.begin_object()
                .member("what", each.what)
                .key("counted")
                .integer(each.counted)
                .key("shown")
                .integer(each.shown)
                .end_object();
        json.end_array().key("months_compared").boolean(seen[i].months_left_out.empty()).end_object();
    }
    json.end_array().end_object();
    std::cout << out << '\n';
}

void print_text(const played& work, const std::vector<target>& targets, const std::vector<compared>& seen)
{
    const auto& all = work.overall;
    std::printf("%llu writes answered in %.1f s (p50 %.1f ms, p99 %.1f ms); %llu from receipts, %llu repeated, "
                "%llu done by an earlier run\n",
                static_cast<unsigned long long>(all.answered), all.seconds, all.p50_ms, all.p99_ms,
                static_cast<unsigned long long>(all.replayed), static_cast<unsigned long long>(all.retried),
                static_cast<unsigned long long>(all.skipped));
    for (std::size_t i = 0; i < seen.size(); ++i)
    {
        std::printf("%s: %llu figures compared with an independent count of the log, %zu differ\n",
                    targets[i].name.c_str(), static_cast<unsigned long long>(seen[i].figures),
                    seen[i].differences.size());
        if (!seen[i].months_left_out.empty())
            std::printf("  created_per_month is not compared: the organisation's months are those of %s, the log's of "
                        "UTC\n",
                        seen[i].months_left_out.c_str());
        for (const auto& each : seen[i].differences)
            std::printf("  %s: counted %lld, shown %lld\n", each.what.c_str(), static_cast<long long>(each.counted),
                        static_cast<long long>(each.shown));
    }
}

std::vector<wire::endpoint> servers_of(const wishes& given)
{
    auto urls = given.urls;
    if (urls.empty() && given.tenants.data)
        if (auto known = url_of(*given.tenants.data))
            urls.push_back(std::move(*known));
    if (urls.empty())
        urls.emplace_back("http://127.0.0.1:8080");
    std::vector<wire::endpoint> servers;
    for (const auto& each : urls)
    {
        auto server = wire::endpoint::parse(each);
        if (!server)
            throw bad_wish("\"" + each + "\" is no http://host:port");
        servers.push_back(std::move(*server));
    }
    return servers;
}

// What a tenant was given before still stands there, whatever progress is forgotten: a count of fewer rows would differ
// from it, and nothing would be wrong.
void want_all_rows_given(const std::vector<target>& targets, const std::vector<row>& rows)
{
    if (rows.empty())
        return;
    const auto log = task_id(rows.front());
    for (const auto& each : targets)
        if (const auto before = rows_given(each.progress_file, log); before > rows.size())
            throw bad_wish(each.name + " holds the first " + std::to_string(before) +
                           " rows of this log already, so that a count of " + std::to_string(rows.size()) +
                           " cannot agree: give --rows " + std::to_string(before) +
                           " or more, or another tenant's key");
}

int load(wishes& given)
{
    if (!given.data.empty())
        given.tenants.data = given.data;
    if (!given.binary.empty())
        given.tenants.binary = given.binary;
    const auto servers = servers_of(given);
    given.tenants.state = state_folder(given);
    auto rows = read_log(given.csv);
    if (given.rows > 0 && given.rows < rows.size())
        rows.resize(given.rows);
    const auto targets = find_targets(given.tenants);
    want_all_rows_given(targets, rows);
    const auto hands = given.deal ? deal(rows, targets.size()) : std::vector<std::vector<row>>{rows};
    if (given.restart)
        for (const auto& each : targets)
            std::filesystem::remove(each.progress_file);

    player_config config{servers, given.connections, given.rate, std::chrono::seconds{given.patience_s},
                         std::chrono::seconds{given.deadline_s}};
    std::vector<std::vector<helpdesk::write>> plans;
    for (const auto& each : hands)
        plans.push_back(plan(each));
    progress_line line{given.quiet};
    played work;
    work.last_positions.resize(targets.size());
    if (!given.compare_only)
    {
        // Before the first of them: of an interrupted run some may have arrived.
        for (const auto& each : targets)
            if (!rows.empty())
                note_rows_given(each.progress_file, task_id(rows.front()), rows.size());
        work = play(config, plans, targets, stop_asked, [&](const figures& now) { line.tell(now); });
    }
    std::vector<compared> seen;
    bool equal = true;
    for (std::size_t i = 0; i < targets.size(); ++i)
    {
        // Each by another server.
        seen.push_back(compare(servers, i, targets[i], work.last_positions[i], hands[hands.size() == 1 ? 0 : i], rows,
                               std::chrono::seconds{given.settle_s}));
        equal = equal && seen.back().differences.empty();
    }
    given.json ? print_json(work, targets, seen) : print_text(work, targets, seen);
    return equal ? 0 : 6;
}

int complain(const wishes& given, int status, const char* code, const std::string& detail)
{
    if (given.json)
    {
        std::string out;
        schema::json_writer json{out};
        json.begin_object().member("type", std::string{"/problems/"} + code).member("code", code);
        json.member("detail", detail).key("exit").integer(status).end_object();
        std::cerr << out << '\n';
    }
    else
        std::cerr << "clientflow-load: " << detail << '\n';
    return status;
}

int guarded_load(wishes& given)
{
    try
    {
        return load(given);
    }
    catch (const bad_wish& wrong)
    {
        return complain(given, 2, "usage", wrong.what());
    }
    catch (const bad_log& wrong)
    {
        return complain(given, 2, "bad_log", wrong.what());
    }
    catch (const refused& wrong)
    {
        return complain(given, 4, "refused", wrong.what());
    }
    catch (const unreachable& wrong)
    {
        return complain(given, 5, "unreachable", wrong.what());
    }
    catch (const wire::no_such_host& wrong)
    {
        return complain(given, 5, "unreachable", wrong.what());
    }
    catch (const interrupted& wrong)
    {
        return complain(given, 130, "interrupted", wrong.what());
    }
    catch (const std::exception& wrong)
    {
        return complain(given, 1, "failed", wrong.what());
    }
}
}  // namespace

int main(int count, char** words)
{
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGINT, [](int) { stop_asked = true; });
    std::signal(SIGTERM, [](int) { stop_asked = true; });
    wishes given;
    CLI::App app{example, "tools/load"};
    describe(app, given);
    try
    {
        app.parse(count, words);
    }
    catch (const CLI::CallForHelp& asked)
    {
        return app.exit(asked);
    }
    catch (const CLI::ParseError& wrong)
    {
        return complain(given, 2, "usage", wrong.what());
    }
    return guarded_load(given);
}
