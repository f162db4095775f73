// See ground.hpp.
#include "tools/clientflow/bench/ground.hpp"

#include "events/log/migrator.hpp"
#include "events/log/seal.hpp"
#include "events/log/store.hpp"
#include "schemas/json.hpp"
#include "tools/clientflow/database.hpp"
#include "tools/clientflow/dsn.hpp"
#include "tools/clientflow/office.hpp"
#include "tools/clientflow/schema_of_store.hpp"
#include "tools/clientflow/tenant_founding.hpp"

#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <spawn.h>
#include <sstream>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

extern char** environ;

namespace cli::bench
{
namespace
{
constexpr std::chrono::seconds ready_deadline{60};

std::filesystem::path ready_file(const settings& of) { return of.data / "server.ready"; }

struct told_places
{
    wire::endpoint api, admin;
};

// Of the object `serve --json` prints once it listens; nothing before that, nor while the line is half written.
std::optional<told_places> places_in(const std::filesystem::path& file)
{
    std::ifstream in{file};
    const std::string all{std::istreambuf_iterator<char>{in}, {}};
    schema::json::document read;
    if (!read.parse(all))
        return std::nullopt;
    std::optional<wire::endpoint> api, admin;
    for (schema::json::members walk{read.root()}; walk.next();)
        if (walk.key == "url" || walk.key == "admin_url")
            (walk.key == "url" ? api : admin) = wire::endpoint::parse(schema::json::text_of(walk.value));
    if (!api || !admin)
        return std::nullopt;
    return told_places{*api, *admin};
}

bool is_ready(const wire::endpoint& admin)
{
    wire::request asked;
    asked.method = "GET";
    asked.target = "/readyz";
    return wire::call(admin, asked, std::chrono::seconds{2}).status == 200;
}

std::string text(const std::optional<line>& row) { return row && row->front() ? *row->front() : ""; }

void migrate(const std::string& dsn)
{
    event_log::connection_config config;
    config.dsn = dsn;
    event_log::connection link{config, std::make_shared<event_log::watchdog>()};
    event_log::migrate(link, wanted_migrations());
}

// Fields 14 and 15 of proc(5)'s stat, counted behind the name, which may hold anything.
double cpu_seconds_in(const std::filesystem::path& stat)
{
    std::ifstream in{stat};
    const std::string all{std::istreambuf_iterator<char>{in}, {}};
    const auto name_end = all.rfind(')');
    if (name_end == std::string::npos)
        return 0;
    std::istringstream fields{all.substr(name_end + 2)};
    std::string skipped;
    for (int i = 0; i < 11; ++i)
        fields >> skipped;
    double user = 0, system = 0;
    fields >> user >> system;
    return (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

// For nobody else's eyes: a DSN may hold a password.
void write_secret(const std::filesystem::path& file, const std::string& text)
{
    const int out = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    const bool written = out >= 0 && ::write(out, text.data(), text.size()) == static_cast<ssize_t>(text.size());
    if (out >= 0)
        ::close(out);
    if (!written)
        throw std::runtime_error(file.string() + " cannot be written");
}
}  // namespace

ground::ground(const settings& configured)
    : maintenance_dsn_(configured.operator_dsn())
    , name_("clientflow_bench_" + std::to_string(::getpid()))
    , of_(configured)
{
    try
    {
        database{maintenance_dsn_}.ask("create database " + name_ +
                                       " encoding 'UTF8' template template0 locale 'C.UTF-8'");
    }
    catch (const event_log::unreachable&)
    {
        throw;
    }
    catch (const std::runtime_error& wrong)
    {
        throw failure(refused, "no_scratch_database",
                      std::string{"a benchmark wants a database of its own, which could not be made: "} + wrong.what());
    }
    of_.data = std::filesystem::temp_directory_path() / name_;
    try
    {
        of_.admin_dsn = with_values(maintenance_dsn_, {{"dbname", name_}});
        of_.store.dsn = with_values(configured.store.dsn, {{"dbname", name_}});
        std::filesystem::create_directories(of_.data);
        of_.keys.master_key_file = of_.data / "master.key";
        event_log::create_master_key(of_.keys.master_key_file);
        migrate(of_.admin_dsn);
        of_.store.dsn = as_application(of_.store.dsn);
        write_secret(of_.data / "dsn", of_.store.dsn);
    }
    catch (...)
    {
        remove();
        throw;
    }
}

ground::~ground() { remove(); }

void ground::remove() noexcept
{
    try
    {
        database{maintenance_dsn_}.ask("drop database if exists " + name_ + " with (force)");
    }
    catch (const std::exception&)
    {
        // The database stays behind under its telling name; the measurement is none the worse for it.
    }
    std::error_code ignored;
    std::filesystem::remove_all(of_.data, ignored);
}

conditions ground::measured() const
{
    database store{of_.admin_dsn};
    conditions made;
    made.cores = static_cast<int>(std::thread::hardware_concurrency());
    made.postgres = text(store.ask_one("select current_setting('server_version')"));
    made.synchronous_commit = text(store.ask_one("select current_setting('synchronous_commit')"));
    return made;
}

server::server(const settings& of, const std::string& roles, const std::vector<std::string>& more)
{
    const auto begun = std::chrono::steady_clock::now();
    start(of, roles, more);
    try
    {
        wait_until_ready(of);
    }
    catch (...)
    {
        stop();
        throw;
    }
    seconds_to_ready_ = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
}

// In a process group of its own: Ctrl-C is for the benchmark, which then ends its server.
void server::start(const settings& of, const std::string& roles, const std::vector<std::string>& more)
{
    std::vector<std::string> words{"clientflow",   "serve",
                                   "--data",       of.data.string(),
                                   "--roles",      roles,
                                   "--port",       "0",
                                   "--admin-port", "0",
                                   "--dsn-file",   (of.data / "dsn").string(),
                                   "--set",        "http.address_per_minute=2000000000"};
    words.emplace_back("--json");
    for (const auto& each : more)
        words.insert(words.end(), {"--set", each});
    std::vector<char*> arguments;
    for (auto& word : words)
        arguments.push_back(word.data());
    arguments.push_back(nullptr);
    const auto log = (of.data / "server.log").string();
    const auto told = ready_file(of).string();
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_addopen(&actions, 1, told.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ::posix_spawn_file_actions_addopen(&actions, 2, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    posix_spawnattr_t apart;
    ::posix_spawnattr_init(&apart);
    ::posix_spawnattr_setflags(&apart, POSIX_SPAWN_SETPGROUP);
    const int failed = ::posix_spawn(&pid_, "/proc/self/exe", &actions, &apart, arguments.data(), environ);
    ::posix_spawnattr_destroy(&apart);
    ::posix_spawn_file_actions_destroy(&actions);
    if (failed != 0)
        throw std::runtime_error("the server cannot be started");
}

void server::wait_until_ready(const settings& of)
{
    const auto begun = std::chrono::steady_clock::now();
    std::optional<told_places> told;
    while (!(told = places_in(ready_file(of))) || !is_ready(told->admin))
    {
        const bool ended = ::waitpid(pid_, nullptr, WNOHANG) == pid_;
        if (ended)
            pid_ = 0;
        if (ended || stop_asked() || std::chrono::steady_clock::now() - begun > ready_deadline)
        {
            std::ifstream said{of.data / "server.log"};
            throw std::runtime_error("the server did not get ready: " +
                                     std::string{std::istreambuf_iterator<char>{said}, {}});
        }
        std::this_thread::sleep_for(std::chrono::milliseconds{5});
    }
    api_ = told->api;
}

server::~server() { stop(); }

void server::stop() noexcept
{
    if (pid_ == 0)
        return;
    ::kill(pid_, SIGTERM);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
}

double server::resident_mb() const
{
    std::ifstream in{"/proc/" + std::to_string(pid_) + "/statm"};
    double total = 0, resident = 0;
    in >> total >> resident;
    return resident * static_cast<double>(::sysconf(_SC_PAGESIZE)) / 1e6;
}

double server::cpu_seconds() const { return cpu_seconds_of(std::to_string(pid_)); }

double server::cpu_seconds_of_thread(const std::string& name) const
{
    for (const auto& each : std::filesystem::directory_iterator{"/proc/" + std::to_string(pid_) + "/task"})
    {
        std::ifstream in{each.path() / "comm"};
        std::string called;
        if (std::getline(in, called) && called == name)
            return cpu_seconds_in(each.path() / "stat");
    }
    return 0;
}

double cpu_seconds_of(const std::string& pid) { return cpu_seconds_in("/proc/" + pid + "/stat"); }

tenant make_tenant(const settings& of, const std::string& slug, const std::string& plan)
{
    founding asked;
    asked.slug = slug;
    asked.name = "Benchmark";
    asked.owner_email = "owner@" + slug + ".example";
    asked.plan = plan;
    asked.rate = "none";
    office desk{of};
    const auto made = found_tenant(desk, asked);
    return {made.org_id, made.api_key};
}

struct held_transaction::implementation
{
    explicit implementation(const std::string& dsn) : link(dsn)
    {
        link.ask("set idle_in_transaction_session_timeout = 0");
        link.ask("begin isolation level repeatable read");
        link.ask("select txid_current(), count(*) from es.lane");
    }
    database link;
};

held_transaction::held_transaction(const std::string& dsn) : self_(std::make_unique<implementation>(dsn)) {}

held_transaction::~held_transaction() = default;
}  // namespace cli::bench
