// What was derived from the log and altered by hand: found by the auditor, and mended beside a running server.
#include "tests/e2e/cli/session.hpp"
#include "tests/kit/eventually.hpp"
#include "tests/kit/scenario/caller.hpp"
#include "tests/kit/scenario/members.hpp"
#include "tests/kit/scenario/node.hpp"
#include "tests/kit/scenario/site.hpp"

#include <doctest/doctest.h>

#include <filesystem>

namespace
{
struct given_a_server
{
    given_a_server()
    {
        server.start();
        for (int i = 0; i < 5; ++i)
            write();
        REQUIRE(look().end.exit_code == 0);  // nothing can be altered that is not shown yet
    }

    void write()
    {
        const auto client = made("clients", R"({"name": "Ada"})");
        const auto project = made("projects", R"({"name": "Engine", "client_id": ")" + client + R"("})");
        const auto task = made("tasks", R"({"title": "Note G", "project_id": ")" + project + R"("})");
        made("tasks/" + task + "/comments", R"({"body": "Done?"})");
        owner.expect(200, {.method = "POST", .target = "/api/v1/tasks/" + task + "/complete"});
        owner.expect(200, {.method = "DELETE", .target = "/api/v1/clients/" + client});
    }

    std::string made(const std::string& nouns, const std::string& body)
    {
        const auto said = owner.expect(201, {.method = "POST", .target = "/api/v1/" + nouns, .body = body});
        return scenario::text_member(said.body, "id");
    }

    kit::finished run(std::vector<std::string> words)
    {
        for (const auto& each : {std::string{"--data"}, at.data_directory("operator").string(), std::string{"--dsn"},
                                 at.db.dsn("postgres"), std::string{"--json"}})
            words.push_back(each);
        return cli_session::clientflow(std::move(words), kit::milliseconds{120'000});
    }

    kit::finished look() { return run({"audit", "completeness"}); }

    // Found, mended with a reason, and nothing differs any more, also after the server has gone on.
    void check(const std::string& damage, const std::string& what)
    {
        CAPTURE(damage);
        at.ask(damage);
        const auto found = run({"audit", "completeness", "--wait", "1"});
        CHECK(found.end.exit_code == 6);
        CHECK_MESSAGE(found.output.find("\"what\":\"" + what + '"') != std::string::npos, found.output);
        const auto rehearsed = run({"audit", "repair", "--dry-run"});
        CHECK(rehearsed.end.exit_code == 6);
        const auto mended = run({"audit", "repair", "--apply", "--reason", "A test altered it"});
        CHECK_MESSAGE(mended.end.exit_code == 0, (mended.output + mended.errors));
        write();
        const auto after = look();
        CHECK_MESSAGE(after.end.exit_code == 0, (after.output + after.errors));
    }

    scenario::site at;
    scenario::organisation acme = at.found("acme"), bolt = at.found("bolt");
    scenario::node server{{.data = at.data_directory("server"), .dsn = at.dsn()}};
    scenario::caller owner{server.port(), acme.api_key};
};

const std::string newest_of_task = " where projection = 'task' and (lane, step) = (select lane, max(step) from"
                                   " read.checkpoint where projection = 'task' and seq > 5 group by lane limit 1)";
}  // namespace

TEST_CASE_FIXTURE(given_a_server, "what nobody altered is complete, for all tenants and for one")
{
    const auto all = look();
    REQUIRE_MESSAGE(all.end.exit_code == 0, (all.output + all.errors));
    CHECK(all.output.find(R"("complete":true,"differences":0,"first":null)") != std::string::npos);
    CHECK(all.output.find(acme.org_id) != std::string::npos);
    CHECK(all.output.find(bolt.org_id) != std::string::npos);
    const auto one = run({"audit", "completeness", "--tenant", bolt.org_id});
    CHECK(one.end.exit_code == 0);
    CHECK(one.output.find(acme.org_id) == std::string::npos);
    CHECK(run({"audit", "completeness", "--tenant", "org_00000000000000000000000001"}).end.exit_code == 3);
    CHECK(run({"audit", "completeness", "--tenant", "bolt"}).end.exit_code == 2);
    CHECK(run({"audit", "repair"}).end.exit_code == 2);
    CHECK(run({"audit", "repair", "--apply"}).end.exit_code == 2);
    CHECK(run({"audit", "repair", "--apply", "--reason", "Nothing to do"}).end.exit_code == 0);
    CHECK(at.count("select count(*) from read.repair") == 0);
}

TEST_CASE_FIXTURE(given_a_server, "rows, totals and positions that were altered by hand are found and mended")
{
    check("update read.task set title = 'altered'", "row_differs");
    check("delete from read.project", "row_missing");
    check("update read.sum set value = value + 3 where counter = 'task.status'", "total_differs");
    check("update read.checkpoint set seq = seq + 500" + newest_of_task, "position_beyond_log");
    check("update read.checkpoint set event_id = gen_random_uuid()" + newest_of_task, "position_of_other_event");
    CHECK(at.count("select count(distinct at) from read.repair where reason = 'A test altered it'") == 10);
}

TEST_CASE_FIXTURE(given_a_server,
                  "positions that were deleted are given back, and the rows with them, though nobody writes")
{
    at.ask(
        "delete from read.checkpoint where projection in ('project', 'time_entry')");  // of the one there are no rows
    CHECK(run({"audit", "completeness", "--wait", "1"}).end.exit_code == 6);
    const auto mended = run({"audit", "repair", "--apply", "--reason", "A test deleted them"});
    CHECK_MESSAGE(mended.end.exit_code == 0, (mended.output + mended.errors));
    const auto after = look();
    CHECK_MESSAGE(after.end.exit_code == 0, (after.output + after.errors));
    CHECK(at.count("select count(*) from read.project") == 5);
}

TEST_CASE_FIXTURE(given_a_server, "rows of who did what that were altered by hand are found and mended, place by place")
{
    check("delete from read.audit_log where seq % 3 = 0", "row_missing");
    check("update read.audit_log set actor_id = 'somebody' where seq % 3 = 1", "row_differs");
    check("insert into read.audit_log select tenant_id, seq + 9000, version, occurred_at, recorded_at, event_id,"
          " entity_id, lane, entity, action, actor_type from read.audit_log where seq % 5 = 2",
          "row_unexpected");
    CHECK(at.ask("select count(*) from read.audit_log") == at.ask("select count(*) from es.event"));
    CHECK(look().output.find(R"("compared":false)") == std::string::npos);

    at.ask("delete from read.audit_log where seq = 4");
    const auto found = look();
    CHECK(found.output.find(R"("first":{"what":"row_missing","projection":"audit_log")") != std::string::npos);
    CHECK(found.output.find(R"(:4","sequence":4)") != std::string::npos);
    const auto other = run({"audit", "completeness", "--tenant", bolt.org_id});
    CHECK(other.output.find(acme.org_id) == std::string::npos);
}

TEST_CASE_FIXTURE(given_a_server, "what is held against the log is the version that readers are shown")
{
    for (const auto& words : {std::vector<std::string>{"projection", "rebuild", "task", "audit_log"},
                              {"projection", "swap", "task"},
                              {"projection", "swap", "audit_log"},
                              {"projection", "retire", "task", "--version-number", "1", "--reason", "A test"},
                              {"projection", "retire", "audit_log", "--version-number", "1", "--reason", "A test"}})
    {
        const auto ended = run(words);
        REQUIRE_MESSAGE(ended.end.exit_code == 0, ended.errors);
    }
    REQUIRE(look().end.exit_code == 0);
    const auto table = at.ask("select rows_in from read.projection where projection = 'task' and state = 'live'");
    REQUIRE(table != "read.task");
    check("update " + table + " set title = 'altered'", "row_differs");
    const auto log = at.ask("select rows_in from read.projection where projection = 'audit_log' and state = 'live'");
    check("delete from " + log + " where seq % 3 = 0", "row_missing");
}

TEST_CASE_FIXTURE(given_a_server, "claims and quotas that were altered by hand are found and mended")
{
    check("delete from es.claim where scope = 'org.slug'", "claim_missing");
    check("update es.claim set hash = sha256(hash) where scope = 'member.email'", "claim_unexpected");
    check("update es.claim set owner_id = gen_random_uuid() where scope = 'api_key.digest'", "claim_of_other");
    check("delete from es.quota where metric = 'tasks'", "quota_differs");
    check(
        "insert into es.quota select distinct on (tenant_id, metric) tenant_id, metric, n + 1, total + 7 from es.quota"
        " order by tenant_id, metric, n desc",
        "quota_differs");
    // What a claim is for works again: the slug is taken.
    const auto again = run({"tenant", "create", "--slug", "bolt", "--name", "Bolt", "--owner-email", "x@y.example"});
    CHECK(again.end.exit_code == 4);
}

#ifdef CLIENTFLOW_FAULT_POINTS
TEST_CASE_FIXTURE(given_a_server, "a repair of quotas that is killed around its call is done or not done")
{
    at.ask(
        "insert into es.quota select distinct on (tenant_id, metric) tenant_id, metric, n + 1, total + 7 from es.quota"
        " where metric = 'tasks' order by tenant_id, metric, n desc");
    for (const std::string point : {"mend_standing.before", "mend_standing.after"})
    {
        const auto fired = at.room.path() / ("fired-" + point);
        kit::launch child;
        child.program = kit::program("clientflow");
        child.arguments = {"audit",
                           "repair",
                           "--apply",
                           "--reason",
                           "killed",
                           "--data",
                           at.data_directory("operator").string(),
                           "--dsn",
                           at.db.dsn("postgres")};
        child.environment = {{"CLIENTFLOW_FAULT", point + ":kill"}, {"CLIENTFLOW_FAULT_LOG", fired.string()}};
        CHECK(kit::run(child, kit::milliseconds{60'000}).end.exit_code == 137);
        CHECK(std::filesystem::exists(fired));
        CHECK(look().end.exit_code == (point == "mend_standing.before" ? 6 : 0));
    }
}
#endif

TEST_CASE("a serving process audits itself, and tells of what differs in its metrics and its log")
{
    scenario::site at;
    const auto acme = at.found("acme");
    scenario::node server{{.data = at.data_directory("server"),
                           .dsn = at.dsn(),
                           .settings = {"audit.first_after_ms=50", "audit.every_ms=100", "audit.share_percent=50"}}};
    server.start();
    const auto tells = [&](const std::string& text) { return server.metrics().find(text) != std::string::npos; };
    REQUIRE(kit::eventually([&] { return !tells("clientflow_audit_passes_total 0\n"); }));
    CHECK(tells("clientflow_audit_differences 0\n"));
    REQUIRE(kit::eventually([&] { return at.count("select count(*) from read.member") == 1; }));
    at.ask("update read.member set role = 'member'");
    CHECK(kit::eventually([&] { return tells("clientflow_audit_differences 1\n"); }));
    CHECK(kit::eventually([&] { return server.log().find("audit.difference") != std::string::npos; }));
    CHECK(server.log().find("owner@acme.example") == std::string::npos);
    const auto mended =
        cli_session::clientflow({"audit", "repair", "--apply", "--reason", "A test altered it", "--data",
                                 at.data_directory("operator").string(), "--dsn", at.db.dsn("postgres")});
    CHECK_MESSAGE(mended.end.exit_code == 0, (mended.output + mended.errors));
    CHECK(kit::eventually([&] { return tells("clientflow_audit_differences 0\n"); }));
}
