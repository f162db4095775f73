// `bench growth`: the same things measured on a log of a million events and on one of many, which is filled over HTTP
// as fast as it takes them, with every read model live. Appends are measured as by `bench append`, with no server: a
// projector that runs after them takes as much of the processor as it gets, on either log.
#include "tools/clientflow/bench/appending.hpp"
#include "tools/clientflow/bench/benches.hpp"
#include "tools/clientflow/bench/client.hpp"
#include "tools/clientflow/bench/lag.hpp"
#include "tools/clientflow/bench/many_tasks.hpp"
#include "tools/clientflow/bench/paced.hpp"
#include "tools/clientflow/database.hpp"

#include <algorithm>
#include <chrono>
#include <numeric>
#include <optional>
#include <stdexcept>

namespace cli::bench
{
namespace
{
using steady = std::chrono::steady_clock;
constexpr std::int64_t rows_default = 20'000'000;
constexpr std::int64_t rows_first = 1'000'000;
constexpr double slice_seconds = 1;
constexpr double measure_seconds = 10;
constexpr double warm_seconds = 2;
constexpr double writes_per_s = 200;  // while what becomes visible is measured
constexpr std::size_t tenants = 8;

struct measured
{
    double append = 0, pages = 0, visible_p50 = 0, visible_p99 = 0;
};

class plant
{
public:
    plant(const settings& of, const wishes& given, progress& line)
        : of_(of), line_(line), connections_(given.connections), writers_(of, given)
    {
        for (std::size_t n = 0; n < tenants; ++n)
            keys_.push_back(make_tenant(of, "bench-" + std::to_string(n)).key);
    }

    double without_projector(double seconds)
    {
        const server bare{of_, "api"};
        client by{bare.api(), connections_};
        grow_for(by, warm_seconds);
        return grow_for(by, seconds);
    }

    // Commands per second, slice by slice.
    std::vector<double> fill(const server& running, std::int64_t rows)
    {
        client by{running.api(), connections_};
        std::vector<double> seen;
        while (written_ < rows && !stop_asked())
        {
            seen.push_back(grow_for(by, slice_seconds));
            line_.tell(std::to_string(written_) + " of " + std::to_string(rows) + " events, " +
                       std::to_string(static_cast<int>(seen.back())) + "/s");
        }
        return seen;
    }

    measured look(const server& running)
    {
        measured found;
        catch_up();
        settle();
        line_.tell("measuring pages");
        client by{running.api(), connections_};
        const auto page = [&] { return rendered(running.api(), "GET", "/api/v1/clients?limit=50", keys_[0]); };
        checked(by.run(std::chrono::duration<double>{warm_seconds}, page));
        found.pages = checked(by.run(std::chrono::duration<double>{measure_seconds}, page)).per_second;
        line_.tell("measuring what becomes visible");
        const auto see = [&] {
            return rendered(running.api(), "GET", "/api/v1/clients?limit=1", keys_[0], {},
                            "Prefer: wait=10, handling=strict\r\n");
        };
        const auto write = [&] { return create(running.api(), keys_[0]); };
        auto seen = paced(running.api(), connections_, measure_seconds, writes_per_s, write, see);
        found.visible_p50 = quantile(seen.second_ms, 0.5);
        found.visible_p99 = quantile(seen.second_ms, 0.99);
        return found;
    }

    double appends_per_second()
    {
        settle();
        line_.tell("measuring appends");
        writers_.events_per_second(warm_seconds);
        return writers_.events_per_second(measure_seconds);
    }

    void catch_up() { bench::catch_up(of_.admin_dsn, line_); }

    std::int64_t written() const { return written_; }

private:
    // What a fill leaves to be done beside the measurement: vacuum, statistics, dirty pages.
    void settle()
    {
        line_.tell("vacuum analyze, checkpoint");
        database store{of_.admin_dsn};
        for (const auto& each : store.ask("select format('%I.%I', schemaname, tablename) from pg_tables"
                                          " where schemaname in ('es', 'read')"))
            store.ask("vacuum analyze " + *each.front());
        store.ask("checkpoint");
    }

    static burst checked(burst seen)
    {
        if (seen.refused > 0)
            throw std::runtime_error("a request of the benchmark was refused: " + seen.first_refusal);
        return seen;
    }

    std::string create(const wire::endpoint& to, const std::string& key)
    {
        const auto n = std::to_string(++written_);
        return rendered(to, "POST", "/api/v1/clients", key, R"({"name":"Client )" + n + "\"}");
    }

    double grow_for(client& by, double seconds)
    {
        return checked(
                   by.run(std::chrono::duration<double>{seconds},
                          [&] { return create(by.to(), keys_[static_cast<std::size_t>(written_) % keys_.size()]); }))
            .per_second;
    }

    const settings& of_;
    progress& line_;
    const int connections_;
    appending writers_;
    std::vector<std::string> keys_;
    std::int64_t written_ = 0;
};

double mean(const std::vector<double>& of, bool is_last_tenth)
{
    if (of.empty())
        return 0;
    const auto count = static_cast<std::ptrdiff_t>(std::max<std::size_t>(1, of.size() / 10));
    const auto from = is_last_tenth ? of.end() - count : of.begin();
    return std::accumulate(from, from + count, 0.0) / static_cast<double>(count);
}

void tell_of(report& into, const std::string& when, const measured& of)
{
    into.found.emplace_back("append_per_s_" + when, of.append);
    into.found.emplace_back("pages_per_s_" + when, of.pages);
    into.found.emplace_back("visible_p50_ms_" + when, of.visible_p50);
    into.found.emplace_back("visible_p99_ms_" + when, of.visible_p99);
}
}  // namespace

report growth(const settings& configured, const wishes& given, progress& line)
{
    const ground here{configured};
    plant of{here.of(), given, line};
    report made;
    made.name = "growth";
    made.under = here.measured();
    const double bare = of.without_projector(measure_seconds);
    measured early;
    {
        const server young{here.of(), "api,projector"};
        of.fill(young, rows_first);
        early = of.look(young);
    }
    early.append = of.appends_per_second();
    std::optional<server> running{std::in_place, here.of(), "api,projector"};
    of.catch_up();
    const double rss_early = running->resident_mb();
    lag_watch lag{here.of().admin_dsn};
    const auto begun = steady::now();
    const auto filling = of.fill(*running, given.rows > 0 ? given.rows : rows_default);
    const double seconds = std::chrono::duration<double>(steady::now() - begun).count();
    auto lags = lag.finish();
    auto late = of.look(*running);
    const double rss_late = running->resident_mb();
    running.reset();
    late.append = of.appends_per_second();

    made.under.rows = of.written();
    made.under.seconds = seconds;
    made.under.connections = given.connections;
    made.under.variant = "clients created by 8 tenants, every read model live";
    const double all = std::accumulate(filling.begin(), filling.end(), 0.0) / std::max(1.0, double(filling.size()));
    made.found = {{"commands_per_s", all},
                  {"first_tenth_per_s", mean(filling, false)},
                  {"last_tenth_per_s", mean(filling, true)},
                  {"of_commands_without", all / bare},
                  {"lag_p50_s", quantile(lags, 0.5)},
                  {"lag_p99_s", quantile(lags, 0.99)},
                  {"rss_mb_begin", rss_early},
                  {"rss_mb_end", rss_late}};
    made.floor = {{"commands_per_s_without", bare}};
    tell_of(made, "early", early);
    tell_of(made, "late", late);
    made.ratio = std::min(
        {late.append / early.append, late.pages / early.pages, early.visible_p50 / std::max(late.visible_p50, 1e-9)});
    return made;
}
}  // namespace cli::bench
