// `bench audit`: what the completeness auditor of a serving process costs while commands come at a steady rate, in the
// process and in PostgreSQL.
#include "tools/clientflow/bench/benches.hpp"
#include "tools/clientflow/bench/many_tasks.hpp"
#include "tools/clientflow/bench/paced.hpp"
#include "tools/clientflow/database.hpp"

#include <algorithm>
#include <chrono>

namespace cli::bench
{
namespace
{
using steady = std::chrono::steady_clock;
constexpr double commands_per_s = 1'000;
constexpr const char* thread = "audit";  // and behind "clientflow " the name of its session

struct spent
{
    double server = 0, auditor = 0, auditor_in_store = 0;
};

spent spent_by(const server& running, database& store)
{
    const auto session = store.ask_one("select pid::text from pg_stat_activity where datname = current_database()"
                                       " and application_name = 'clientflow audit'");
    return {running.cpu_seconds(), running.cpu_seconds_of_thread(thread),
            session ? cpu_seconds_of(*session->front()) : 0};
}
}  // namespace

report audit(const settings& configured, const wishes& given, progress& line)
{
    const ground here{configured};
    const auto who = make_tenant(here.of(), "bench");
    // At work from the first second on, and again as soon as it is through.
    const server running{here.of(), "api,projector", {"audit.first_after_ms=1000", "audit.every_ms=1000"}};
    const auto& to = running.api();
    std::int64_t written = 0;
    const auto write = [&] {
        return rendered(to, "POST", "/api/v1/clients", who.key,
                        R"({"name":"Client )" + std::to_string(++written) + "\"}");
    };
    line.tell("warming up");
    paced(to, given.connections, 5, commands_per_s, write);

    database store{here.of().admin_dsn};
    const auto before = spent_by(running, store);
    const auto begun = steady::now();
    line.tell("measuring");
    auto took = paced(to, given.connections, given.seconds, commands_per_s, write).first_ms;
    const double seconds = std::chrono::duration<double>(steady::now() - begun).count();
    const auto after = spent_by(running, store);

    report made;
    made.name = "audit";
    made.under = here.measured();
    made.under.rows = written;
    made.under.seconds = given.seconds;
    made.under.connections = given.connections;
    made.under.variant = "1,000 commands/s, every read model live, the auditor always at work";
    const double auditor = after.auditor - before.auditor, in_store = after.auditor_in_store - before.auditor_in_store;
    made.found = {{"core_percent", 100 * (auditor + in_store) / seconds},
                  {"thread_percent", 100 * auditor / seconds},
                  {"store_percent", 100 * in_store / seconds},
                  {"commands_per_s", static_cast<double>(took.size()) / seconds},
                  {"command_p99_ms", quantile(took, 0.99)}};
    made.floor = {{"server_percent", 100 * (after.server - before.server) / seconds}};
    made.ratio = (auditor + in_store) / std::max(after.server - before.server, 1e-9);
    return made;
}
}  // namespace cli::bench
