// Everything a serving process is made of, put together in one readable place and taken down in the reverse order.
//
//     keyring · watchdog -> dispatcher (lane writers) -> projections' runner -> http::service · housekeeper
//
// Built by `serve` and by nobody else. One thread builds, starts, drains and destroys it.
#pragma once

#include "http/server/service.hpp"
#include "schemas/time.hpp"
#include "tools/clientflow/journal.hpp"
#include "tools/clientflow/settings.hpp"

#include <memory>
#include <string>
#include <vector>

namespace cli
{
// Of this process. Relay and worker have nothing to do yet in this version, and are refused by name.
struct roles
{
    bool api = false;
    bool projector = false;

    static roles read(const std::string& listed);  // throws `failure` (usage)
};

class engine
{
public:
    // Throws `failure`, event_log::unreachable or std::runtime_error with a sentence when it cannot be put together.
    // `own_flags` are those with which a command of this program reads the same settings.
    engine(const settings&, const roles&, server_journal&, std::vector<std::string> own_flags);
    ~engine();

    // Listeners open, threads running; throws when a port is taken.
    void start();
    bool drain();
    void stop();

    std::uint16_t port() const;
    std::uint16_t admin_port() const;

private:
    struct implementation;
    std::unique_ptr<implementation> self_;
};
}  // namespace cli
