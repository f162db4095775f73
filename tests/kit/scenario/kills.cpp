#include "tests/kit/scenario/kills.hpp"

#include "tests/kit/scenario/invariants.hpp"
#include "tests/kit/scenario/load.hpp"
#include "tests/kit/scenario/node.hpp"

#include <algorithm>
#include <random>

namespace scenario
{
namespace
{
void rest(site& at, load& work, findings& told, const std::string& when)
{
    work.stop();
    work.settle();
    told.add(work.replay(), when);
    told.add(check_store(at), when);
}
}  // namespace

findings kill_at_random(site& at, const kill_config& config)
{
    findings told;
    std::mt19937 random{config.seed};
    const auto as = at.found("kills-" + std::to_string(config.seed));
    node server{{.data = at.data_directory("kills"), .dsn = at.dsn()}};
    server.start();
    load work{{.seed = config.seed, .prefix = "k" + std::to_string(config.seed), .clients = config.clients},
              as, {server.port()}};
    work.start();
    for (int cycle = 1; cycle <= config.cycles; ++cycle)
    {
        const long until = work.attempts() + std::uniform_int_distribution<long>{1, config.attempts_max}(random);
        kit::await("the load's next requests", [&] { return work.attempts() >= until; }, kit::milliseconds{60'000});
        server.kill();
        const auto ended = server.wait(kit::milliseconds{10'000});
        told.expect(ended && ended->signal == 9, "the server was not killed: it had ended before\n" + server.log());
        ++told.counted["kills"];
        const long took = server.start().count();
        told.counted["slowest start ms"] = std::max(told.counted["slowest start ms"], took);
        if (cycle % config.cycles_between_checks != 0 && cycle != config.cycles)
            continue;
        rest(at, work, told, "after kill " + std::to_string(cycle));
        if (cycle != config.cycles)
            work.start();
    }
    told.add(work.check(at), "");
    told.counted["attempts"] = work.attempts();
    const auto ended = server.stop();
    told.expect(ended == kit::ending{0, 0}, "the server did not end well at last\n" + server.log());
    return told;
}
}  // namespace scenario
