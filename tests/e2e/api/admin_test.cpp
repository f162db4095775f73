// Operators over HTTP: the admin listener answers with what the command line prints, to an operator's key alone.
#include "tests/e2e/api/operators.hpp"

#include <csignal>

using operators_desk::given_operators;

TEST_CASE_FIXTURE(given_operators, "only an operator's key with the scope is answered")
{
    const auto nobody = ask("GET", "lanes/status", "");
    CHECK(nobody.status == 401);
    CHECK(nobody.header("WWW-Authenticate") == "Bearer");
    CHECK(ask("GET", "lanes/status", "cf_ops_nonsense").status == 401);
    CHECK(ask("GET", "lanes/status", acme.api_key).status == 403);
    CHECK(ask("GET", "lanes/status", writing).status == 403);
    CHECK(ask("GET", "lanes/status", reading).status == 200);
    CHECK(ask("POST", "parked/replay", reading, R"({"all": true})").status == 403);
    CHECK(ask("POST", "parked/discard", replaying, R"({"all": true, "reason": "x"})").status == 403);
    CHECK(ask("GET", "dreams/list", reading).status == 404);
    const auto wrong = ask("POST", "lanes/status", reading, "{}");
    CHECK(wrong.status == 405);
    CHECK(wrong.header("Allow") == "GET, HEAD, OPTIONS");
    CHECK(ask("GET", "lanes/status?lane=1", reading).status == 400);
    kit::wire line{server.port()};
    CHECK(line.exchange("GET", "/api/admin/lanes/status", {{"X-API-Key", reading}}).status == 404);
}

TEST_CASE_FIXTURE(given_operators, "operators are told the methods of a path, and nothing is run for it")
{
    const auto of = [&](const std::string& path) { return ask("OPTIONS", path, reading); };
    CHECK(of("lanes/status").status == 204);
    CHECK(of("lanes/status").header("Allow") == "GET, HEAD, OPTIONS");
    CHECK(of("parked/replay").header("Allow") == "POST, OPTIONS");
    CHECK(of("parked/show").status == 204);
    CHECK(of("dreams/list").status == 404);
    CHECK(ask("OPTIONS", "lanes/status", acme.api_key).status == 403);
    kit::wire line{server.admin_port()};
    const auto alive = line.exchange("OPTIONS", "/livez", {});
    CHECK(alive.status == 204);
    CHECK(alive.header("Allow") == "GET, HEAD, OPTIONS");
    CHECK(line.exchange("OPTIONS", "/dreams", {}).status == 405);
}

TEST_CASE_FIXTURE(given_operators, "whoever has no good key hears 401 of every path and method, and nothing else")
{
    const auto made = run({"key", "create", "--ops", "--scopes", "ops:read", "--name", "A test"});
    run({"key", "revoke", cli_session::member(made, "key_id"), "--ops"});
    const auto revoked = cli_session::member(made, "api_key");
    for (const auto& key : {std::string{}, std::string{"cf_ops_nonsense"}, revoked})
        for (const auto& path : {"", "dreams/list", "lanes/status", "lanes/status?lane=1", "projection/rebuild"})
            for (const auto& method : {"GET", "POST", "DELETE", "OPTIONS"})
            {
                CAPTURE(key);
                CAPTURE(path);
                CAPTURE(method);
                const auto said = ask(method, path, key);
                CHECK(said.status == 401);
                CHECK(said.header("WWW-Authenticate") == "Bearer");
                CHECK_FALSE(said.header("Allow").has_value());
            }
    kit::wire line{server.admin_port()};
    CHECK(line.exchange("GET", "/api/admin", {}).status == 401);
    CHECK(ask("GET", "dreams/list", acme.api_key).status == 403);
}

TEST_CASE_FIXTURE(given_operators,
                  "every answer to operators names its request, as it was sent or as it was named here")
{
    const auto named = [&](const kit::reply& said) {
        CHECK(said.header("X-Request-Id").value_or("").starts_with("req_"));
        CHECK(cli_session::member(said.body, "request_id") == said.header("X-Request-Id"));
        CHECK(said.header("Cache-Control") == "no-store");
    };
    named(ask("GET", "lanes/status", ""));
    named(ask("GET", "lanes/status", writing));
    named(ask("GET", "dreams/list", reading));
    named(ask("POST", "lanes/status", reading, "{}"));
    named(ask("GET", "lanes/status?lane=1", reading));
    named(ask("POST", "parked/replay", replaying, "{}"));
    named(ask("POST", "parked/replay", replaying, std::string(300'000, ' ')));
    kit::wire line{server.admin_port()};
    named(line.exchange("GET", "/dreams", {}));
    CHECK(ask("GET", "lanes/status", reading).header("X-Request-Id").value_or("").starts_with("req_"));
    const auto sent = ask("GET", "lanes/status", "", "", {{"X-Request-Id", "ticket-4711"}});
    CHECK(sent.header("X-Request-Id") == "ticket-4711");
    CHECK(cli_session::member(sent.body, "request_id") == "ticket-4711");
}

TEST_CASE_FIXTURE(given_operators, "lanes, projections and stopped keys are told as on the command line")
{
    const auto strip = [](std::string text) { return text.substr(0, text.find_last_not_of('\n') + 1); };
    CHECK(kit::eventually([&] { return ask("GET", "lanes/status", reading).body == strip(run({"lanes", "status"})); }));
    CHECK(kit::eventually([&] {
        return ask("GET", "projection/list", reading).body == strip(run({"projection", "list"}));
    }));
    stop_a_task();
    const auto listed = ask("GET", "parked/list", reading);
    CHECK(listed.status == 200);
    CHECK(listed.header("Content-Type") == "application/json");
    CHECK(listed.body == strip(run({"parked", "list"})));
    CHECK(ask("GET", "parked/list?projection=client", reading).body == R"({"parked":[]})");
    CHECK(ask("GET", "parked/list?projection=dreams", reading).status == 404);
    const auto key = cli_session::member(listed.body, "key");
    CHECK(ask("GET", "parked/show?key=" + key, reading).body == strip(run({"parked", "show", key})));
    CHECK(ask("GET", "parked/show?key=task_00000000000000000000000001", reading).status == 404);
    CHECK(ask("GET", "parked/show?key=" + key + "&key=" + key, reading).status == 400);
    CHECK(ask("GET", "parked/show?key=", reading).status == 400);
    const auto keyless = ask("GET", "parked/show", reading);
    CHECK(keyless.status == 400);
    CHECK(cli_session::member(keyless.body, "code") == "bad_query");
    CHECK(cli_session::member(keyless.body, "parameter") == "key");
}

TEST_CASE_FIXTURE(given_operators, "bodies are read as the API reads them")
{
    const std::string body = R"({"all": true, "dry_run": true})";
    const auto posted = [&](kit::header_list headers) {
        headers.emplace_back("X-API-Key", replaying);
        return kit::wire{server.admin_port()}.exchange("POST", "/api/admin/parked/replay", headers, body);
    };
    CHECK(posted({{"Content-Type", "application/json; charset=utf-8"}, {"Content-Encoding", "identity"}}).status ==
          200);
    for (const kit::header_list& unread :
         std::vector<kit::header_list>{{},
                                       {{"Content-Type", "text/plain"}},
                                       {{"Content-Type", "application/merge-patch+json"}},
                                       {{"Content-Type", "application/json"}, {"Content-Encoding", "gzip"}}})
    {
        const auto refused = posted(unread);
        CHECK_MESSAGE(refused.status == 415, refused.body);
        CHECK(refused.header("Accept") == "application/json");
        CHECK(cli_session::member(refused.body, "code") == "unsupported_media_type");
    }
}

TEST_CASE_FIXTURE(given_operators, "stopped keys are ended over HTTP: replayed, or discarded for a reason")
{
    stop_a_task();
    const auto nothing = ask("POST", "parked/replay", replaying, "{}");
    CHECK(nothing.status == 422);
    CHECK(cli_session::member(nothing.body, "detail") == "name one key, or say all");
    CHECK(ask("POST", "parked/replay", replaying, R"({"everything": true})").status == 422);
    CHECK(ask("POST", "parked/replay", replaying, R"({"all": )").status == 400);
    const auto rehearsed = ask("POST", "parked/replay", replaying, R"({"all": true, "dry_run": true})");
    CHECK(rehearsed.status == 200);
    CHECK(rehearsed.body.starts_with(R"({"dry_run":true,"count":1,"parked":[{"projection":"task")"));
    const auto to_discard = ask("POST", "parked/discard", writing, R"({"all": true, "dry_run": true})");
    CHECK(to_discard.status == 200);
    CHECK(to_discard.body == rehearsed.body);
    CHECK(at.count("select count(*) from read.parked") == 1);
    const auto without_reason = ask("POST", "parked/discard", writing, R"({"all": true})");
    CHECK(without_reason.status == 422);
    CHECK(cli_session::member(without_reason.body, "detail") == "reason wants one line of 1 to 500 characters");
    CHECK(ask("POST", "parked/discard", writing, R"({"all": true, "reason": "A test made it"})").status == 200);
    CHECK(at.count("select count(*) from read.parked where reason = 'A test made it'") == 1);
    const auto key = cli_session::member(ask("GET", "parked/list", reading).body, "key");
    const auto done = ask("POST", "parked/replay", replaying, R"({"key": ")" + key + R"("})");
    CHECK(done.status == 200);
    CHECK(cli_session::member(done.body, "outcome") == "freed");
    CHECK(at.count("select count(*) from read.parked") == 0);
}

TEST_CASE_FIXTURE(given_operators, "versions of a read model are built, compared, shown and thrown away over HTTP")
{
    CHECK(ask("GET", "projection/rebuild", reading).body ==
          R"({"command":"projection/rebuild","state":"none","started_at":null,"ended_at":null,"by":null,"exit":null,)"
          R"("answer":null,"problem":null,"versions":[]})");
    CHECK(ask("POST", "projection/rebuild", reading, R"({"projections": ["task"]})").status == 403);
    CHECK(ask("POST", "projection/rebuild", writing, R"({"projections": ["--all"]})").status == 404);
    CHECK(ask("POST", "projection/rebuild", writing, "{}").status == 422);
    CHECK(ask("POST", "projection/swap", writing, R"({"projection": "task", "force": true})").status == 422);
    CHECK(ask("POST", "projection/rebuild", writing, R"({"all": true, "tenant": "--dsn=x"})").status == 422);
    CHECK(ask("PATCH", "projection/rebuild", writing, "{}").header("Allow") == "POST, GET, HEAD, OPTIONS");
    for (const auto* these : {R"("all": true)", R"("projections": ["task", "audit_log"])"})
    {
        const auto appended = ask("POST", "projection/rebuild", writing,
                                  std::string{"{"} + these + R"(, "tenant": ")" + acme.org_id + "\"}");
        CHECK(appended.status == 422);
        CHECK(cli_session::member(appended.body, "detail")
                  .starts_with("Rows that are appended (audit_log) are not made anew for one tenant. Name in "
                               "projections those that are: "));
    }
    CHECK(ask("GET", "projection/rebuild", reading).body.find(R"("state":"none")") != std::string::npos);
    const auto renewed =
        work("projection/rebuild", R"({"projections": ["task", "client"], "tenant": ")" + acme.org_id + "\"}", writing);
    CHECK_MESSAGE(renewed.find(R"("exit":0)") != std::string::npos, renewed);

    const auto built = work("projection/rebuild", R"({"projections": ["task", "member"]})", writing);
    for (const std::string name : {"task", "member"})  // in `versions`, behind the answer
    {
        const auto rows = R"("rows":)" + at.ask("select count(*) from read." + name) + "}";
        const auto told = built.find(R"("rows":)", built.rfind(R"("name":")" + name + '"'));
        CHECK_MESSAGE(built.compare(told, rows.size(), rows) == 0, built);
    }
    CHECK(at.count("select count(*) from read.member") > 0);
    CHECK_MESSAGE(built.find(R"("exit":0,"answer":{"versions":[{"name":"task","version":2)") != std::string::npos,
                  built);
    CHECK(kit::eventually([&] {  // once the server feeds both
        const auto same = work("projection/compare", R"({"projection": "task"})", reading);
        return same.find(R"("rows_different":0,"totals_different":0,"lanes_apart":[])") != std::string::npos;
    }));
    const auto early =
        work("projection/retire", R"({"projection": "task", "version": 1, "reason": "A test"})", writing);
    CHECK(early.find(R"("exit":4,"answer":null,"problem":{)") != std::string::npos);
    CHECK(early.find(R"("code":"not_now")") != std::string::npos);
    work("projection/rebuild", R"({"projections": ["task"]})", writing);
    work("projection/swap", R"({"projection": "task"})", writing);
    CHECK(at.ask("select version from read.projection where projection = 'task' and state = 'live'") == "3");
    const auto older = work("projection/swap", R"({"projection": "task"})", writing);
    CHECK_MESSAGE(cli_session::member(older, "code") == "older_version", older);
    CHECK(at.ask("select version from read.projection where projection = 'task' and state = 'live'") == "3");
    work("projection/rollback", R"({"projection": "task"})", writing);
    CHECK(at.ask("select version from read.projection where projection = 'task' and state = 'live'") == "1");
    CHECK(ask("POST", "projection/retire", writing, R"({"projection": "task", "version": 2})").status == 422);
    const auto rehearsed =
        work("projection/retire", R"({"projection": "task", "version": 2, "dry_run": true})", writing);
    CHECK_MESSAGE(rehearsed.find(R"("exit":0,"answer":{"name":"task","version":2)") != std::string::npos, rehearsed);
    CHECK(rehearsed.find(R"("dry_run":true,"seen_by_analysts":false})") != std::string::npos);
    CHECK(at.ask("select state from read.projection where projection = 'task' and version = 2") != "retired");
    work("projection/retire", R"({"projection": "task", "version": 2, "reason": "A test"})", writing);
    CHECK(at.ask("select state from read.projection where projection = 'task' and version = 2") == "retired");
    CHECK(at.ask("select reason from read.projection where projection = 'task' and version = 2")
              .starts_with("A test (key_"));
}

TEST_CASE_FIXTURE(given_operators, "what is derived is held against the log and mended over HTTP")
{
    CHECK(ask("POST", "audit/completeness", reading, R"({"wait_seconds": 0})").status == 422);
    CHECK(ask("POST", "audit/repair", writing, "{}").status == 422);
    CHECK(ask("POST", "audit/repair", reading, R"({"reason": "A test"})").status == 403);
    const auto whole = work("audit/completeness", R"({"tenant": ")" + acme.org_id + "\"}", reading);
    CHECK_MESSAGE(whole.find(R"("exit":0,"answer":{"complete":true)") != std::string::npos, whole);
    at.ask("update read.member set name = 'altered'");
    CHECK(work("audit/completeness", "{}", reading).find(R"("exit":6,"answer":{"complete":false)") !=
          std::string::npos);
    CHECK(work("audit/repair", R"({"dry_run": true})", writing).find(R"("exit":6)") != std::string::npos);
    const auto mended = work("audit/repair", R"({"reason": "A test altered it"})", writing);
    CHECK_MESSAGE(mended.find(R"("exit":0,"answer":{"complete":true)") != std::string::npos, mended);
    CHECK(at.count("select count(*) from read.repair where reason like 'A test altered it (key_%'") == 2);
}

namespace
{
// A server under which nobody projects, so that an audit waits for read models as long as it may.
struct given_an_audit_that_waits
{
    explicit given_an_audit_that_waits(std::vector<std::string> settings = {})
    {
        settings.emplace_back("roles=api");
        server.config.settings = std::move(settings);
        server.start();
    }

    kit::reply ask(const std::string& method, const std::string& body = {})
    {
        kit::wire line{server.admin_port()};
        kit::header_list headers{{"X-API-Key", cli_session::member(key, "api_key")}};
        if (!body.empty())
            headers.emplace_back("Content-Type", "application/json");
        return line.exchange(method, "/api/admin/audit/completeness", headers, body);
    }

    std::int64_t sessions()
    {
        return at.count("select count(*) from pg_stat_activity where application_name = 'clientflow audit'");
    }

    scenario::site at;
    scenario::organisation acme = at.found("acme");
    scenario::node server{{.data = at.data_directory("server"), .dsn = at.dsn()}};
    const std::string key =
        scenario::command_line(at, {"key", "create", "--ops", "--scopes", "ops:read", "--name", "A test"});
    static constexpr const char* as_long_as_it_may = R"({"wait_seconds": 600})";
};
}  // namespace

TEST_CASE("work of one kind is begun once at a time, and ends with its server")
{
    given_an_audit_that_waits given;
    CHECK(given.ask("POST", R"({"wait_seconds": 601})").status == 422);
    const auto begun = given.ask("POST", given.as_long_as_it_may);
    REQUIRE(begun.status == 202);
    CHECK(kit::eventually([&] { return given.sessions() == 1; }));
    const auto again = given.ask("POST", "{}");
    CHECK(again.status == 409);
    CHECK(cli_session::member(again.body, "code") == "state_conflict");
    CHECK(cli_session::member(again.body, "state") == "running");
    CHECK(cli_session::member(again.body, "detail") ==
          "It is at work already, begun by " + cli_session::member(given.key, "key_id") + " at " +
              cli_session::member(begun.body, "started_at") + ": GET tells how it stands.");
    CHECK(given.server.stop()->exit_code == 0);
    CHECK(kit::eventually([&] { return given.sessions() == 0; }));
}

TEST_CASE("an audit that takes longer than it may is ended, and says so; the next one can begin")
{
    given_an_audit_that_waits given{{"operators.looking_time_max_ms=2000"}};
    REQUIRE(given.ask("POST", given.as_long_as_it_may).status == 202);
    std::string told;
    CHECK(kit::eventually(
        [&] {
            told = given.ask("GET").body;
            return cli_session::member(told, "state") == "ended";
        },
        kit::milliseconds{60'000}));
    CHECK_MESSAGE(cli_session::member(told, "code") == "time_is_over", told);
    CHECK(told.find("clientflow audit completeness") != std::string::npos);
    CHECK(told.find(R"("exit":0)") == std::string::npos);
    CHECK(kit::eventually([&] { return given.sessions() == 0; }));
    CHECK(given.ask("POST", given.as_long_as_it_may).status == 202);
}

#ifdef CLIENTFLOW_FAULT_POINTS
TEST_CASE_FIXTURE(given_operators, "a rebuild is told of whoever has begun it, also after its server was started again")
{
    const auto state = [&] { return cli_session::member(ask("GET", "projection/rebuild", reading).body, "state"); };
    const auto is_fully_told = [&](const std::string& version) {
        const auto told = ask("GET", "projection/rebuild", reading).body;
        CHECK_MESSAGE(told.find(R"("by":null,"exit":null,"answer":null,"problem":null,"versions":[{)" + version) !=
                          std::string::npos,
                      told);
        CHECK(cli_session::member(told, "started_at").ends_with("Z"));
    };
    work("projection/rebuild", R"({"projections": ["task"]})", writing);
    server.stop();
    server.config.environment = {{"CLIENTFLOW_FAULT", "rebuild.finished:delay=600000"}};
    server.start();
    CHECK(state() == "ended");
    is_fully_told(R"("name":"task","version":2,"definition":1,"state":"beside","started_at":")");

    // Stopped with its server when its rows are there and it has not caught up.
    CHECK(ask("POST", "projection/rebuild", writing, R"({"projections": ["member"]})").status == 202);
    REQUIRE(kit::eventually([&] {
        return at.count(
                   "select count(*) from pg_indexes where schemaname = 'read' and indexname ~ '^member_v.*_pkey'") == 1;
    }));
    server.stop();
    server.config.environment.clear();
    server.start();
    CHECK(kit::eventually([&] { return state() == "interrupted"; }));
    is_fully_told(R"("name":"member","version":)");

    kit::launch how;
    how.program = kit::program("clientflow");
    how.arguments = {"projection", "rebuild",
                     "member",     "--resume",
                     "--data",     at.data_directory("operator").string(),
                     "--dsn",      at.db.dsn("postgres")};
    how.environment = {{"CLIENTFLOW_FAULT", "rebuild.finished:delay=600000"}};
    kit::process elsewhere{how};
    CHECK(kit::eventually([&] { return state() == "running"; }));
    elsewhere.kill(SIGKILL);
    elsewhere.wait();
    CHECK(kit::eventually([&] { return state() == "interrupted"; }));
    const auto resumed = work("projection/rebuild", R"({"projections": ["member"], "resume": true})", writing);
    CHECK_MESSAGE(resumed.find(R"("exit":0)") != std::string::npos, resumed);
    server.stop();
    server.start();
    CHECK(state() == "ended");
}
#endif

TEST_CASE_FIXTURE(given_operators, "an answer that is too large to be kept is a problem that says what to do instead")
{
    server.stop();
    server.config.settings.emplace_back("operators.answer_bytes_max=64");
    server.start();
    const auto told = work("audit/completeness", "{}", reading);
    CHECK_MESSAGE(told.find(R"("exit":0,"answer":null,"problem":{)") != std::string::npos, told);
    CHECK(cli_session::member(told, "code") == "answer_too_large");
    CHECK(cli_session::member(told, "detail") ==
          "the answer is larger than the 64 bytes that are kept here (operators.answer_bytes_max): run "
          "`clientflow audit completeness` on the command line, or ask for one tenant");
}

TEST_CASE_FIXTURE(given_operators, "of a command that says a lot the last is kept, where it says why it failed")
{
    server.stop();
    constexpr std::size_t errors_bytes_max = 32'768;
    server.config.settings.emplace_back("operators.errors_bytes_max=" + std::to_string(errors_bytes_max));
    server.config.environment = {{"LD_DEBUG", "versions"}};  // many lines at the beginning, some at the end
    server.start();

    // What such a command says, heard to its end.
    kit::launch how;
    how.program = kit::program("clientflow");
    how.arguments = {"projection", "retire",
                     "task",       "--version",
                     "1",          "--reason",
                     "x",          "--json",
                     "--data",     at.data_directory("operator").string(),
                     "--dsn",      at.db.dsn("postgres")};
    how.environment = server.config.environment;
    const auto said = kit::run(how, kit::milliseconds{60'000}).errors;
    REQUIRE(said.size() > 2 * errors_bytes_max);
    REQUIRE(said.find(R"("code":"not_now")") > errors_bytes_max);
    REQUIRE(said.find(R"("code":"not_now")") != std::string::npos);

    const auto told = work("projection/retire", R"({"projection": "task", "version": 1, "reason": "x"})", writing);
    CHECK_MESSAGE(cli_session::member(told, "code") == "not_now", told);
}
