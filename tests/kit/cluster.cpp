#include "tests/kit/cluster.hpp"

#include "tests/kit/eventually.hpp"

#include <pqxx/pqxx>

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <fstream>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <pwd.h>
#include <random>
#include <sstream>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/un.h>
#include <system_error>
#include <unistd.h>

namespace kit
{
namespace
{
namespace fs = std::filesystem;

fs::path postgres_program(const std::string& name)
{
    const char* chosen = std::getenv("CLIENTFLOW_PG_BIN");
    const fs::path folder = chosen != nullptr ? chosen : "/usr/lib/postgresql/15/bin";
    if (!fs::exists(folder / name))
        throw std::runtime_error("no " + (folder / name).string() + ": run tools/install, or set CLIENTFLOW_PG_BIN");
    return folder / name;
}

// PostgreSQL refuses to run as root.
std::string server_user()
{
    if (::geteuid() != 0)
        return "";
    return ::getpwnam("postgres") != nullptr ? "postgres" : "nobody";
}

void give_to_server(const fs::path& path)
{
    const std::string user = server_user();
    if (user.empty())
        return;
    const passwd* entry = ::getpwnam(user.c_str());
    if (::chown(path.c_str(), entry->pw_uid, entry->pw_gid) != 0)
        throw std::system_error(errno, std::generic_category(), "chown " + path.string());
}

void run_as_server(const fs::path& program, std::vector<std::string> arguments)
{
    const finished result = kit::run({.program = program,
                                      .arguments = std::move(arguments),
                                      .environment = {{"LC_ALL", "C.UTF-8"}, {"PGDATA", ""}},
                                      .directory = "/",
                                      .user = server_user()},
                                     milliseconds{60'000});
    if (result.end != ending{0, 0})
        throw std::runtime_error(program.string() + " failed: " + result.errors + result.output);
}

// A data directory as initdb leaves it, made once in each test program; every cluster starts as a copy.
const fs::path& fresh_data()
{
    static const temporary_directory room("cfi");
    static const fs::path data = [] {
        give_to_server(room.path());
        fs::path path = room.path() / "data";
        run_as_server(postgres_program("initdb"),
                      {"-D", path.string(), "-E", "UTF8", "--locale=C.UTF-8", "-U", "postgres", "-A", "trust",
                       "--data-checksums", "--no-sync", "--no-instructions"});
        return path;
    }();
    return data;
}

std::map<std::string, std::string> settings_of(const cluster_options& options, const fs::path& room, std::uint16_t port)
{
    std::map<std::string, std::string> all = {
        {"listen_addresses", "127.0.0.1"},
        {"port", std::to_string(port)},
        {"unix_socket_directories", room.string()},
        {"max_connections", "200"},
        {"shared_buffers", "64MB"},
        {"synchronous_commit", "on"},
        {"fsync", options.fsync ? "on" : "off"},
        {"full_page_writes", options.fsync ? "on" : "off"},
        {"jit", "off"},
        {"timezone", "UTC"},
        {"log_timezone", "UTC"},
        {"log_error_verbosity", "terse"},
        {"log_parameter_max_length", "0"},
        {"log_parameter_max_length_on_error", "0"},
        {"log_min_error_statement", "panic"},
    };
    for (const auto& [name, value] : options.settings)
        all[name] = value;
    return all;
}

std::string quoted(const std::string& name)
{
    std::string text = "\"";
    for (const char c : name)
        text += c == '"' ? std::string("\"\"") : std::string(1, c);
    return text + "\"";
}
}  // namespace

cluster::cluster(cluster_options options) : room_("cf"), options_(std::move(options)), port_(free_port())
{
    give_to_server(room_.path());
    const fs::path data = room_.path() / "data";
    run_as_server("/bin/cp", {"-a", "--reflink=auto", fresh_data().string(), data.string()});
    start();
}

cluster::~cluster()
{
    if (!running())
        return;
    sigcont();
    server_->kill(SIGQUIT);
    server_->wait();
}

std::string cluster::dsn(const std::string& role, const std::string& database) const
{
    return "host=" + room_.path().string() + " port=" + std::to_string(port_) + " user=" + role + " dbname=" + database;
}

std::string cluster::dsn_through(std::uint16_t port, const std::string& role, const std::string& database) const
{
    return "host=127.0.0.1 port=" + std::to_string(port) + " user=" + role + " dbname=" + database;
}

void cluster::create_database(const std::string& name, const std::string& from)
{
    run("CREATE DATABASE " + quoted(name) + " TEMPLATE " + quoted(from));
}

void cluster::drop_database(const std::string& name)
{
    run("DROP DATABASE IF EXISTS " + quoted(name) + " WITH (FORCE)");
}

std::string cluster::run(const std::string& sql, const std::string& database)
{
    pqxx::connection connection(dsn("postgres", database));
    pqxx::nontransaction work(connection);
    const pqxx::result rows = work.exec(sql);
    if (rows.empty() || rows.columns() == 0 || rows[0][0].is_null())
        return "";
    return rows[0][0].as<std::string>();
}

void cluster::start()
{
    if (running())
        return;
    std::vector<std::string> arguments{"-D", (room_.path() / "data").string()};
    for (const auto& [name, value] : settings_of(options_, room_.path(), port_))
    {
        arguments.push_back("-c");
        arguments.push_back(name + "=" + value);
    }
    server_ = std::make_unique<process>(launch{.program = postgres_program("postgres"),
                                               .arguments = std::move(arguments),
                                               .environment = {{"LC_ALL", "C.UTF-8"}, {"PGDATA", ""}},
                                               .directory = "/",
                                               .output = room_.path() / "log",
                                               .errors = room_.path() / "log",
                                               .user = server_user(),
                                               .last_signal = "QUIT"});
    const std::string there = dsn();
    const bool answers =
        eventually([&] { return ::PQping(there.c_str()) == PQPING_OK || !server_->running(); }, milliseconds{60'000});
    if (!answers || !server_->running())
        throw std::runtime_error("PostgreSQL does not start:\n" + log());
}

bool cluster::running() { return server_ && server_->running(); }

void cluster::stop(int signal)
{
    if (!running())
        return;
    server_->kill(signal);
    if (!server_->wait(milliseconds{60'000}))
        throw std::runtime_error("PostgreSQL does not stop:\n" + log());
}

void cluster::stop_immediate() { stop(SIGQUIT); }

void cluster::stop_fast() { stop(SIGINT); }

void cluster::sigstop()
{
    // The postmaster first: afterwards it can start no further children.
    server_->kill(SIGSTOP);
    for (const pid_t child : children_of(server_->pid()))
        ::kill(child, SIGSTOP);
}

void cluster::sigcont()
{
    for (const pid_t child : children_of(server_->pid()))
        ::kill(child, SIGCONT);
    server_->kill(SIGCONT);
}

void cluster::terminate_backends()
{
    run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()");
}

pid_t cluster::pid() const { return server_->pid(); }

std::string cluster::log() const
{
    std::ifstream file(room_.path() / "log");
    std::ostringstream text;
    text << file.rdbuf();
    return std::move(text).str();
}

cluster& plain_cluster()
{
    static cluster plain({.fsync = false});
    return plain;
}

namespace
{
// Below those the kernel lends to outgoing connections (ip(7), ip_local_port_range), where a port that is free now may
// be some client's in the next moment.
std::uint16_t first_lent_port()
{
    std::ifstream in{"/proc/sys/net/ipv4/ip_local_port_range"};
    unsigned first = 32'768;
    in >> first;
    return static_cast<std::uint16_t>(first);
}

// A name of the kernel's (unix(7), abstract) for each port handed out, held as long as the program runs: tests beside
// this one then pick another.
bool reserve(std::uint16_t port)
{
    const int held = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const std::string name = "clientflow-test-port-" + std::to_string(port);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    name.copy(address.sun_path + 1, sizeof address.sun_path - 1);
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    if (::bind(held, reinterpret_cast<sockaddr*>(&address), size) == 0)
        return true;
    ::close(held);
    return false;
}

bool nobody_listens(std::uint16_t port)
{
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    const bool bound = ::bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    ::close(socket);
    return bound;
}
}  // namespace

std::uint16_t free_port()
{
    constexpr unsigned first = 10'000;
    unsigned end = first_lent_port();
    if (end <= first)  // it lends nearly all of them: then it is a matter of luck
        end = 60'000;
    std::random_device any;
    for (int tries = 0; tries < 1'000; ++tries)
    {
        const auto port = static_cast<std::uint16_t>(std::uniform_int_distribution<unsigned>{first, end - 1}(any));
        if (reserve(port) && nobody_listens(port))
            return port;
    }
    throw std::runtime_error("no free port from " + std::to_string(first) + " to " + std::to_string(end));
}
}  // namespace kit
