// `bench commands`: HTTP to durable 201, with an Idempotency-Key each, from keep-alive connections that are never idle.
//
// Three questions: beside /api/health of the same server; with every read model live beside the same without; and with
// a transaction held open beside the same before.
#include "tools/clientflow/bench/benches.hpp"
#include "tools/clientflow/bench/client.hpp"
#include "tools/clientflow/bench/lag.hpp"

#include <algorithm>

namespace cli::bench
{
namespace
{
using steady = std::chrono::steady_clock;
constexpr double slice_seconds = 1.0;

// Makes the requests of some tenants in turn: creates of clients, or of tasks in one project of each.
class work
{
public:
    work(const wire::endpoint& to, std::vector<std::string> keys, const std::string& noun)
        : to_(to), keys_(std::move(keys)), noun_(noun)
    {
        if (noun_ == "task")
            for (const auto& key : keys_)
                make_project(key);
    }

    std::string health() const
    {
        wire::request asked;
        asked.method = "GET";
        asked.target = "/api/health";
        return wire::render(to_, asked);
    }

    std::string create()
    {
        const auto n = std::to_string(++count_);
        const auto key = "bench-" + n;
        const auto body = noun_ == "task" ? R"({"project_id":")" + project_ + R"(","title":"Task )" + n +
                                                R"(","priority":"normal","labels":["Level 2","Group 1"]})"
                                          : R"({"name":"Client )" + n + R"("})";
        wire::request asked;
        asked.method = "POST";
        asked.target = noun_ == "task" ? "/api/v1/tasks" : "/api/v1/clients";
        asked.key = keys_[count_ % keys_.size()];
        asked.idempotency_key = key;
        asked.body = body;
        return wire::render(to_, asked);
    }

private:
    void make_project(const std::string& key)
    {
        // An id of one's own, so that nothing has to be read from the answer.
        project_ = "project_01hz3v5k8qe2r9w7x4n6m1t0ab";
        const auto body = R"({"id":")" + project_ + R"(","name":"Benchmark","status":"active"})";
        wire::request asked;
        asked.method = "POST";
        asked.target = "/api/v1/projects";
        asked.key = key;
        asked.body = body;
        const auto got = wire::call(to_, asked);
        if (got.status / 100 != 2)
            throw std::runtime_error("the benchmark's project was refused: " + got.body);
    }

    wire::endpoint to_;
    std::vector<std::string> keys_;
    std::string noun_;
    std::string project_;
    std::uint64_t count_ = 0;
};

struct series
{
    std::vector<double> per_second;
    std::vector<float> took_ms;

    void add(burst&& seen)
    {
        if (seen.refused > 0)
            throw std::runtime_error(std::to_string(seen.refused) + " requests were refused, the first with " +
                                     seen.first_refusal);
        per_second.push_back(seen.per_second);
        took_ms.insert(took_ms.end(), seen.took_ms.begin(), seen.took_ms.end());
    }
    double mean() const
    {
        double sum = 0;
        for (const auto each : per_second)
            sum += each;
        return per_second.empty() ? 0 : sum / static_cast<double>(per_second.size());
    }
    // Of the first and the last tenth: flat means that they agree.
    double share_mean(bool last) const
    {
        if (per_second.empty())
            return 0;  // interrupted
        const auto count = static_cast<std::ptrdiff_t>(std::max<std::size_t>(1, per_second.size() / 10));
        series part;
        last ? part.per_second.assign(per_second.end() - count, per_second.end())
             : part.per_second.assign(per_second.begin(), per_second.begin() + count);
        return part.mean();
    }
};

std::vector<std::string> keys_of(const ground& here, const wishes& given, const std::string& slug)
{
    std::vector<std::string> keys;
    for (int n = 1; n <= given.tenants; ++n)
        keys.push_back(make_tenant(here.of(), slug + '-' + std::to_string(n)).key);
    return keys;
}

burst creates(client& by, work& of, double seconds)
{
    return by.run(std::chrono::duration<double>{seconds}, [&] { return of.create(); });
}

void add_latencies(report& into, series& found)
{
    into.found.emplace_back("commands_per_s", found.mean());
    into.found.emplace_back("p50_ms", quantile(found.took_ms, 0.5));
    into.found.emplace_back("p99_ms", quantile(found.took_ms, 0.99));
}

void against_health(report& into, client& by, work& of, const wishes& given, progress& line)
{
    series found, floor;
    creates(by, of, slice_seconds);
    for (double spent = 0; spent < given.seconds && !stop_asked(); spent += 2 * slice_seconds)
    {
        floor.add(by.run(std::chrono::duration<double>{slice_seconds}, [&] { return of.health(); }));
        found.add(creates(by, of, slice_seconds));
        line.tell("commands " + std::to_string(static_cast<int>(found.per_second.back())) + "/s, health " +
                  std::to_string(static_cast<int>(floor.per_second.back())) + "/s");
    }
    add_latencies(into, found);
    into.floor.emplace_back("health_per_s", floor.mean());
    into.floor.emplace_back("p99_ms", quantile(floor.took_ms, 0.99));
    into.ratio = found.mean() / floor.mean();
}

void with_projections(report& into, const ground& here, const wishes& given, progress& line)
{
    series without;
    {
        const server bare{here.of(), "api"};
        client by{bare.api(), given.connections};
        work of{bare.api(), keys_of(here, given, "bench"), given.noun};
        creates(by, of, slice_seconds);
        for (double spent = 0; spent < std::min(30.0, given.seconds / 2) && !stop_asked(); spent += slice_seconds)
        {
            without.add(creates(by, of, slice_seconds));
            line.tell("without projections " + std::to_string(static_cast<int>(without.per_second.back())) + "/s");
        }
    }
    const server whole{here.of(), "api,projector"};
    client by{whole.api(), given.connections};
    work of{whole.api(), keys_of(here, given, "bench-live"), given.noun};
    creates(by, of, slice_seconds);
    catch_up(here.of().admin_dsn, line);
    const double rss_before = whole.resident_mb();
    lag_watch lag{here.of().admin_dsn};
    series with;
    for (double spent = 0; spent < given.seconds && !stop_asked(); spent += slice_seconds)
    {
        with.add(creates(by, of, slice_seconds));
        line.tell("with projections " + std::to_string(static_cast<int>(with.per_second.back())) + "/s");
    }
    auto lags = lag.finish();
    add_latencies(into, with);
    into.found.emplace_back("lag_p50_s", quantile(lags, 0.5));
    into.found.emplace_back("lag_p99_s", quantile(lags, 0.99));
    into.found.emplace_back("first_tenth_per_s", with.share_mean(false));
    into.found.emplace_back("last_tenth_per_s", with.share_mean(true));
    into.found.emplace_back("rss_mb_begin", rss_before);
    into.found.emplace_back("rss_mb_end", whole.resident_mb());
    into.floor.emplace_back("commands_per_s_without", without.mean());
    into.ratio = with.mean() / without.mean();
}

void with_held_transaction(report& into, const ground& here, client& by, work& of, const wishes& given, progress& line)
{
    series before, during;
    creates(by, of, slice_seconds);
    for (int i = 0; i < 10; ++i)
        before.add(creates(by, of, slice_seconds));
    const held_transaction held{here.of().admin_dsn};
    for (double spent = 0; spent < given.hold_seconds && !stop_asked(); spent += slice_seconds)
    {
        during.add(creates(by, of, slice_seconds));
        line.tell("transaction held open: " + std::to_string(static_cast<int>(during.per_second.back())) + "/s");
    }
    into.found.emplace_back("commands_per_s", during.share_mean(true));
    into.found.emplace_back("p99_ms", quantile(during.took_ms, 0.99));
    into.floor.emplace_back("commands_per_s_before", before.mean());
    into.ratio = during.share_mean(true) / before.mean();
}
}  // namespace

report commands(const settings& configured, const wishes& given, progress& line)
{
    report made;
    made.name = "commands";
    if (!given.url.empty())
    {
        const auto at = wire::endpoint::parse(given.url);
        if (!at)
            throw failure(usage, "bad_url", "\"" + given.url + "\" is no http://host:port");
        client by{*at, given.connections};
        work of{*at, {given.key}, given.noun};
        against_health(made, by, of, given, line);
        made.under.variant = "server at " + given.url;
    }
    else
    {
        const ground here{configured};
        made.under = here.measured();
        if (given.projections)
            with_projections(made, here, given, line);
        else
        {
            const server running{here.of(), "api"};
            client by{running.api(), given.connections};
            work of{running.api(), keys_of(here, given, "bench"), given.noun};
            given.hold_seconds > 0 ? with_held_transaction(made, here, by, of, given, line)
                                   : against_health(made, by, of, given, line);
        }
        made.under.variant = given.noun + "s created, tenants: " + std::to_string(given.tenants) +
                             (given.projections ? ", every read model live" : "") +
                             (given.hold_seconds > 0 ? ", a transaction held open" : "");
    }
    made.under.seconds = given.hold_seconds > 0 ? given.hold_seconds : given.seconds;
    made.under.connections = given.connections;
    return made;
}
}  // namespace cli::bench
