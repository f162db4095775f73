#include "tests/kit/scenario/node.hpp"

#include "tests/kit/cluster.hpp"
#include "tests/kit/wire.hpp"

#include <csignal>
#include <fstream>
#include <sstream>

namespace scenario
{
namespace
{
using steady = std::chrono::steady_clock;

constexpr kit::milliseconds ready_within{60'000};  // sanitizers on a busy machine; the time itself is told
constexpr kit::milliseconds stopped_within{40'000};

std::string contents(const std::filesystem::path& file)
{
    std::ifstream in{file};
    std::ostringstream text;
    text << in.rdbuf();
    return std::move(text).str();
}
}  // namespace

node::node(node_config given)
    : config(std::move(given)), port_(kit::free_port()), admin_port_(kit::free_port()), room_("cfn")
{
}

std::chrono::milliseconds node::start()
{
    const auto took = try_start();
    if (!took)
        throw std::runtime_error("the server ended before it was ready:\n" + log());
    return *took;
}

std::optional<std::chrono::milliseconds> node::try_start()
{
    kit::launch how{.program = kit::program("clientflow"),
                    .arguments = {"serve", "--data", config.data.string(), "--port", std::to_string(port_),
                                  "--admin-port", std::to_string(admin_port_), "--dsn", config.dsn, "--no-input"},
                    .environment = config.environment,
                    .output = room_.path() / "output",
                    .errors = room_.path() / "errors"};
    for (const std::string& each : config.settings)
        how.arguments.insert(how.arguments.end(), {"--set", each});
    const auto began = steady::now();
    {
        const std::lock_guard lock{mutex_};
        process_ = std::make_unique<kit::process>(std::move(how));
    }
    // A planted fault may end it in the moment after it was ready.
    bool was_ready = false;
    kit::eventually([&] { return (was_ready = is_ready()) || !running(); }, ready_within);
    if (!was_ready && !running())
        return std::nullopt;
    if (!was_ready)
        throw std::runtime_error("the server is not ready:\n" + log());
    return std::chrono::duration_cast<std::chrono::milliseconds>(steady::now() - began);
}

bool node::is_ready() const
{
    try
    {
        return kit::wire{admin_port_, "127.0.0.1", kit::milliseconds{2'000}}.exchange("GET", "/readyz").status == 200;
    }
    catch (const kit::wire_error&)
    {
        return false;
    }
}

bool node::running()
{
    const std::lock_guard lock{mutex_};
    return process_ && process_->running();
}

void node::kill()
{
    const std::lock_guard lock{mutex_};
    if (process_)
        process_->kill(SIGKILL);
}

void node::freeze()
{
    const std::lock_guard lock{mutex_};
    process_->kill(SIGSTOP);
}

void node::thaw()
{
    const std::lock_guard lock{mutex_};
    process_->kill(SIGCONT);
}

std::optional<kit::ending> node::wait(kit::milliseconds deadline)
{
    return process_ ? process_->wait(deadline) : std::nullopt;
}

std::optional<kit::ending> node::stop()
{
    if (!process_)
        return std::nullopt;
    process_->kill(SIGTERM);
    if (const auto ended = process_->wait(stopped_within))
        return ended;
    process_->kill(SIGKILL);
    process_->wait();
    return std::nullopt;
}

std::string node::metrics() const
{
    return kit::wire{admin_port_}.exchange("GET", "/metrics").body;
}

std::string node::log() const
{
    return contents(room_.path() / "output") + contents(room_.path() / "errors");
}
}  // namespace scenario
