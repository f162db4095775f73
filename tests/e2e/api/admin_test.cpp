// Operators over HTTP: the admin listener answers with what the command line prints, to an operator's key alone.
#include "tests/e2e/cli/session.hpp"
#include "tests/kit/eventually.hpp"
#include "tests/kit/scenario/node.hpp"
#include "tests/kit/scenario/site.hpp"
#include "tests/kit/wire.hpp"

#include <doctest/doctest.h>

namespace
{
struct given_operators
{
    given_operators() { server.start(); }

    std::string key_with(const std::string& scopes)
    {
        return cli_session::member(run({"key", "create", "--ops", "--scopes", scopes, "--name", "A test"}), "api_key");
    }

    std::string run(std::vector<std::string> words)
    {
        for (const auto& each : {std::string{"--data"}, at.data_directory("operator").string(), std::string{"--dsn"},
                                 at.db.dsn("postgres"), std::string{"--json"}})
            words.push_back(each);
        const auto ended = cli_session::clientflow(std::move(words), kit::milliseconds{60'000});
        REQUIRE_MESSAGE(ended.end.exit_code == 0, ended.errors);
        return ended.output;
    }

    kit::reply ask(const std::string& method, const std::string& path, const std::string& key,
                   const std::string& body = {})
    {
        kit::wire line{server.admin_port()};
        kit::header_list headers;
        if (!key.empty())
            headers.emplace_back("X-API-Key", key);
        if (!body.empty())
            headers.emplace_back("Content-Type", "application/json");
        return line.exchange(method, "/api/admin/" + path, headers, body);
    }

    // As the projector leaves it.
    void stop_a_task()
    {
        at.ask("insert into read.parked (projection, version, lane, tenant_id, key, from_seq, cause, kind)"
               " select 'task', 1, lane, tenant_id, '01912345-6789-7abc-8def-0123456789ab', 1, 'a member is missing',"
               " 'cannot_decode' from es.tenant where tenant_id in (select tenant_id from es.event where type ="
               " 'org.created') limit 1");
    }

    scenario::site at;
    scenario::organisation acme = at.found("acme");
    scenario::node server{{.data = at.data_directory("server"), .dsn = at.dsn()}};
    const std::string reading = key_with("ops:read"), replaying = key_with("ops:replay"),
                      writing = key_with("ops:write");
};
}  // namespace

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
    CHECK(wrong.header("Allow") == "GET, HEAD");
    CHECK(ask("GET", "lanes/status?lane=1", reading).status == 400);
    kit::wire line{server.port()};
    CHECK(line.exchange("GET", "/api/admin/lanes/status", {{"X-API-Key", reading}}).status == 404);
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
    CHECK(ask("GET", "parked/list?projection=dreams", reading).status == 422);
    const auto key = cli_session::member(listed.body, "key");
    CHECK(ask("GET", "parked/show?key=" + key, reading).body == strip(run({"parked", "show", key})));
    CHECK(ask("GET", "parked/show?key=task_00000000000000000000000001", reading).status == 404);
}

TEST_CASE_FIXTURE(given_operators, "stopped keys are ended over HTTP: replayed, or discarded for a reason")
{
    stop_a_task();
    CHECK(ask("POST", "parked/replay", replaying, "{}").status == 422);
    CHECK(ask("POST", "parked/replay", replaying, R"({"everything": true})").status == 422);
    CHECK(ask("POST", "parked/replay", replaying, R"({"all": )").status == 400);
    CHECK(ask("POST", "parked/replay", replaying, R"({"all": true, "dry_run": true})").status == 200);
    CHECK(at.count("select count(*) from read.parked") == 1);
    CHECK(ask("POST", "parked/discard", writing, R"({"all": true})").status == 422);
    CHECK(ask("POST", "parked/discard", writing, R"({"all": true, "reason": "A test made it"})").status == 200);
    CHECK(at.count("select count(*) from read.parked where reason = 'A test made it'") == 1);
    const auto key = cli_session::member(ask("GET", "parked/list", reading).body, "key");
    const auto done = ask("POST", "parked/replay", replaying, R"({"key": ")" + key + R"("})");
    CHECK(done.status == 200);
    CHECK(cli_session::member(done.body, "outcome") == "freed");
    CHECK(at.count("select count(*) from read.parked") == 0);
}
