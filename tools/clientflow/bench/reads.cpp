// `bench list`, `visible`, `feed` and `idle`.
#include "events/feed/store_feed.hpp"
#include "tools/clientflow/bench/benches.hpp"
#include "tools/clientflow/bench/client.hpp"
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

report list(const settings& configured, const wishes& given, progress& line)
{
    const ground here{configured};
    const auto who = make_tenant(here.of(), "bench");
    const server running{here.of(), "api,projector"};
    const auto rows = given.rows > 0 ? given.rows : 10'000;
    fill(running, who.key, rows, given.connections, line);
    client by{running.api(), given.connections};
    const auto& to = running.api();
    by.run(std::chrono::seconds{1}, [&] { return get(to, "/api/v1/clients?limit=50", who.key, fresh); });
    std::vector<float> took, floor_took;
    double pages = 0, health = 0;
    int slices = 0;
    for (double spent = 0; spent < given.seconds && !stop_asked(); spent += 2, ++slices)
    {
        auto floor = by.run(std::chrono::seconds{1}, [&] { return get(to, "/api/health", ""); });
        auto found = by.run(std::chrono::seconds{1}, [&] { return get(to, "/api/v1/clients?limit=50", who.key); });
        if (found.refused > 0)
            throw std::runtime_error("a page was refused: " + found.first_refusal);
        health += floor.per_second;
        pages += found.per_second;
        took.insert(took.end(), found.took_ms.begin(), found.took_ms.end());
        line.tell("pages " + std::to_string(static_cast<int>(found.per_second)) + "/s");
    }
    report made;
    made.name = "list";
    made.under = here.measured();
    made.under.rows = rows;
    made.under.seconds = given.seconds;
    made.under.connections = given.connections;
    made.under.variant = "pages of 50";
    made.found = {{"pages_per_s", pages / slices}, {"p50_ms", quantile(took, 0.5)}, {"p99_ms", quantile(took, 0.99)}};
    made.floor = {{"health_per_s", health / slices}};
    made.ratio = pages / health;
    return made;
}

report visible(const settings& configured, const wishes& given, progress& line)
{
    const ground here{configured};
    const auto who = make_tenant(here.of(), "bench");
    const server running{here.of(), "api,projector"};
    const auto& to = running.api();
    wire::exchange by{to, 1};
    const auto ask = [&](const std::string& bytes, int expected) {
        const auto begun = steady::now();
        bool finished = false;
        by.send(0, bytes);
        while (!finished)
            by.step(std::chrono::milliseconds{100}, [&](int, wire::response& got) {
                finished = true;
                if (got.status != expected)
                    throw std::runtime_error("refused: " + got.body);
            });
        return static_cast<float>(seconds_since(begun) * 1e3);
    };
    std::vector<float> writes, reads;
    const auto begun = steady::now();
    for (std::int64_t n = 1; seconds_since(begun) < given.seconds && !stop_asked(); ++n)
    {
        writes.push_back(ask(post_client(to, who.key, n), 201));
        reads.push_back(ask(get(to, "/api/v1/clients?limit=1", who.key, fresh), 200));
        if (n % 50 == 0)
            line.tell(std::to_string(n) + " writes seen");
    }
    report made;
    made.name = "visible";
    made.under = here.measured();
    made.under.seconds = given.seconds;
    made.under.connections = 1;
    made.under.rows = static_cast<std::int64_t>(writes.size());
    made.under.variant = "a write, then a list that must show it";
    made.found = {{"visible_p50_ms", quantile(reads, 0.5)}, {"visible_p99_ms", quantile(reads, 0.99)}};
    made.floor = {{"write_p50_ms", quantile(writes, 0.5)}, {"write_p99_ms", quantile(writes, 0.99)}};
    made.ratio = quantile(reads, 0.5) / std::max(quantile(writes, 0.5), 1e-9);
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
