// A newcomer's first minutes: tools/up starts everything, keeps the data, survives a kill, and cleans up after itself.
//
// tools/up takes the programs that were built together with these tests.
#include "tests/kit/cluster.hpp"
#include "tests/kit/eventually.hpp"
#include "tests/kit/paths.hpp"
#include "tests/kit/process.hpp"
#include "tests/kit/wire.hpp"

#include <doctest/doctest.h>
#include <pqxx/pqxx>

#include <csignal>
#include <fstream>
#include <memory>

namespace
{
constexpr kit::milliseconds start_deadline{120'000};

std::string member(const std::string& json, const std::string& name)
{
    const auto key = '"' + name + "\": ";
    const auto at = json.find(key);
    if (at == std::string::npos)
        return {};
    const auto begin = at + key.size() + (json[at + key.size()] == '"' ? 1 : 0);
    return json.substr(begin, json.find_first_of("\",}", begin) - begin);
}

class installation
{
public:
    installation() : port_(kit::free_port()) {}
    ~installation() { up({"--stop"}); }

    kit::finished up(std::vector<std::string> words)
    {
        for (const auto& each : {std::string{"--data"}, room_.path().string(), std::string{"--build-dir"},
                                 kit::program("clientflow").parent_path().parent_path().string()})
            words.push_back(each);
        words.push_back("--no-build");
        kit::launch what;
        what.program = kit::source_root() / "tools/up";
        what.arguments = std::move(words);
        return kit::run(std::move(what), start_deadline);
    }

    // Starts and leaves it running; what it printed.
    std::string start()
    {
        const auto got = up({"--detach", "--json", "--port", std::to_string(port_)});
        REQUIRE_MESSAGE(got.end.exit_code == 0, got.errors);
        return got.output;
    }

    std::uint16_t port() const { return port_; }
    const std::filesystem::path& data() const { return room_.path(); }

private:
    std::uint16_t port_;
    kit::temporary_directory room_;
};

int create_client(const installation& at, const std::string& key, const std::string& name)
{
    kit::wire line{at.port()};
    return line
        .exchange("POST", "/api/v1/clients", {{"X-API-Key", key}, {"Content-Type", "application/json"}},
                  R"({"name": ")" + name + R"("})")
        .status;
}

std::string ask(const std::string& dsn, const std::string& sql)
{
    pqxx::connection link{dsn};
    pqxx::nontransaction work{link};
    return work.exec(sql)[0][0].as<std::string>();
}

// Neither the server's rules nor any grant lets the login of this DSN into another database.
bool is_kept_to_its_database(const std::string& dsn)
{
    for (const std::string other : {"postgres", "template1"})
    {
        if (ask(dsn + " user=postgres",
                "select has_database_privilege('clientflow_analyst', '" + other + "', 'connect, temporary')") != "f")
            return false;
        try
        {
            pqxx::connection link{dsn + " dbname=" + other};
            return false;
        }
        catch (const pqxx::broken_connection& refused)
        {
            if (std::string{refused.what()}.find("pg_hba.conf rejects") == std::string::npos)
                return false;
        }
    }
    return true;
}

void write_earlier_access_rules(const std::filesystem::path& file)
{
    std::string rules = "local all +clientflow_analyst,+clientflow_tenant_analyst scram-sha-256\n";
    {
        std::ifstream in{file};
        for (std::string line; std::getline(in, line);)
            if (line.find("clientflow_analyst") == std::string::npos)
                rules += line + '\n';
    }
    std::ofstream{file} << rules;
}

bool shows_client(const installation& at, const std::string& key, const std::string& name)
{
    kit::wire line{at.port()};
    const auto got = line.exchange("GET", "/api/v1/clients", {{"X-API-Key", key}, {"Prefer", "wait=5"}});
    return got.status == 200 && got.body.find(name) != std::string::npos;
}
}  // namespace

TEST_CASE("a fresh directory becomes a running server with a key that writes, and keeps its data over a stop")
{
    installation here;
    const auto first = here.start();
    const auto key = member(first, "api_key");
    CHECK(member(first, "url") == "http://127.0.0.1:" + std::to_string(here.port()));
    CHECK(member(first, "kafka") == "null");
    CHECK(member(first, "ops_key").starts_with("cf_ops_"));
    CHECK(member(first, "org_id").starts_with("org_"));
    CHECK(std::filesystem::exists(member(first, "binary")));
    CHECK(create_client(here, key, "Ada Ltd") == 201);

    SUBCASE("stopped and started again, it prints the same key and shows the same data")
    {
        CHECK(here.up({"--stop"}).end.exit_code == 0);
        CHECK_THROWS(kit::wire{here.port()}.exchange("GET", "/api/health"));
        const auto second = here.start();
        CHECK(member(second, "api_key") == key);
        CHECK(kit::eventually([&] { return shows_client(here, key, "Ada Ltd"); }));
    }
    SUBCASE("the analyst's DSN reads every tenant, needs the password in its file, and outlives a stop")
    {
        const auto dsn = member(first, "analyst_dsn");
        CHECK(kit::eventually([&] { return ask(dsn, "select count(*) from read.clients") == "1"; }));
        CHECK_THROWS(ask(dsn, "select count(*) from es.event"));
        CHECK_THROWS(ask(dsn.substr(0, dsn.find("passfile=")) + dsn.substr(dsn.find("port=")), "select 1"));
        CHECK(std::filesystem::status(here.data() / "analyst.pgpass").permissions() ==
              (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
        CHECK(is_kept_to_its_database(dsn));
        CHECK(here.up({"--stop"}).end.exit_code == 0);
        SUBCASE("") {}
        SUBCASE("also where an earlier version has written the rules of access")
        {
            write_earlier_access_rules(here.data() / "postgres/pg_hba.conf");
        }
        CHECK(member(here.start(), "analyst_dsn") == dsn);
        CHECK(ask(dsn, "select count(*) from read.orgs") == "1");
        CHECK(is_kept_to_its_database(dsn));
    }
    SUBCASE("started twice, it says that it runs already and where")
    {
        const auto again = here.up({"--detach", "--json"});
        CHECK(again.end.exit_code == 0);
        CHECK(member(again.output, "pid") == member(first, "pid"));
        CHECK(again.errors.find("already running") != std::string::npos);
    }
    SUBCASE("when an interrupted start has left the tenant and lost its key, the owner gets another")
    {
        CHECK(here.up({"--stop"}).end.exit_code == 0);
        std::filesystem::remove(here.data() / "demo.json");
        const auto second = here.start();
        CHECK(member(second, "org_id") == member(first, "org_id"));
        CHECK(member(second, "api_key") != key);
        CHECK(create_client(here, member(second, "api_key"), "Bo GmbH") == 201);
        CHECK(member(second, "ops_key").starts_with("cf_ops_"));
    }
    SUBCASE("asked for the store alone, it says that it runs already, and shows no key")
    {
        const auto again = here.up({"--store-only", "--detach"});
        CHECK(again.end.exit_code == 0);
        CHECK(again.output == "running\n");
    }
    SUBCASE("server and database killed without a word, it recovers at the next start")
    {
        ::kill(std::stoi(member(first, "pid")), SIGKILL);
        std::ifstream postmaster{here.data() / "postgres/postmaster.pid"};
        pid_t database = 0;
        postmaster >> database;
        REQUIRE(database > 0);
        ::kill(database, SIGKILL);
        here.start();
        CHECK(kit::eventually([&] { return shows_client(here, key, "Ada Ltd"); }));
        CHECK(create_client(here, key, "Bo GmbH") == 201);
    }
}

TEST_CASE("a port that is taken is named, and nothing is left running")
{
    installation here;
    installation other;
    other.start();
    const auto got = here.up({"--detach", "--port", std::to_string(other.port())});
    CHECK(got.end.exit_code == 1);
    CHECK(got.errors.find("port " + std::to_string(other.port()) + " is taken") != std::string::npos);
    CHECK_FALSE(std::filesystem::exists(here.data() / "postgres"));  // told before anything is built or made
}

TEST_CASE("what this version has not is refused clearly")
{
    installation here;
    CHECK(here.up({"--kafka"}).end.exit_code == 2);
    CHECK(here.up({"--nodes", "2"}).end.exit_code == 2);
    CHECK(here.up({"--prot", "1"}).end.exit_code == 2);
    const auto port = here.up({"--port", "0"});
    CHECK(port.end.exit_code == 2);
    CHECK(port.errors.find("from 1 to 65535") != std::string::npos);
    const auto idle = here.up({"--stop"});
    CHECK(idle.end.exit_code == 0);
    CHECK(idle.errors.find("nothing runs") != std::string::npos);
}

TEST_CASE("a file is no data directory, and that is said")
{
    const kit::temporary_directory room;
    const auto file = (room.path() / "file").string();
    std::ofstream{file} << "not a directory\n";
    kit::launch what;
    what.program = kit::source_root() / "tools/up";
    what.arguments = {"--data", file, "--no-build"};
    const auto got = kit::run(what);
    CHECK(got.end.exit_code == 1);
    CHECK(got.errors == "tools/up: " + file + " is a file: --data wants a directory\n");
}

namespace
{
// In front, until it is ready.
std::unique_ptr<kit::process> in_front(const installation& here)
{
    kit::launch what;
    what.program = kit::source_root() / "tools/up";
    what.arguments = {
        "--data", here.data().string(), "--port",      std::to_string(here.port()),
        "--json", "--no-build",         "--build-dir", kit::program("clientflow").parent_path().parent_path().string()};
    auto up = std::make_unique<kit::process>(what);
    REQUIRE(kit::eventually([&] { return up->output().find("api_key") != std::string::npos; }, start_deadline));
    return up;
}

pid_t database_of(const installation& here)
{
    pid_t found = 0;
    std::ifstream{here.data() / "postgres/postmaster.pid"} >> found;
    return found;
}

// As an administrator does who has changed a setting.
kit::finished restart_database(const installation& here, const std::string& dsn)
{
    const auto bin = ask(dsn, "select setting from pg_config where name = 'BINDIR'");
    kit::launch what;
    what.program = bin + "/pg_ctl";
    what.arguments = {"-D", (here.data() / "postgres").string(),         "-m",     "fast", "-w",
                      "-l", (here.data() / "log/postgres.log").string(), "restart"};
    what.directory = "/";
    what.user = "postgres";
    return kit::run(what);
}
}  // namespace

TEST_CASE("in front, Ctrl-C stops the server and the database that it started")
{
    installation here;
    const auto up = in_front(here);
    up->kill(SIGINT);
    const auto ended = up->wait(kit::milliseconds{40'000});
    REQUIRE(ended);
    CHECK(ended->exit_code == 130);
    CHECK_FALSE(std::filesystem::exists(here.data() / "postgres/postmaster.pid"));
    CHECK_THROWS(kit::wire{here.port()}.exchange("GET", "/api/health"));
}

TEST_CASE("in front, the end of its database is told and ends the server, and the next start finds everything")
{
    installation here;
    const auto up = in_front(here);
    const auto key = member(up->output(), "api_key");
    REQUIRE(create_client(here, key, "Ada Ltd") == 201);

    // One that is restarted is no end.
    const auto before = database_of(here);
    const auto restarted = restart_database(here, member(up->output(), "dsn"));
    REQUIRE_MESSAGE(restarted.end.exit_code == 0, restarted.errors);
    REQUIRE(database_of(here) != before);
    CHECK(kit::eventually([&] { return create_client(here, key, "Bo GmbH") == 201; }, start_deadline));
    CHECK(up->running());

    ::kill(database_of(here), SIGKILL);
    const auto ended = up->wait(kit::milliseconds{60'000});
    REQUIRE(ended);
    CHECK(ended->exit_code == 1);
    const auto told = up->errors();
    CHECK_MESSAGE(told.find("PostgreSQL has ended and nobody starts it again") != std::string::npos, told);
    CHECK_MESSAGE(told.find("start both again with tools/up --data " + here.data().string()) != std::string::npos,
                  told);
    CHECK_THROWS(kit::wire{here.port()}.exchange("GET", "/api/health"));

    CHECK(member(here.start(), "api_key") == key);
    CHECK(kit::eventually([&] { return shows_client(here, key, "Ada Ltd") && shows_client(here, key, "Bo GmbH"); }));
}

namespace
{
// A folder in which building never ends, as one is left by `cmake`.
struct given_a_build_without_end
{
    given_a_build_without_end()
    {
        std::ofstream{build.path() / "build.ninja"} << "rule wait\n  command = sleep 600\n"
                                                       "build clientflow: wait\nbuild clientflow-load: wait\n";
    }

    kit::launch tool(const char* name, std::vector<std::string> words) const
    {
        words.insert(words.end(), {"--data", data.path().string(), "--build-dir", build.path().string()});
        return {.program = kit::source_root() / "tools" / name, .arguments = std::move(words)};
    }

    bool builds() const
    {
        return kit::run({.program = "/usr/bin/pgrep", .arguments = {"-f", "ninja -C " + build.path().string()}})
                   .end.exit_code == 0;
    }

    kit::temporary_directory build, data;
};
}  // namespace

TEST_CASE_FIXTURE(given_a_build_without_end, "ended while it builds, tools/up ends the build and says so")
{
    kit::process up{tool("up", {"--store-only", "--detach"})};
    REQUIRE(kit::eventually([&] { return builds(); }, start_deadline));
    SUBCASE("as a service is ended") { ::kill(up.pid(), SIGTERM); }
    SUBCASE("as Ctrl-C ends it") { up.kill(SIGINT); }
    const auto end = up.wait(start_deadline);
    REQUIRE(end.has_value());
    CHECK((end->exit_code == 143 || end->exit_code == 130));
    CHECK(up.errors().find("the build was cut off; the same command goes on with it") != std::string::npos);
    CHECK(kit::eventually([&] { return !builds(); }));
}

TEST_CASE_FIXTURE(given_a_build_without_end,
                  "whoever would build beside tools/up waits and says so; help waits for nobody")
{
    kit::process up{tool("up", {"--store-only", "--detach"})};
    REQUIRE(kit::eventually([&] { return builds(); }, start_deadline));

    kit::process load{tool("load", {"--csv", "nothing.csv"})};
    CHECK(kit::eventually([&] { return load.errors().find("waiting for another build in ") != std::string::npos; }));
    const auto help = kit::run(tool("load", {"--help"}));
    CHECK(help.end.exit_code == 0);
    CHECK(help.output.starts_with("Plays a help desk's log"));
    kit::process second{tool("up", {"--store-only", "--detach"})};
    CHECK(kit::eventually([&] { return second.errors().find("waiting for another tools/up") != std::string::npos; }));
}
