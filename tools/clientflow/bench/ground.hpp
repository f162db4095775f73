// The ground a benchmark stands on: a database of its own in the configured cluster, and a server of its own over it.
//
// The log is immutable, so nothing here touches a database that anybody uses: each benchmark makes one, migrates it,
// and drops it in the end. The server is this very program, started as a process apart, on free ports.
#pragma once

#include "tools/clientflow/bench/report.hpp"
#include "tools/clientflow/settings.hpp"
#include "tools/wire/exchange.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <sys/types.h>

namespace cli::bench
{
class ground
{
public:
    // Throws `failure` when the configured login may not make databases.
    explicit ground(const settings& configured);
    ~ground();
    ground(const ground&) = delete;
    ground& operator=(const ground&) = delete;

    // Settings of the scratch database and a scratch data directory.
    const settings& of() const { return of_; }
    conditions measured() const;

private:
    void remove() noexcept;

    std::string maintenance_dsn_;
    std::string name_;
    settings of_;
};

class server
{
public:
    // Returns once it is ready. `more`: further --set arguments.
    server(const settings&, const std::string& roles, const std::vector<std::string>& more = {});
    ~server();  // SIGTERM, and waits
    server(const server&) = delete;
    server& operator=(const server&) = delete;

    const wire::endpoint& api() const { return api_; }
    double seconds_to_ready() const { return seconds_to_ready_; }

    double resident_mb() const;
    double cpu_seconds() const;  // user and system, since its start
    double cpu_seconds_of_thread(const std::string& name) const;

private:
    void start(const settings&, const std::string& roles, const std::vector<std::string>& more);
    void wait_until_ready(const settings&);
    void stop() noexcept;

    pid_t pid_ = 0;
    wire::endpoint api_;
    double seconds_to_ready_ = 0;
};

// User and system, since the start of that process of this machine; 0 when there is none.
double cpu_seconds_of(const std::string& pid);

// A tenant on plan business with a key without rate limit, made beside the server.
struct tenant
{
    std::string org_id;
    std::string key;
};
tenant make_tenant(const settings&, const std::string& slug, const std::string& plan = "business");

// A transaction that holds a snapshot until the object goes: what it costs when somebody forgets one.
class held_transaction
{
public:
    explicit held_transaction(const std::string& dsn);
    ~held_transaction();

private:
    struct implementation;
    std::unique_ptr<implementation> self_;
};
}  // namespace cli::bench
