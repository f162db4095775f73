// A real PostgreSQL server for tests: its own data directory, socket and port, stopped and removed with the object.
//
// It runs as an unprivileged user when the tests run as root. Connections need no password. A test that asks what
// survives a crash keeps fsync on; all others switch it off, or use plain_cluster(), and are faster for it.
//
// One thread uses an object at a time, except dsn() and port(), which never change after construction.
#pragma once

#include "tests/kit/paths.hpp"
#include "tests/kit/process.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>

namespace kit
{
struct cluster_options
{
    bool fsync = true;
    std::map<std::string, std::string> settings;  // on top of, and instead of, the kit's own
};

class cluster
{
public:
    // Returns once the server answers.
    explicit cluster(cluster_options = {});
    ~cluster();
    cluster(const cluster&) = delete;
    cluster& operator=(const cluster&) = delete;

    // Connection strings for libpq: through the socket, and by TCP through 127.0.0.1 (a proxy's port, or port()).
    std::string dsn(const std::string& role = "postgres", const std::string& database = "postgres") const;
    std::string dsn_through(std::uint16_t port, const std::string& role = "postgres",
                            const std::string& database = "postgres") const;
    std::uint16_t port() const { return port_; }

    // A new database as a copy of another, which nobody may be connected to meanwhile.
    void create_database(const std::string& name, const std::string& from = "template1");
    void drop_database(const std::string& name);  // disconnects whoever uses it

    // Runs statements as the superuser, outside a transaction; returns the first column of the first row, "" without.
    std::string run(const std::string& sql, const std::string& database = "postgres");

    // A crash: the server is gone without a checkpoint and recovers at the next start().
    void stop_immediate();
    // An orderly stop that ends sessions.
    void stop_fast();
    // Starts it again on the same port; returns once it answers.
    void start();
    bool running();

    // The whole server stands still with its connections open, as behind a dead network or disk.
    void sigstop();
    void sigcont();

    // Ends every session but the one that asks.
    void terminate_backends();

    pid_t pid() const;
    const std::filesystem::path& directory() const { return room_.path(); }
    std::string log() const;

private:
    void stop(int signal);

    temporary_directory room_;
    cluster_options options_;
    std::uint16_t port_ = 0;
    std::unique_ptr<process> server_;
};

// The test program's one cluster for tests that only need a database of their own; without fsync.
cluster& plain_cluster();

// A port of 127.0.0.1 nobody listens on, and none the kernel or another test program gives away while this one runs, so
// that a server may be started there late, and again.
std::uint16_t free_port();
}  // namespace kit
