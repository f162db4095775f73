// `clientflow bench append|commands|visible|feed|list|search|rebuild|audit|growth|idle`: what this machine makes of it,
// beside a floor of the same run.
#include "tools/clientflow/bench/benches.hpp"
#include "tools/clientflow/settings.hpp"

#include <CLI/CLI.hpp>

#include <array>

namespace cli
{
namespace
{
struct entry
{
    const char* name;
    const char* text;
    bench::report (*run)(const settings&, const bench::wishes&, bench::progress&);
};

constexpr std::array<entry, 10> entries{{
    {"append",
     "Example: clientflow bench append --seconds 20 --json\n\nCommands of one event appended in rounds by two "
     "writers. Floor: 100-row INSERTs of the same bytes into a table with only (lane, seq).",
     bench::append},
    {"commands",
     "Example: clientflow bench commands --projections --seconds 300 --json\n\nPOST over HTTP until durable. "
     "Floor: /api/health of the same server over the same connections; with --projections or "
     "--hold-seconds: itself without.",
     bench::commands},
    {"visible",
     "Example: clientflow bench visible --rate 500 --json\n\nFrom a write's answer to its row in a list, so many a "
     "second whether the server keeps up or not. Floor: the write alone.",
     bench::visible},
    {"feed",
     "Example: clientflow bench feed --rows 500000 --json\n\nThe store feed from the first event. "
     "Floor: the same rows by one plain query.",
     bench::feed},
    {"list",
     "Example: clientflow bench list --rows 1000000 --json\n\nPages of 50 of the tasks of one priority, the first and "
     "page 10,000. Floor: the same statement by pgbench, without row security.",
     bench::list},
    {"rebuild",
     "Example: clientflow bench rebuild --rows 1000000 --json\n\nNew versions of the nouns' read models from a mixed "
     "log; with --projections of every read model. Floor: COPY of the same final rows.",
     bench::rebuild},
    {"search",
     "Example: clientflow bench search --rows 1000000 --json\n\nThree letters sought among tasks, 200 searches a "
     "second whether they are answered or not. Floor: /api/v1/me at the same rate.",
     bench::search},
    {"audit",
     "Example: clientflow bench audit --seconds 60 --json\n\nThe processor time of the completeness auditor at 1,000 "
     "commands a second, as a share of one core.",
     bench::audit},
    {"growth",
     "Example: clientflow bench growth --rows 20000000 --json\n\nAppends, pages and what becomes visible on a log of "
     "so many events. Floor: themselves at a million.",
     bench::growth},
    {"idle",
     "Example: clientflow bench idle --seconds 30 --json\n\nA server with nothing to do: start to ready, CPU, "
     "memory.",
     bench::idle},
}};
// An interrupted benchmark has no figures, whatever it met on its way out.
bench::report measured(const program& chosen, const bench::wishes& given, decltype(entry::run) run)
{
    const failure early{interrupted, "interrupted", "the benchmark was interrupted: no figures"};
    try
    {
        bench::progress line{chosen};
        auto found = run(read_settings(chosen.given), given, line);
        if (stop_asked())
            throw early;
        return found;
    }
    catch (const std::exception&)
    {
        if (stop_asked())
            throw early;
        throw;
    }
}
}  // namespace

void add_bench(CLI::App& root, program& chosen)
{
    auto& noun =
        add_noun(root, "bench",
                 "Example: clientflow bench append --json\n\nBenchmarks, each in a database and a server of its "
                 "own in the configured cluster; figures stand beside a floor from the same run.");
    for (const auto& each : entries)
    {
        auto given = std::make_shared<bench::wishes>();
        auto& verb = add_verb(noun, each.name, each.text);
        verb.add_option("--seconds", given->seconds, "How long to measure")->check(CLI::Range(1.0, 86'400.0));
        verb.add_option("--connections", given->connections, "Of the client")->check(CLI::Range(1, 4'096));
        verb.add_option("--tenants", given->tenants, "That send commands in turn")->check(CLI::Range(1, 1'000));
        verb.add_option("--rows", given->rows, "To prepare before measuring")->check(CLI::Range(0, 100'000'000));
        verb.add_option("--round", given->round, "Commands per append")->check(CLI::Range(1, 512));
        verb.add_option("--writers", given->writers, "Of the append benchmark")->check(CLI::Range(1, 16));
        verb.add_flag("!--no-receipts", given->receipts, "Append without receipts");
        verb.add_flag("--projections", given->projections, "Every read model live, compared with none");
        verb.add_option("--hold-seconds", given->hold_seconds, "Hold a transaction open so long, compared with before");
        verb.add_option("--rate", given->per_second, "Writes per second, of visible")
            ->check(CLI::Range(1.0, 100'000.0));
        verb.add_option("--paced", given->paced_per_s, "Events/s of append between measurements while held")
            ->check(CLI::Range(1.0, 1'000'000.0));
        verb.add_option("--noun", given->noun, "client, or task with its quota counted")
            ->check(CLI::IsMember({"client", "task"}));
        verb.add_option("--url", given->url, "A running server, instead of one of its own");
        verb.add_option("--key", given->key, "For --url");
        verb.callback([&chosen, given, run = each.run] {
            chosen.run = [&chosen, given, run] {
                const auto found = measured(chosen, *given, run);
                bench::print(chosen, found);
                return done;
            };
        });
    }
}
}  // namespace cli
