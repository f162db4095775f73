// A client that follows an organisation's events for good: from the first one, over server after server, each time
// going on behind the last event that it has seen.
//
// The thread that made it starts and stops it, and reads what it heard afterwards.
#pragma once

#include "tests/kit/scenario/findings.hpp"
#include "tests/kit/scenario/site.hpp"

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

namespace scenario
{
class follower
{
public:
    // Takes the ports in turn.
    follower(std::vector<std::uint16_t> ports, organisation as);
    ~follower();
    void stop();
    // Reads nothing, with its stream open, until it goes on.
    void hold() { is_held_ = true; }
    void go_on() { is_held_ = false; }

    // Until it was told as many events as there are; any thread may wait.
    void await_all(const site&) const;

    // Once stopped: exactly the public events of the organisation, each once and in the order of the log.
    findings check(const site&) const;

private:
    void run();
    void follow(std::uint16_t port);
    void take(const std::string& block);
    void complain(std::string what);

    const std::vector<std::uint16_t> ports_;
    const organisation as_;
    std::atomic<bool> stopping_{false};
    std::atomic<bool> is_held_{false};
    std::atomic<std::size_t> heard_{0};
    // Its thread's until it is stopped.
    std::string last_id_;
    std::vector<std::string> ids_;
    findings told_;
    std::thread thread_;
};
}  // namespace scenario
