// What an operator decides of an organisation on the command line, as its clients see it on a running server.
#include "tests/e2e/cli/session.hpp"
#include "tests/kit/eventually.hpp"
#include "tests/kit/scenario/caller.hpp"
#include "tests/kit/scenario/members.hpp"
#include "tests/kit/scenario/node.hpp"
#include "tests/kit/scenario/site.hpp"

#include <doctest/doctest.h>

using scenario::command_line;

namespace
{
// The contract's second for every node to follow, and slack for a machine that is busy with other things.
constexpr kit::milliseconds soon{5'000};

struct given_a_server
{
    scenario::site at;
    scenario::organisation acme = at.found("acme", "starter");
    scenario::node server{{.data = at.data_directory("server"), .dsn = at.dsn()}};
    const std::chrono::milliseconds started = server.start();
    scenario::caller owner{server.port(), acme.api_key};

    scenario::answer create(const std::string& nouns)
    {
        return owner.call({.method = "POST", .target = "/api/v1/" + nouns, .body = R"({"name": "One more"})"});
    }
};
}  // namespace

TEST_CASE_FIXTURE(given_a_server, "a suspended organisation is read and not written until it is resumed")
{
    const auto client = create("clients");
    REQUIRE(client.status() == 201);
    const auto path = "/api/v1/clients/" + scenario::text_member(client.reply.body, "id");

    const auto rehearsed =
        command_line(at, {"tenant", "suspend", acme.org_id, "--reason", "Unpaid since May", "--dry-run"});
    CHECK(rehearsed.find(R"("count":1)") != std::string::npos);
    CHECK(rehearsed.find("org.suspended") != std::string::npos);
    CHECK(command_line(at, {"tenant", "suspend", acme.org_id, "--dry-run"}).find(R"("count":1)") != std::string::npos);
    CHECK(at.count("select count(*) from es.event where type = 'org.suspended'") == 0);
    CHECK(create("clients").status() == 201);

    const auto suspended = command_line(at, {"tenant", "suspend", acme.org_id, "--reason", "Unpaid since May"});
    CHECK(scenario::text_member(suspended, "suspended_at") != "");
    const auto refused = create("clients");
    CHECK(refused.status() == 403);
    CHECK(scenario::text_member(refused.reply.body, "code") == "org.suspended");
    CHECK(owner.get(path).status() == 200);
    CHECK(owner.get("/api/v1/clients").status() == 200);
    CHECK(command_line(at, {"tenant", "suspend", acme.org_id, "--reason", "Again"}) == suspended);
    CHECK(at.ask("select string_agg((data ->> 'reason') || ' by ' || (meta -> 'actor' ->> 'type'), ', ')"
                 " from es.event where type = 'org.suspended'") == "Unpaid since May by operator");

    command_line(at, {"tenant", "resume", acme.org_id});
    CHECK(kit::eventually([&] { return create("clients").status() == 201; }, soon));
}

TEST_CASE_FIXTURE(given_a_server, "a raised plan lifts the limit that a running server refused at")
{
    for (int i = 0; i < 5; ++i)
        REQUIRE(create("projects").status() == 201);
    REQUIRE(create("projects").status() == 402);

    const auto raised = command_line(at, {"tenant", "plan", acme.org_id, "--plan", "professional"});

    CHECK(scenario::text_member(raised, "plan") == "professional");
    CHECK(kit::eventually([&] { return create("projects").status() == 201; }, soon));
    CHECK(at.ask("select meta -> 'actor' ->> 'type' from es.event where type = 'org.plan_changed'") == "operator");
}

TEST_CASE_FIXTURE(given_a_server, "a running server limits a key at the rate that an operator gave it")
{
    REQUIRE(owner.get("/api/v1/me").status() == 200);

    command_line(at, {"key", "rate", acme.key_id, "--rate", "1"});
    CHECK(kit::eventually([&] { return owner.get("/api/v1/me").status() == 429; }, soon));

    command_line(at, {"key", "rate", acme.key_id, "--rate", "none"});
    CHECK(kit::eventually([&] { return owner.get("/api/v1/me").status() == 200; }, soon));
}

TEST_CASE("what cannot be decided of an organisation or a key is told apart by exit status")
{
    cli_session::store here;
    const auto made = here.make_tenant("acme");
    const auto org = cli_session::member(made, "org_id");
    const auto key = cli_session::member(made, "key_id");
    const std::string nobody = "org_00000000000000000000000001";
    const auto exit_of = [&](const std::vector<std::string>& words) { return here.run(words).end.exit_code; };

    CHECK(exit_of({"tenant", "plan", org, "--plan", "golden"}) == 2);
    CHECK(exit_of({"tenant", "plan", "acme", "--plan", "starter"}) == 2);
    CHECK(exit_of({"tenant", "plan", nobody, "--plan", "starter"}) == 3);
    CHECK(exit_of({"tenant", "suspend", org}) == 2);
    CHECK(exit_of({"tenant", "suspend", org, "--reason", std::string(501, 'x')}) == 2);
    CHECK(exit_of({"tenant", "suspend", nobody, "--reason", "x", "--dry-run"}) == 3);
    CHECK(exit_of({"tenant", "resume", nobody}) == 3);
    CHECK(exit_of({"key", "rate", key, "--rate", "fast"}) == 2);
    CHECK(exit_of({"key", "rate", "key_00000000000000000000000001", "--rate", "5"}) == 3);
    CHECK(here.run({"key", "rate", key, "--rate", "5"}).output.find("\"requests_per_minute\":5") != std::string::npos);
}
