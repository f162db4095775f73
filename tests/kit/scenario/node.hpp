// A real `clientflow serve` under test, on ports of its own that stay the same when it is started again.
//
// kill() and port() may be called from any thread, everything else from the one that owns the node.
#pragma once

#include "tests/kit/process.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace scenario
{
struct node_config
{
    std::filesystem::path data;
    std::string dsn;
    std::vector<std::string> settings;               // name=value
    std::map<std::string, std::string> environment;  // for the next start: planted faults
};

class node
{
public:
    explicit node(node_config);

    // Starts it and waits until it is ready; how long that took. Throws with its log when it ends or takes too long.
    std::chrono::milliseconds start();
    // The same, but a node that ends before it is ready is no failure: nothing.
    std::optional<std::chrono::milliseconds> try_start();

    bool running();
    void kill();
    // Stands still with its connections open, and goes on.
    void freeze();
    void thaw();
    // Asks it to stop and waits; kills it when it does not.
    std::optional<kit::ending> stop();
    std::optional<kit::ending> wait(kit::milliseconds deadline);

    pid_t pid() const { return process_->pid(); }  // of a started one
    std::uint16_t port() const { return port_; }
    std::uint16_t admin_port() const { return admin_port_; }
    std::string metrics() const;

    // Everything it has written, over all starts.
    std::string log() const;

    node_config config;

private:
    bool is_ready() const;

    const std::uint16_t port_;
    const std::uint16_t admin_port_;
    kit::temporary_directory room_;
    std::mutex mutex_;
    std::unique_ptr<kit::process> process_;  // replaced under mutex_
};
}  // namespace scenario
