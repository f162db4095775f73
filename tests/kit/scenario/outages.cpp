#include "tests/kit/scenario/outages.hpp"

#include "tests/kit/scenario/held.hpp"
#include "tests/kit/scenario/invariants.hpp"
#include "tests/kit/scenario/load.hpp"
#include "tests/kit/scenario/members.hpp"
#include "tests/kit/scenario/node.hpp"

#include <algorithm>
#include <atomic>
#include <fstream>
#include <future>

namespace scenario
{
namespace
{
using steady = std::chrono::steady_clock;

constexpr kit::milliseconds patience{60'000};
constexpr kit::milliseconds slack{4'000};  // a busy machine and sanitizers, beyond the server's own deadlines
constexpr long attempts_between = 40;

constexpr kit::milliseconds health_lags{2'000};  // asked each half second, stuck after one, shown after half a second
constexpr kit::milliseconds watcher_within{1'000};
constexpr kit::milliseconds watcher_slack{1'000};
constexpr kit::milliseconds read_within{10'000};  // five seconds for a connection, five for the answer

// A server under load, and what is told of both.
class stage
{
public:
    stage(site& at, const std::string& name, const outage_config& config, const std::string& dsn)
        : at_(at), trace_(at.room.path() / (name + ".trace")), as_(at.found(name + '-' + std::to_string(config.seed))),
          server({.data = at.data_directory(name), .dsn = dsn,
                  // A backend that waits on purpose is not to be cancelled for it before the scenario lets it go.
                  .settings = {"http.command_time_max_ms=" + std::to_string(config.command_time.count()),
                               "store.lock_timeout_ms=60000",
                               "store.append_deadline_ms=" + std::to_string(config.append_time.count())},
                  .environment = {{"CLIENTFLOW_FAULT_TRACE", trace_.string()}}})
    {
        server.start();
        work = std::make_unique<load>(load_config{.seed = config.seed, .prefix = name + std::to_string(config.seed)},
                                      as_, std::vector{server.port()});
    }

    // Until the load has had so many answers, or enough time for its deadlines.
    void go_on(long attempts = attempts_between)
    {
        const long until = work->attempts() + attempts;
        kit::await("the load's next requests", [&] { return work->attempts() >= until; }, patience);
    }

    void await_healed()
    {
        caller probe{server.port(), as_.api_key};
        kit::await("a command to succeed again, without a restart",
                   [&]
                   {
                       const auto told = probe.call(
                           {.method = "POST", .target = "/api/v1/projects", .body = R"({"name": "Healed"})"});
                       return told.status() == 201;
                   },
                   patience);
        kit::await("reads to succeed again", [&] { return probe.get("/api/v1/projects").status() == 200; }, patience);
        kit::await("/api/health to be well again", [&] { return probe.get("/api/health").status() == 200; }, patience);
    }

    findings finish()
    {
        findings told;
        work->stop();
        work->settle();
        told.add(work->replay(), "");
        told.add(check_store(at_), "");
        told.add(work->check(at_), "");
        const auto now = work->counted();
        told.counted["unavailable"] += now.unavailable;
        told.counted["unknown"] += now.unknown + now.lost;
        told.counted["slowest answer ms"] = now.slowest_ms;
        told.expect(now.lost == 0, "connections were lost while the server lived");
        told.expect(server.running(), "the server has ended\n" + server.log());
        told.counted["settled"] = has_settled() ? 1 : 0;
        told.expect(server.stop() == kit::ending{0, 0}, "the server did not stop well");
        return told;
    }

    bool has_settled() const
    {
        std::ifstream in{trace_};
        for (std::string line; std::getline(in, line);)
            if (line.starts_with("settle."))
                return true;
        return false;
    }

    const organisation& as() const { return as_; }

private:
    site& at_;
    const std::filesystem::path trace_;
    const organisation as_;

public:
    node server;
    std::unique_ptr<load> work;
};

// One command while the database is frozen: an answer within the deadline, and what it must say.
void probe(stage& on, const request& asked, kit::milliseconds within, findings& told)
{
    caller probe{on.server.port(), on.as().api_key};
    const auto began = steady::now();
    const answer got = probe.call(asked);
    const auto took = std::chrono::duration_cast<kit::milliseconds>(steady::now() - began);
    const std::string what = asked.method + ' ' + asked.target + " while the database is frozen";
    told.expect(got.status() == 503, what + " answered " + std::to_string(got.status()) + ' ' + got.reply.body);
    told.expect(got.reply.header("Retry-After").has_value(), what + " has no Retry-After");
    told.expect(took <= within + slack, what + " took " + std::to_string(took.count()) + " ms");
    told.expect(!text_member(got.reply.body, "applied").empty(), what + " does not say whether it was applied");
}

// What rests on no answer of the database, and so is there at once: whether it is known that the database is away, too.
void probe_watchers(stage& on, bool is_known, findings& told)
{
    const auto ask = [&](std::uint16_t port, const std::string& path)
    {
        const auto began = steady::now();
        kit::reply got;
        try
        {
            got = kit::wire{port, "127.0.0.1", watcher_within + slack}.exchange("GET", path);
        }
        catch (const kit::wire_error& silence)
        {
            got.body = silence.what();
        }
        const auto took = std::chrono::duration_cast<kit::milliseconds>(steady::now() - began);
        told.expect(took <= watcher_within + watcher_slack,
                    path + " took " + std::to_string(took.count()) + " ms while the database is frozen");
        return got;
    };
    const auto expect = [&](const kit::reply& got, int status, const std::string& path)
    {
        told.expect(got.status == status,
                    path + " answered " + std::to_string(got.status) + " while the database is frozen: " + got.body);
    };
    expect(ask(on.server.admin_port(), "/livez"), 200, "/livez");
    const auto figures = ask(on.server.admin_port(), "/metrics");
    expect(figures, 200, "/metrics");
    told.expect(figures.body.find("clientflow_build_info") != std::string::npos, "/metrics has no figures");
    const auto health = ask(on.server.port(), "/api/health");
    const auto ready = ask(on.server.admin_port(), "/readyz");
    if (!is_known)
        return;
    expect(health, 503, "/api/health");
    told.expect(text_member(health.body, "db") == "unreachable", "/api/health says " + health.body);
    expect(ready, 503, "/readyz");
    told.expect(text_member(ready.body, "status") == "unready", "/readyz says " + ready.body);
    ++told.counted["health refused"];
}

// Reads one after another as long as it lasts: each is answered within its deadline, and is refused unless the database
// came back meanwhile.
findings read_while(const stage& on, const std::atomic<bool>& is_frozen)
{
    findings told;
    caller reads{on.server.port(), on.as().api_key};
    while (is_frozen)
    {
        const auto began = steady::now();
        const answer got = reads.get("/api/v1/projects");
        const auto took = std::chrono::duration_cast<kit::milliseconds>(steady::now() - began);
        told.expect(took <= read_within + slack,
                    "a read took " + std::to_string(took.count()) + " ms while the database is frozen");
        const bool was_refused = got.status() == 503 && got.reply.header("Retry-After").has_value();
        told.expect(was_refused || (got.status() == 200 && !is_frozen),
                    "a read was answered " + std::to_string(got.status()) + " while the database is frozen: " +
                        got.reply.body);
        told.counted["reads refused"] += was_refused ? 1 : 0;
    }
    return told;
}

// A command on its own thread, which will have to wait.
std::future<answer> call_meanwhile(const stage& on, request asked)
{
    return std::async(std::launch::async,
                      [port = on.server.port(), key = on.as().api_key, asked = std::move(asked)]
                      { return caller{port, key}.call(asked); });
}

request creation(const outage_config& config, const std::string& name)
{
    return {.method = "POST",
            .target = "/api/v1/projects",
            .body = R"({"name": ")" + name + R"("})",
            .idempotency_key = "cut-" + std::to_string(config.seed) + '-' + name};
}

long waiting(const site& at, const std::string& kind)
{
    return at.count("select count(*) from pg_locks where not granted and locktype = '" + kind + '\'');
}

// One effect, whatever the client was told; repeated, the command shows it.
void expect_one(site& at, stage& on, const request& asked, const std::string& name, findings& told)
{
    caller again{on.server.port(), on.as().api_key};
    answer got;
    kit::eventually(
        [&]
        {
            got = again.call(asked);
            return got.answered() && got.status() < 500 && got.status() != 409;
        },
        patience);
    told.expect(got.status() == 201 && got.is_replayed(),
                name + " is answered " + std::to_string(got.status()) + " when repeated: " + got.reply.body);
    const long effects = at.count("select count(*) from es.event where type = 'project.created' and data->>'name' = '" +
                                  name + '\'');
    told.expect(effects == 1, name + " has " + std::to_string(effects) + " effects");
}

void cut_before_the_lane(site& at, stage& on, const outage_config& config, const std::string& name, findings& told)
{
    held_transaction lanes{at.db.dsn("postgres"), {"select count(pg_advisory_xact_lock(7105, lane)) from es.lane"}};
    auto asked = call_meanwhile(on, creation(config, name));
    kit::await("an append that waits for its lane", [&] { return waiting(at, "advisory") > 0; }, patience);
    at.link.half_open();
    kit::await(
        "the round to be declared void", [&] { return at.count("select count(*) from es.round where is_void") > 0; },
        patience);
    lanes.release();
    const answer got = asked.get();
    told.expect(got.status() == 201 || (got.status() == 503 && text_member(got.reply.body, "applied") == "unknown"),
                name + " was answered " + std::to_string(got.status()) + ' ' + got.reply.body);
    told.counted["cut before the lane, answered 201"] += got.status() == 201 ? 1 : 0;
    at.link.heal();
    if (got.status() == 201)
        expect_one(at, on, creation(config, name), name, told);
}

// The old backend holds the lane and is about to commit; the server comes back when it has.
void cut_before_the_commit(site& at, stage& on, const outage_config& config, const std::string& name,
                           bool server_waits, findings& told)
{
    held_transaction rounds{at.db.dsn("postgres"), {"lock table es.round in share mode"}};
    auto asked = call_meanwhile(on, creation(config, name));
    kit::await("an append that waits for its last insert", [&] { return waiting(at, "relation") > 0; }, patience);
    at.link.refuse();
    at.link.half_open();
    const auto give_up = [&]
    {
        const answer got = asked.get();
        told.expect(got.status() == 503 && text_member(got.reply.body, "applied") == "unknown",
                    name + " was answered " + std::to_string(got.status()) +
                        " while nobody could know: " + got.reply.body);
        told.counted["cut before the commit, answered unknown"] += got.status() == 503 ? 1 : 0;
    };
    if (!server_waits)
        give_up();
    rounds.release();
    kit::await(
        "the old backend's commit",
        [&] {
            return at.count("select count(*) from es.event where type = 'project.created' and data->>'name' = '" +
                            name + '\'') == 1;
        },
        patience);
    at.link.heal();
    if (server_waits)
    {
        const answer got = asked.get();
        told.expect(got.status() == 201, name + " was answered " + std::to_string(got.status()) +
                                             " although it was committed: " + got.reply.body);
        told.counted["cut before the commit, answered 201"] += got.status() == 201 ? 1 : 0;
    }
    expect_one(at, on, creation(config, name), name, told);
}
}  // namespace

findings freeze(site& at, const outage_config& config)
{
    findings told;
    stage on{at, "freeze", config, at.dsn()};
    on.work->start();
    on.go_on();
    at.cluster.sigstop();
    const auto frozen = steady::now();
    std::atomic<bool> is_frozen{true};
    auto read = std::async(std::launch::async, [&] { return read_while(on, is_frozen); });
    while (steady::now() < frozen + config.lasting)
    {
        probe(on, creation(config, "Frozen"), config.command_time, told);
        probe_watchers(on, steady::now() >= frozen + health_lags + watcher_slack, told);
        ++told.counted["probes"];
    }
    is_frozen = false;
    at.cluster.sigcont();
    told.add(read.get(), "");
    on.await_healed();
    on.go_on();
    told.add(on.finish(), "");
    told.expect(told.count("unavailable") > 0, "no client was ever told 503: was the database frozen?");
    told.expect(told.count("slowest answer ms") <= (config.command_time + slack).count(),
                "an answer took " + std::to_string(told.count("slowest answer ms")) + " ms");
    return told;
}

findings crash_database(site& at, const outage_config& config)
{
    findings told;
    stage on{at, "crash", config, at.dsn()};
    on.work->start();
    for (int time = 0; time < config.times; ++time)
    {
        on.go_on();
        at.cluster.stop_immediate();
        ++told.counted["crashes"];
        on.go_on(8);
        at.cluster.start();
        on.await_healed();
    }
    told.add(on.finish(), "");
    told.expect(told.count("unavailable") + told.count("unknown") > 0, "no client ever noticed a crash");
    return told;
}

findings end_sessions(site& at, const outage_config& config)
{
    findings told;
    stage on{at, "ended", config, at.dsn()};
    on.work->start();
    const auto enough = steady::now() + config.lasting;
    auto next = steady::now();
    // Beyond that time only until a session was caught in mid-append.
    while (steady::now() < enough || (!on.has_settled() && steady::now() < enough + patience))
    {
        next += kit::milliseconds{200};
        kit::eventually([&] { return steady::now() >= next; });
        told.counted["sessions ended"] += at.count(
            "select count(pg_terminate_backend(pid)) from pg_stat_activity where usename = 'clientflow_app'");
    }
    on.await_healed();
    told.add(on.finish(), "");
    told.expect(told.count("settled") > 0, "no session was ended in mid-append: nothing had to be settled");
    return told;
}

findings cut_links(site& at, const outage_config& config)
{
    findings told;
    auto lasting = config;
    lasting.command_time = kit::milliseconds{10'000};
    lasting.append_time = kit::milliseconds{30'000};  // a backend gives up by itself after 6/10 of it
    stage on{at, "cut", lasting, at.through()};
    on.await_healed();
    for (int time = 0; time < config.times; ++time)
    {
        const std::string n = std::to_string(time);
        cut_before_the_lane(at, on, config, "Lane" + n, told);
        on.await_healed();
        cut_before_the_commit(at, on, config, "Won" + n, true, told);
        on.await_healed();
        cut_before_the_commit(at, on, config, "Unknown" + n, false, told);
        on.await_healed();
        told.counted["cuts"] += 3;
    }
    told.add(on.finish(), "");
    told.expect(told.count("settled") > 0, "nothing had to be settled");
    return told;
}
}  // namespace scenario
