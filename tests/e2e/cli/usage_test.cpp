// The command line as a person meets it: help, spelling, exit statuses, settings, and no secrets where others look.
#include "tests/e2e/cli/session.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <sstream>

using cli_session::clientflow;
using cli_session::member;

TEST_CASE("every command's help begins with an example")
{
    for (const auto& words : std::vector<std::vector<std::string>>{{},
                                                                   {"serve"},
                                                                   {"migrate"},
                                                                   {"doctor"},
                                                                   {"config", "print"},
                                                                   {"tenant", "create"},
                                                                   {"tenant", "list"},
                                                                   {"tenant", "show"},
                                                                   {"key", "create"},
                                                                   {"key", "list"},
                                                                   {"key", "revoke"},
                                                                   {"events", "tail"},
                                                                   {"events", "show"},
                                                                   {"events", "at"},
                                                                   {"stream", "show"},
                                                                   {"projection", "list"},
                                                                   {"lanes", "status"},
                                                                   {"bench", "append"},
                                                                   {"bench", "commands"},
                                                                   {"schemas", "emit"},
                                                                   {"schemas", "check"},
                                                                   {"openapi"}})
    {
        auto asked = words;
        asked.push_back("--help");
        const auto got = clientflow(asked);
        CAPTURE(asked.front());
        CHECK(got.end.exit_code == 0);
        CHECK(got.output.starts_with("Example: clientflow "));
    }
}

TEST_CASE("an unknown command names the nearest one and is wrong usage")
{
    const auto noun = clientflow({"tenat", "list"});
    CHECK(noun.end.exit_code == 2);
    CHECK(noun.errors.find("did you mean \"tenant\"?") != std::string::npos);

    const auto verb = clientflow({"tenant", "creat"});
    CHECK(verb.end.exit_code == 2);
    CHECK(verb.errors.find("did you mean \"create\"?") != std::string::npos);
}

TEST_CASE("with --json a failure is one problem object on standard error")
{
    const auto got = clientflow({"tenat", "--json"});
    CHECK(got.end.exit_code == 2);
    CHECK(got.output.empty());
    CHECK(member(got.errors, "code") == "unknown_command");
    CHECK(member(got.errors, "type") == "/problems/unknown_command");
}

TEST_CASE("a password in the arguments is refused, in either form of a DSN")
{
    for (const std::string dsn : {"host=localhost password=hunter2", "postgresql://ada:hunter2@localhost/x"})
    {
        const auto got = clientflow({"tenant", "list", "--dsn", dsn});
        CHECK(got.end.exit_code == 2);
        CHECK(got.errors.find("--dsn-file") != std::string::npos);
        CHECK(got.errors.find("hunter2") == std::string::npos);
    }
}

TEST_CASE("a store that nobody answers for is unreachable")
{
    const kit::temporary_directory room;
    const auto got = clientflow({"tenant", "list", "--json", "--data", room.path().string(), "--dsn",
                                 "host=127.0.0.1 port=" + std::to_string(kit::free_port()) + " connect_timeout=2"});
    CHECK(got.end.exit_code == 5);
    CHECK(member(got.errors, "code") == "unavailable");
}

TEST_CASE("settings come from flags before the environment before the file, and say so")
{
    const kit::temporary_directory room;
    std::ofstream{room.path() / "clientflow.toml"}
        << "[http]\nport = 7001\nregion = \"file\"\n[log]\nlevel = \"debug\"\n";
    kit::launch what;
    what.program = kit::program("clientflow");
    what.arguments = {"config", "print", "--origin", "--data", room.path().string(), "--set", "http.port=7003"};
    what.environment = {{"CLIENTFLOW_HTTP_PORT", "7002"}, {"CLIENTFLOW_HTTP_REGION", "environment"}};
    const auto got = kit::run(what);
    REQUIRE(got.end.exit_code == 0);
    CHECK(got.output.find("http.port = 7003  [flag]") != std::string::npos);
    CHECK(got.output.find("http.region = environment  [environment]") != std::string::npos);
    CHECK(got.output.find("log.level = debug  [file]") != std::string::npos);
    CHECK(got.output.find("http.header_bytes_max = 16384 bytes  [default]") != std::string::npos);
}

TEST_CASE("an unknown setting in the file is an error that names the line and the nearest setting")
{
    const kit::temporary_directory room;
    std::ofstream{room.path() / "clientflow.toml"} << "[http]\nprot = 7001\n";
    const auto got = clientflow({"config", "print", "--data", room.path().string()});
    CHECK(got.end.exit_code == 2);
    CHECK(got.errors.find("clientflow.toml:2") != std::string::npos);
    CHECK(got.errors.find("\"http.port\"") != std::string::npos);
}

TEST_CASE("a DSN from a file may hold a password, which is never printed")
{
    const kit::temporary_directory room;
    std::ofstream{room.path() / "dsn"} << "host=127.0.0.1 password=hunter2\n";
    const auto got = clientflow(
        {"config", "print", "--json", "--data", room.path().string(), "--dsn-file", (room.path() / "dsn").string()});
    CHECK(got.end.exit_code == 0);
    CHECK(got.output.find("hunter2") == std::string::npos);
    CHECK(got.output.find("***") != std::string::npos);
}

TEST_CASE("what was promised in schemas/emitted still holds, and its files are what this program writes")
{
    const auto got = clientflow({"schemas", "check", "--folder", (kit::source_root() / "schemas/emitted").string()});
    CHECK_MESSAGE(got.end.exit_code == 0, got.output);
}

TEST_CASE("a removed member and a removed file are differences that name what breaks")
{
    const kit::temporary_directory room;
    const auto folder = room.path() / "emitted";
    std::filesystem::copy(kit::source_root() / "schemas/emitted", folder, std::filesystem::copy_options::recursive);
    const auto file = folder / "events/project.created.1.rows";
    std::ostringstream text;
    text << std::ifstream{file}.rdbuf();
    auto rows = text.str();
    rows.insert(rows.find('\n') + 1, "  {\"name\": \"owner\", \"type\": \"text\", \"required\": true},\n");
    std::ofstream{file} << rows;
    std::ofstream{folder / "events/gone.happened.1.rows"} << "gone.happened 1\n";
    std::filesystem::remove(folder / "openapi.json");
    const auto got = clientflow({"schemas", "check", "--folder", folder.string()});
    CHECK(got.end.exit_code == 6);
    CHECK(got.output.find("events/project.created.1.rows: differs") != std::string::npos);
    CHECK(got.output.find("breaks owner") != std::string::npos);
    CHECK(got.output.find("events/gone.happened.1.rows: no longer made") != std::string::npos);
    CHECK(got.output.find("openapi.json: missing") != std::string::npos);
}
