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
                                                                   {"projection", "upgrade"},
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

TEST_CASE("output that cannot be written is a failure, and a tail ends when nobody reads it any more")
{
    kit::launch full;
    full.program = "/bin/sh";
    full.arguments = {"-c", "exec \"$0\" openapi > /dev/full", kit::program("clientflow").string()};
    const auto got = kit::run(full);
    CHECK(got.end.exit_code == 1);
    CHECK(got.errors.find("could not be written") != std::string::npos);

    cli_session::store here;
    here.make_tenant("acme");
    kit::launch cut;
    cut.program = "/bin/sh";
    cut.arguments = {"-c", "\"$0\" events tail --follow --data \"$1\" --dsn \"$2\" | head -n 1",
                     kit::program("clientflow").string(), here.data().string(), here.database().dsn("postgres")};
    CHECK(kit::run(cut).output.find("org.created") != std::string::npos);
}

TEST_CASE("CLIENTFLOW_DSN stands for the operator's login too, and a key's password is refused in the arguments")
{
    cli_session::store here;
    std::ofstream{here.data() / "clientflow.toml"} << "[store]\nadmin_dsn = \"host=/nowhere\"\n";
    kit::launch asked;
    asked.program = kit::program("clientflow");
    asked.arguments = {"tenant", "list", "--data", here.data().string()};
    asked.environment = {{"CLIENTFLOW_DSN", here.database().dsn("postgres")}};
    CHECK(kit::run(asked).end.exit_code == 0);

    const auto refused = clientflow({"doctor", "--dsn", "host=/nowhere sslpassword=open"});
    CHECK(refused.end.exit_code == 2);
    CHECK(refused.errors.find("open") == std::string::npos);
}

TEST_CASE("--version names a version where a read model's can be meant, and without a number tells the program's")
{
    cli_session::store here;
    const auto run = [&](std::vector<std::string> words) { return here.run(std::move(words)); };
    REQUIRE(run({"projection", "rebuild", "task"}).end.exit_code == 0);
    for (const std::string flag : {"--version", "--version-number"})
    {
        CHECK(run({"projection", "compare", "task", flag, "2"})
                  .output.starts_with("task version 1 (live) 0 rows, version 2 "));
        CHECK(run({"projection", "compare", "task", flag, "3"}).end.exit_code == 3);
        CHECK(run({"projection", "swap", "task", flag, "2", "--dry-run"}).output.find("would show version 2") !=
              std::string::npos);
    }
    CHECK(run({"projection", "retire", "task", "--version", "two", "--reason", "x"}).end.exit_code == 2);
    CHECK(run({"projection", "retire", "task", "--reason", "x"}).end.exit_code == 2);
    const auto told = cli_session::clientflow({"--version"});
    CHECK(told.output.starts_with("clientflow "));
    for (const auto* verb : {"retire", "compare", "rebuild", "list"})
        CHECK(cli_session::clientflow({"projection", verb, "--version"}).output == told.output);
    const auto gone = run({"projection", "retire", "task", "--version=2", "--reason", "x"});
    CHECK_MESSAGE(gone.output == "task version 2 is gone\n", gone.errors);
}

TEST_CASE("a swap that names no version never shows an older one than the live one; named, it is shown")
{
    cli_session::store here;
    const auto run = [&](std::vector<std::string> words) { return here.run(std::move(words)); };
    for (int n = 0; n < 2; ++n)
        REQUIRE(run({"projection", "rebuild", "task"}).end.exit_code == 0);
    CHECK(run({"projection", "swap", "task"}).output == "task shows version 3, before 1\n");
    for (const std::string also : {"--dry-run", "--json"})
    {
        const auto refused = run({"projection", "swap", "task", also});
        CHECK(refused.end.exit_code == 4);
        CHECK(refused.errors.find("what stands beside version 3 of task, which is live, is older than it, version 2 "
                                  "the newest: `projection rollback task` shows the one that was live before, "
                                  "`projection swap task --version 2` shows that one") != std::string::npos);
        if (also == "--json")
            CHECK(cli_session::member(refused.errors, "code") == "older_version");
    }
    CHECK(run({"projection", "swap", "task", "--version", "2"}).output == "task shows version 2, before 3\n");
    CHECK(run({"projection", "rollback", "task"}).output == "task shows version 3, before 2\n");
    const auto help = cli_session::clientflow({"projection", "retire", "--help"}).output;
    CHECK(help.find("Which version") != std::string::npos);
    CHECK(help.find("default:") == std::string::npos);
}

TEST_CASE("a swap that would leave too many versions that were live is refused, and says which to throw away")
{
    cli_session::store here;
    REQUIRE(here.run({"projection", "rebuild", "task"}).end.exit_code == 0);
    here.database().run(
        "insert into read.projection (projection, version, definition, digest, rows_in, state, changed_at)"
        " select 'task', n, definition, digest, 'read.task_v' || n, 'former', changed_at - interval '1 h'"
        " from read.projection, generate_series(11, 18) n where projection = 'task' and version = 1");
    for (const std::string also : {"--dry-run", "--json"})
    {
        const auto refused = here.run({"projection", "swap", "task", also});
        CHECK(refused.end.exit_code == 4);
        CHECK_MESSAGE(refused.errors.find("no more than 8 are: throw one away with `clientflow projection retire task "
                                          "--version 11 --reason") != std::string::npos,
                      refused.errors);
        if (also == "--json")
            CHECK(cli_session::member(refused.errors, "code") == "not_now");
    }
    CHECK(here.run({"projection", "retire", "task", "--version", "11", "--reason", "x"}).end.exit_code == 0);
    const auto shown = here.run({"projection", "swap", "task"});
    CHECK_MESSAGE(shown.output == "task shows version 2, before 1\n", shown.errors);
}

TEST_CASE("a rebuild tells of each read model its own rows, and how it stands when it is over")
{
    cli_session::store here;
    here.make_tenant("acme");
    const auto told = here.run({"projection", "rebuild", "org", "task", "audit_log", "--json"});
    REQUIRE_MESSAGE(told.end.exit_code == 0, told.errors);
    const auto rows = [&](const std::string& table) { return here.database().run("select count(*) from " + table); };
    const auto of = [&](const std::string& name, const std::string& table) {
        return R"({"name":")" + name + R"(","version":2,"definition":1,"state":"beside","rows":)" + rows(table) + "}";
    };
    CHECK(rows("read.org_v2") == "1");
    CHECK(std::stoi(rows("read.audit_log_v2")) > 1);
    CHECK_MESSAGE(told.output.find("[" + of("org", "read.org_v2") + "," + of("task", "read.task_v2") + "," +
                                   of("audit_log", "read.audit_log_v2") + "]") != std::string::npos,
                  told.output);
    const auto text = here.run({"projection", "rebuild", "org", "task"}).output;
    CHECK_MESSAGE(text.find("org version 3  1 rows of ") != std::string::npos, text);
    CHECK_MESSAGE(text.find("task version 3  0 rows of ") != std::string::npos, text);
    CHECK(here.database().run("select sum(rows) from read.build where projection = 'org' and version = 3") == "1");
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

TEST_CASE("a flag before a mistyped command hides nothing, and a command that is missing names those there are")
{
    CHECK(clientflow({"--json", "porjection"}).errors.find("did you mean \\\"projection\\\"?") != std::string::npos);
    CHECK(clientflow({"--quiet", "porjection", "list"}).errors.find("\"projection\"?") != std::string::npos);
    for (const auto& words : std::vector<std::vector<std::string>>{{}, {"tenant"}, {"bench"}, {"help"}})
    {
        const auto got = clientflow(words);
        CAPTURE(got.errors);
        CHECK(got.end.exit_code == 2);
        CHECK(got.errors.find("--help`") != std::string::npos);
    }
    CHECK(clientflow({"tenant"}).errors.find("create, list, show, plan, suspend, resume") != std::string::npos);
    CHECK(clientflow({"help"}).errors.find("doctor, config, tenant") != std::string::npos);
}

TEST_CASE("an unknown flag names the nearest one of its command or of all, wherever it stands")
{
    struct typed
    {
        std::vector<std::string> words;
        std::string flag, meant;
    };
    for (const auto& each :
         std::vector<typed>{{{"tenant", "list", "--jsn"}, "--jsn", "--json"},
                            {{"--jsn", "tenant", "list"}, "--jsn", "--json"},
                            {{"tenant", "--dta=/tmp", "list"}, "--dta", "--data"},
                            {{"--dta", "/tmp", "tenant", "list"}, "--dta", "--data"},
                            {{"doctor", "-json"}, "-json", "--json"},
                            {{"analyst", "create", "--nme", "ann"}, "--nme", "--name"},
                            {{"analyst", "create", "--name", "a", "--passfile", "f"}, "--passfile", "--pass-file"},
                            {{"projection", "retire", "task", "--verison", "1"}, "--verison", "--version"}})
    {
        const auto got = clientflow(each.words);
        CAPTURE(got.errors);
        CHECK(got.end.exit_code == 2);
        CHECK(got.errors == "clientflow: unknown flag \"" + each.flag + "\"; did you mean \"" + each.meant + "\"?\n");
    }
    // Of another command, like none, and what a mistyped command cannot know.
    CHECK(clientflow({"tenant", "list", "--owner-email", "x"}).errors.find("are in `clientflow tenant list --help`") !=
          std::string::npos);
    CHECK(clientflow({"tenat", "create", "--slug", "x"}).errors.find("\"tenant\"?") != std::string::npos);
    CHECK(clientflow({"tenant", "creat", "--slug", "x"}).errors.find("\"create\"?") != std::string::npos);
    CHECK(member(clientflow({"tenant", "list", "--json", "--dta", "x"}).errors, "code") == "unknown_flag");
    // What follows a flag that wants a value, or nothing that is known, is told as before.
    CHECK(clientflow({"analyst", "create"}).errors.find("--name is required") != std::string::npos);
    CHECK(clientflow({"tenant", "list", "words"}).errors.find("words") != std::string::npos);
}

TEST_CASE("a list of commands shows whole sentences, and a command's help names what every command takes")
{
    const auto nouns = clientflow({"tenant", "--help"});
    CHECK(nouns.output.find("with 403 org.suspended until it is resumed; reads go on\n") != std::string::npos);
    CHECK(nouns.output.find("Every command also takes --json, --data DIR") != std::string::npos);
    CHECK(clientflow({"tenant", "list", "--help"}).output.find("--dsn-file FILE") != std::string::npos);
}

TEST_CASE("where nobody says where the store is, that is said, and not that PostgreSQL does not answer")
{
    const kit::temporary_directory room;
    const auto data = room.path().string();
    for (const auto& words : std::vector<std::vector<std::string>>{{"tenant", "list"},
                                                                   {"doctor"},
                                                                   {"why", "org_00000000000000000000000001"},
                                                                   {"serve"},
                                                                   {"projection", "rebuild", "task"}})
    {
        auto asked = words;
        asked.insert(asked.end(), {"--data", data});
        const auto got = clientflow(asked);
        CAPTURE(words.front());
        CHECK(got.end.exit_code == 2);
        CHECK(got.errors.find("there is no clientflow.toml in " + data + ": give --data, or start it with tools/up") !=
              std::string::npos);
    }
    std::ofstream{room.path() / "clientflow.toml"} << "[http]\nport = 7001\n";
    CHECK(clientflow({"tenant", "list", "--data", data}).errors.find("names no store") != std::string::npos);
}

TEST_CASE("a port that is none is told under the flag's name, and a setting like no other is likened to none")
{
    const auto port = clientflow({"serve", "--port", "99999"});
    CHECK(port.end.exit_code == 2);
    CHECK(port.errors.find("--port must be an integer from 0 to 65535") != std::string::npos);
    CHECK(clientflow({"config", "print", "--set", "http.port=99999"}).errors.find("from 0 to 65535") !=
          std::string::npos);
    const auto unlike = clientflow({"config", "print", "--set", "nonsense=1"});
    CHECK(unlike.end.exit_code == 2);
    CHECK(unlike.errors.find("nearest") == std::string::npos);
    CHECK(unlike.errors.find("config print") != std::string::npos);
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
    CHECK(got.errors.find("tools/up") != std::string::npos);
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

namespace
{
// A copy of what was promised, to be changed into a promise that this program does not keep.
class promised
{
public:
    promised()
    {
        std::filesystem::copy(kit::source_root() / "schemas/emitted", folder(),
                              std::filesystem::copy_options::recursive);
    }

    std::filesystem::path folder() const { return room_.path() / "emitted"; }

    std::string text(const std::string& path) const
    {
        std::ostringstream made;
        made << std::ifstream{folder() / path, std::ios::binary}.rdbuf();
        return made.str();
    }

    // Where `mark` begins first, or behind it, `added` is put in.
    void insert(const std::string& path, std::string_view mark, std::string_view added)
    {
        auto changed = text(path);
        const auto at = changed.find(mark);
        REQUIRE(at != std::string::npos);
        changed.insert(at + mark.size(), added);
        std::ofstream{folder() / path, std::ios::binary} << changed;
    }

    auto schemas(const char* verb) const { return clientflow({"schemas", verb, "--folder", folder().string()}); }

private:
    kit::temporary_directory room_;
};
}  // namespace

TEST_CASE("a removed member and a removed file are differences that name what breaks")
{
    promised old;
    old.insert("events/project.created.1.rows", "\n",
               "  {\"name\": \"owner\", \"type\": \"text\", \"required\": true},\n");
    std::ofstream{old.folder() / "events/gone.happened.1.rows"} << "gone.happened 1\n";
    std::filesystem::remove(old.folder() / "openapi.json");
    std::filesystem::remove(old.folder() / "events/task.created.1.rows");
    const auto got = old.schemas("check");
    CHECK(got.end.exit_code == 6);
    CHECK(got.output.find("events/project.created.1.rows: differs") != std::string::npos);
    CHECK(got.output.find("breaks owner: removed") != std::string::npos);
    CHECK(got.output.find("events/gone.happened.1.rows: no longer made") != std::string::npos);
    CHECK(got.output.find("openapi.json: missing") != std::string::npos);
    CHECK(got.output.find("events/task.created.1.rows: gone") != std::string::npos);
}

TEST_CASE("a member taken from any answer is named, whatever version the answer says it has")
{
    promised old;
    const std::string member = "\n  {\"name\": \"colour\", \"type\": \"text\"},";
    for (const char* path : {"items/task.rows", "answers/me.rows", "answers/usage.rows", "answers/dashboard.rows"})
        old.insert(path, "\"members\": [", member);
    auto changed = old.text("items/task.rows");
    changed.replace(changed.find("\"version\": 1"), 12, "\"version\": 0");
    std::ofstream{old.folder() / "items/task.rows"} << changed;

    const auto got = old.schemas("check");
    CHECK(got.end.exit_code == 6);
    for (const char* path : {"items/task.rows", "answers/me.rows", "answers/usage.rows", "answers/dashboard.rows"})
        CHECK_MESSAGE(got.output.find(std::string{path} + ": differs\n  breaks colour: removed") != std::string::npos,
                      got.output);
}

TEST_CASE("a route, a filter and a sort that are gone are named")
{
    promised old;
    old.insert("openapi.json", "\"paths\":{", "\"/api/v1/boats\":{\"get\":{\"operationId\":\"listBoats\"}},");
    old.insert("openapi.json", "\"operationId\":\"listTasks", "Once");
    old.insert("openapi.json",
               "\"operationId\":\"listClients\",\"summary\":\"Lists clients.\",\"x-scope\":\"read\",\"parameters\":[",
               "{\"name\":\"colour\",\"in\":\"query\"},");
    old.insert("openapi.json", "\"enum\":[\"created_at\",", "\"height\",");
    const auto got = old.schemas("check");
    CHECK(got.end.exit_code == 6);
    for (const char* line :
         {"GET /api/v1/boats: removed", "GET /api/v1/tasks: operationId changed from listTasksOnce to listTasks",
          "GET /api/v1/clients: parameter colour removed", "parameter sort: value \"height\" removed"})
        CHECK_MESSAGE(got.output.find(line) != std::string::npos, got.output);
}

TEST_CASE("what breaks somebody is not written over; what breaks nobody is")
{
    promised old;
    old.insert("commands/client.create.rows", "\n",
               "  {\"name\": \"nickname\", \"type\": \"text\", \"null\": true},\n");
    std::filesystem::remove(old.folder() / "items/task.rows");
    const auto before = old.text("commands/client.create.rows");
    const auto refused = old.schemas("emit");
    CHECK(refused.end.exit_code == 6);
    CHECK_MESSAGE(refused.output.find("breaks nickname: removed") != std::string::npos, refused.output);
    CHECK(old.text("commands/client.create.rows") == before);
    CHECK_FALSE(std::filesystem::exists(old.folder() / "items/task.rows"));

    std::filesystem::remove(old.folder() / "commands/client.create.rows");
    CHECK(old.schemas("emit").end.exit_code == 0);
    const auto kept = old.schemas("check");
    CHECK_MESSAGE(kept.end.exit_code == 0, kept.output);
}
