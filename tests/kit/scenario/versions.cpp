#include "tests/kit/scenario/versions.hpp"

#include "tests/kit/scenario/invariants.hpp"
#include "tests/kit/scenario/load.hpp"
#include "tests/kit/scenario/members.hpp"
#include "tests/kit/scenario/node.hpp"

#include <atomic>
#include <csignal>
#include <optional>
#include <thread>

namespace scenario
{
namespace
{
void await_progress(const load& work)
{
    const long until = work.attempts() + 100;
    kit::await("the load's next requests", [&] { return work.attempts() >= until; }, kit::milliseconds{60'000});
}

// Reads lists without end: none may fail or come back empty-handed while versions change.
class reading
{
public:
    reading(std::uint16_t port, const std::string& key) : thread_([this, port, key] { run(port, key); }) {}
    ~reading() { stop(); }

    void stop()
    {
        stopping_ = true;
        if (thread_.joinable())
            thread_.join();
    }

    std::atomic<long> pages{0}, bad{0};

private:
    void run(std::uint16_t port, const std::string& key)
    {
        caller by{port, key};
        while (!stopping_)
        {
            const auto got = by.get("/api/v1/projects?limit=5&archived=any");
            ++pages;
            if (got.status() != 200 || got.reply.body.find("\"data\":[{") == std::string::npos)
                ++bad;
        }
    }

    std::atomic<bool> stopping_{false};
    std::thread thread_;
};

// Killed as soon as it has begun.
void kill_a_builder(const site& at, findings& told)
{
    kit::process builder{{.program = kit::program("clientflow"),
                          .arguments = {"projection", "rebuild", "project", "task", "--data",
                                        (at.room.path() / "office").string(), "--dsn", at.dsn(), "--no-input"}}};
    kit::await("the build has begun",
               [&] { return at.count("select count(*) from read.projection where state = 'building'") == 2; },
               kit::milliseconds{60'000});
    builder.kill(SIGKILL);
    builder.wait();
    ++told.counted["kills of the builder"];
}
}  // namespace

findings rebuild_under_load(site& at)
{
    findings told;
    node one{{.data = at.data_directory("versions"), .dsn = at.dsn()}};
    one.start();
    const auto as = at.found("rebuilt");
    load work{{.prefix = "rebuilt", .clients = 4}, as, {one.port()}};
    work.start();
    await_progress(work);
    caller{one.port(), as.api_key}.expect(
        201, {.method = "POST", .target = "/api/v1/projects", .body = R"({"name": "Always there"})"});
    reading pages{one.port(), as.api_key};

    kill_a_builder(at, told);
    await_progress(work);
    command_line(at, {"projection", "rebuild", "project", "task", "--resume", "--json"});
    await_progress(work);
    for (const char* name : {"project", "task"})
    {
        const auto compared = kit::eventually(
            [&]() -> std::optional<std::string> {
                try
                {
                    return command_line(at, {"projection", "compare", name, "--json"});
                }
                catch (const std::runtime_error&)
                {
                    return std::nullopt;  // a version is seen in mid-way to the other's position
                }
            },
            kit::milliseconds{30'000});
        told.expect(compared.has_value(), std::string{"the versions of "} + name + " are not alike");
        if (compared)
            told.counted["rows compared"] += integer_member(*compared, "rows_of_live");
        command_line(at, {"projection", "swap", name, "--json"});
        ++told.counted["swaps"];
        await_progress(work);
    }
    command_line(at, {"projection", "rollback", "task", "--json"});
    ++told.counted["swaps"];
    await_progress(work);
    command_line(at, {"projection", "retire", "task", "--version", "2", "--reason", "a test", "--json"});
    await_progress(work);

    pages.stop();
    work.stop();
    work.settle();
    told.counted["pages read"] = pages.pages;
    told.expect(pages.bad == 0, std::to_string(pages.bad) + " pages were not as they should be meanwhile");
    told.add(check_store(at), "");
    told.add(work.check(at), "");
    one.stop();
    return told;
}
}  // namespace scenario
