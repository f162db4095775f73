#include "tests/kit/scenario/points.hpp"

#include "tests/kit/scenario/held.hpp"
#include "tests/kit/scenario/invariants.hpp"
#include "tests/kit/scenario/load.hpp"
#include "tests/kit/scenario/node.hpp"

#include <algorithm>
#include <fstream>

namespace scenario
{
namespace
{
// Uses of keys are kept every second, whatever is asked meanwhile.
constexpr const char* last_in_time = "key_use.after_commit";
constexpr long runs_max = 200;  // of one point and kind: a point that is hit for ever is a fault of the driver

std::vector<std::string> lines_of(const std::filesystem::path& file)
{
    std::vector<std::string> lines;
    std::ifstream in{file};
    for (std::string line; std::getline(in, line);)
        lines.push_back(line);
    return lines;
}

struct planted
{
    std::string point;
    std::string kind;
    long hit = 1;
    std::string text() const { return point + ':' + kind + ':' + std::to_string(hit); }
};

class driver
{
public:
    driver(site& at, const points_config& config, findings& told)
        : at_(at)
        , config_(config)
        , told_(told)
        , as_(at.found("points-" + std::to_string(config.seed)))
        , server_({.data = at.data_directory("points"), .dsn = at.through()})
    {}

    std::vector<std::string> trace()
    {
        const auto file = at_.room.path() / "trace";
        server_.config.environment = {{"CLIENTFLOW_FAULT_TRACE", file.string()}};
        server_.start();
        run_workload(true);
        kit::eventually([&] { return std::ranges::count(lines_of(file), last_in_time) > 0; });
        finish("with a trace");
        return lines_of(file);
    }

    // False when the point was not hit so often any more.
    bool run(const planted& fault)
    {
        const auto log = at_.room.path() / ("fired-" + fault.text());
        server_.config.environment = {{"CLIENTFLOW_FAULT", fault.text()}, {"CLIENTFLOW_FAULT_LOG", log.string()}};
        ++told_.counted["runs"];
        if (server_.try_start())
        {
            run_workload(fault.point.starts_with("settle."));
            await_what_follows(fault, log);
        }
        server_.config.environment.clear();
        const bool has_fired = fault.kind == "kill" ? come_back(fault, log) : !lines_of(log).empty();
        told_.expect(server_.running(), fault.text() + ": the server has ended\n" + server_.log());
        if (!server_.running())
            server_.start();
        finish(fault.text());
        if (has_fired)
            ++told_.counted["fired " + fault.point + ':' + fault.kind];
        return has_fired;
    }

private:
    void run_workload(bool with_cut)
    {
        work_ = std::make_unique<load>(
            load_config{.seed = config_.seed,
                        .prefix = "p" + std::to_string(config_.seed) + 'r' + std::to_string(++runs_),
                        .clients = 2,
                        .commands_max = config_.commands,
                        .repeats = false,
                        .breaks = true},
            as_, std::vector{server_.port()});
        if (!with_cut)
        {
            work_->start();
            kit::eventually([&] { return work_->attempts() >= 2 * config_.commands || !server_.running(); },
                            kit::milliseconds{120'000});
            return work_->stop();
        }
        // An append waits for its lane while the link is cut: its outcome has to be found out.
        held_transaction lanes{at_.db.dsn("postgres"),
                               {"select count(pg_advisory_xact_lock(7105, lane)) from es.lane"}};
        work_->start();
        kit::eventually(
            [&] {
                return !server_.running() ||
                       at_.count("select count(*) from pg_locks where locktype = 'advisory' and not granted") > 0;
            },
            kit::milliseconds{30'000});
        at_.link.half_open();
        lanes.release();
        kit::eventually([&] { return work_->attempts() >= 2 * config_.commands || !server_.running(); },
                        kit::milliseconds{120'000});
        work_->stop();
        at_.link.heal();
    }

    // Read models and the uses of keys come after the answers: until the fault has fired, or can fire no more.
    void await_what_follows(const planted& fault, const std::filesystem::path& log)
    {
        kit::eventually([&] {
            if (!lines_of(log).empty() || !server_.running())
                return true;
            findings late;
            await_read_models(at_, late, kit::milliseconds{0});
            return late.count("problems") == 0 && !fault.point.starts_with("key_use.");
        });
    }

    // Whether the fault has fired. A server that lives on is asked to stop first: what clients broke off is still at
    // work, and may reach the point last of all.
    bool come_back(const planted& fault, const std::filesystem::path& log)
    {
        const auto ended = lines_of(log).empty() ? server_.stop() : server_.wait(kit::milliseconds{20'000});
        const bool has_fired = !lines_of(log).empty();
        if (has_fired)
            told_.expect(ended && ended->exit_code == 137, fault.text() + " fired, and the server did not die of it");
        if (!ended)
            server_.kill();
        server_.start();
        return has_fired;
    }

    void finish(const std::string& when)
    {
        if (work_)
        {
            work_->settle();
            told_.add(work_->replay(), when);
        }
        told_.add(check_store(at_), when);
        if (work_)
            told_.add(work_->check(at_), when);
        work_.reset();
        const auto ended = server_.stop();
        told_.expect(ended == kit::ending{0, 0}, when + ": the server did not stop well");
    }

    site& at_;
    const points_config config_;
    findings& told_;
    const organisation as_;
    node server_;
    std::unique_ptr<load> work_;
    int runs_ = 0;
};
}  // namespace

findings loop_fault_points(site& at, const points_config& config)
{
    findings told;
    driver drive{at, config, told};
    for (const std::string& point : drive.trace())
    {
        ++told.counted["points"];
        for (const char* kind : {"kill", "error", "unknown"})
            for (long hit = 1; config.hits_max == 0 ? hit <= runs_max : hit <= config.hits_max; ++hit)
                if (!drive.run({point, kind, hit}))
                {
                    told.expect(hit > 1, point + ':' + kind + " never fired");
                    break;
                }
    }
    return told;
}
}  // namespace scenario
