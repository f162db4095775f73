// `bench visible`, `feed` and `idle`.
#include "events/feed/store_feed.hpp"
#include "tools/clientflow/bench/benches.hpp"
#include "tools/clientflow/bench/paced.hpp"
#include "tools/clientflow/database.hpp"

#include <pqxx/connection_base>
#include <pqxx/nontransaction>
#include <pqxx/result>

#include <algorithm>
#include <numeric>
#include <thread>

namespace cli::bench
{
namespace
{
using steady = std::chrono::steady_clock;

double seconds_since(steady::time_point begun) { return std::chrono::duration<double>(steady::now() - begun).count(); }

std::string get(const wire::endpoint& to, const std::string& target, const std::string& key, const char* headers = "")
{
    wire::request asked;
    asked.method = "GET";
    asked.target = target;
    asked.key = key;
    asked.headers = headers;
    return wire::render(to, asked);
}

std::string post_client(const wire::endpoint& to, const std::string& key, std::int64_t n)
{
    const auto once = "rows-" + std::to_string(n);
    const auto body = R"({"name":"Client )" + std::to_string(n) + R"("})";
    wire::request asked;
    asked.method = "POST";
    asked.target = "/api/v1/clients";
    asked.key = key;
    asked.idempotency_key = once;
    asked.body = body;
    return wire::render(to, asked);
}

void fill(const server& running, const std::string& key, std::int64_t rows, int connections, progress& line)
{
    wire::exchange by{running.api(), connections};
    std::int64_t sent = 0, done_rows = 0;
    const auto answered = [&](int connection, wire::response& got) {
        if (got.status != 201)
            throw std::runtime_error("a row of the benchmark was refused: " + got.body);
        if (++done_rows % 1'000 == 0)
            line.tell("preparing " + std::to_string(done_rows) + " of " + std::to_string(rows) + " rows");
        if (sent < rows)
            by.send(connection, post_client(running.api(), key, ++sent));
    };
    for (int c = 0; c < connections && sent < rows; ++c)
        by.send(c, post_client(running.api(), key, ++sent));
    while (done_rows < rows && !stop_asked())
        by.step(std::chrono::milliseconds{50}, answered);
}

constexpr const char* fresh = "Prefer: wait=10, handling=strict\r\n";
}  // namespace

report visible(const settings& configured, const wishes& given, progress& line)
{
    const ground here{configured};
    const auto who = make_tenant(here.of(), "bench");
    const server running{here.of(), "api,projector"};
    const auto& to = running.api();
    std::int64_t written = 0;
    const auto write = [&] { return post_client(to, who.key, ++written); };
    const auto see = [&] { return get(to, "/api/v1/clients?limit=1", who.key, fresh); };
    line.tell("warming up");
    paced(to, given.connections, 2, given.per_second, write, see);
    line.tell("measuring");
    auto seen = paced(to, given.connections, given.seconds, given.per_second, write, see);
    report made;
    made.name = "visible";
    made.under = here.measured();
    made.under.seconds = given.seconds;
    made.under.connections = given.connections;
    made.under.rows = written;
    made.under.variant = std::to_string(static_cast<int>(given.per_second)) +
                         " writes/s when they are due, after each a list that must show it, every read model live";
    made.found = {{"visible_p50_ms", quantile(seen.second_ms, 0.5)},
                  {"visible_p99_ms", quantile(seen.second_ms, 0.99)}};
    made.floor = {{"write_p50_ms", quantile(seen.first_ms, 0.5)}, {"write_p99_ms", quantile(seen.first_ms, 0.99)}};
    made.ratio = quantile(seen.second_ms, 0.5) / std::max(quantile(seen.first_ms, 0.5), 1e-9);
    return made;
}

report feed(const settings& configured, const wishes& given, progress& line)
{
    const ground here{configured};
    const auto rows = given.rows > 0 ? given.rows : 100'000;
    {
        const auto who = make_tenant(here.of(), "bench");
        const server running{here.of(), "api"};
        fill(running, who.key, rows, given.connections, line);
    }
    const auto whole_log = [&] {
        event_feed::store_feed_config config;
        config.feed = here.of().feed;
        config.dsn = here.of().store.dsn;
        event_feed::store_feed from{config};
        std::vector<event_log::position> at;
        for (std::int32_t lane = 0; lane < 16; ++lane)
            at.push_back({lane, 0});
        std::int64_t events = 0;
        for (auto batch = from.read(at); !batch.empty(); batch = from.read(at))
            for (const auto& each : batch)
            {
                at[static_cast<std::size_t>(each.at.lane)] = each.at;
                ++events;
            }
        return events;
    };
    const auto plain_query = [&] {
        event_log::connection_config config;
        config.dsn = here.of().store.dsn;
        event_log::connection link{config, std::make_shared<event_log::watchdog>()};
        pqxx::nontransaction session{link.raw()};
        return static_cast<std::int64_t>(session.exec("select * from es.event order by lane, seq").size());
    };
    whole_log();
    double found = 0, floor = 0;
    int rounds = 0;
    const auto begun = steady::now();
    while ((rounds == 0 || seconds_since(begun) < given.seconds) && !stop_asked())
    {
        auto at = steady::now();
        floor += static_cast<double>(plain_query()) / seconds_since(at);
        at = steady::now();
        found += static_cast<double>(whole_log()) / seconds_since(at);
        ++rounds;
        line.tell("feed " + std::to_string(static_cast<int>(found / rounds)) + " events/s");
    }
    report made;
    made.name = "feed";
    made.under = here.measured();
    made.under.rows = rows;
    made.under.seconds = given.seconds;
    made.under.connections = 1;
    made.found = {{"events_per_s", found / rounds}};
    made.floor = {{"events_per_s", floor / rounds}};
    made.ratio = found / floor;
    return made;
}

report idle(const settings& configured, const wishes& given, progress& line)
{
    const ground here{configured};
    make_tenant(here.of(), "bench");
    const server running{here.of(), "api,projector"};
    std::this_thread::sleep_for(std::chrono::seconds{2});
    const double before = running.cpu_seconds();
    const auto begun = steady::now();
    while (seconds_since(begun) < given.seconds && !stop_asked())
    {
        std::this_thread::sleep_for(std::chrono::milliseconds{200});
        line.tell("idle for " + std::to_string(static_cast<int>(seconds_since(begun))) + " s");
    }
    const double spent = running.cpu_seconds() - before;
    report made;
    made.name = "idle";
    made.under = here.measured();
    made.under.seconds = given.seconds;
    made.under.variant = "all roles, nothing to do";
    made.found = {{"cpu_percent", 100 * spent / seconds_since(begun)},
                  {"rss_mb", running.resident_mb()},
                  {"start_to_ready_s", running.seconds_to_ready()}};
    return made;
}
}  // namespace cli::bench
