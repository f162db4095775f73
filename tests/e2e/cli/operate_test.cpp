// An operator's day with a real store: tenants, keys, the log.
#include "tests/e2e/cli/session.hpp"

#include <doctest/doctest.h>

using cli_session::member;
using cli_session::store;

TEST_CASE("a tenant is made once, shown and listed; its slug is taken, and an unknown one is not found")
{
    store here;
    const auto made = here.make_tenant("acme");
    const auto org = member(made, "org_id");
    REQUIRE(org.starts_with("org_"));
    CHECK(member(made, "member_id").starts_with("member_"));
    CHECK(member(made, "key_id").starts_with("key_"));
    CHECK(member(made, "api_key").starts_with("cf_live_"));

    const auto shown = here.run({"tenant", "show", org});
    CHECK(shown.end.exit_code == 0);
    CHECK(member(shown.output, "slug") == "acme");
    CHECK(member(shown.output, "plan") == "business");

    const auto listed = here.run({"tenant", "list", "--json"});
    CHECK(listed.end.exit_code == 0);
    CHECK(listed.output.find(org) != std::string::npos);
    CHECK(member(listed.output, "standing") == "active");
    CHECK(here.run({"tenant", "suspend", org, "--reason", "Unpaid"}).end.exit_code == 0);
    CHECK(here.run({"tenant", "list"}).output.find("  suspended  acme  ") != std::string::npos);
    CHECK(here.run({"tenant", "resume", org}).end.exit_code == 0);
    CHECK(member(here.run({"tenant", "list", "--json"}).output, "standing") == "active");

    const auto again = here.run(
        {"tenant", "create", "--json", "--slug", "acme", "--name", "Other", "--owner-email", "eve@other.example"});
    CHECK(again.end.exit_code == 4);
    CHECK(again.output.empty());
    CHECK(member(again.errors, "code") == "already_exists");
    CHECK(member(again.errors, "detail") == "#/slug: Another organisation has this slug.");

    CHECK(here.run({"tenant", "show", "org_00000000000000000000000001"}).end.exit_code == 3);
    CHECK(here.run({"tenant", "show", "acme"}).output == here.run({"tenant", "show", org}).output);
    CHECK(here.run({"key", "list", "--org", "acme", "--json"}).output ==
          here.run({"key", "list", "--org", org, "--json"}).output);
    CHECK(here.run({"tenant", "show", "nobody"}).end.exit_code == 3);
    CHECK(here.run({"key", "list", "--org", "nobody"}).end.exit_code == 3);
    CHECK(here.run({"tenant", "show", "Acme GmbH"}).end.exit_code == 2);
    CHECK(here.run({"key", "list", "--org", "acme", "--ops"}).end.exit_code == 2);
}

TEST_CASE("one timeline says what happened to a thing, who asked, and which read models show it")
{
    store here;
    const auto org = member(here.make_tenant("acme"), "org_id");
    const auto told = here.run({"why", org, "--json"});
    REQUIRE_MESSAGE(told.end.exit_code == 0, told.errors);
    CHECK(told.output.find("\"type\":\"org.created\"") != std::string::npos);
    CHECK(told.output.find("\"name\":\"org\",\"version\":1,\"state\":\"behind\"") != std::string::npos);
    CHECK(here.run({"stream", "show", org, "--at", "1"}).end.exit_code == 0);
    CHECK(here.run({"stream", "show", org, "--at", "99"}).end.exit_code == 3);
    const auto event = member(told.output.substr(told.output.find("\"event\"")), "id");
    REQUIRE(event.starts_with("evt_"));
    CHECK(here.run({"why", event}).output.find("org.created") != std::string::npos);
    const auto request = member(told.output, "request_id");
    REQUIRE_FALSE(request.empty());
    const auto caused = here.run({"why", request, "--json"});
    CHECK(caused.output.find("member.added") != std::string::npos);

    here.database().run("insert into read.checkpoint (projection, version, lane, step, seq, generation, incarnation)"
                        " select 'org', 1, lane, 1, 1000, 0, '1.1' from es.tenant");
    CHECK(here.run({"why", org, "--json"}).output.find("\"state\":\"shown\"") != std::string::npos);
    here.database().run("insert into read.parked (projection, version, lane, tenant_id, key, from_seq, cause)"
                        " select 'org', 1, lane, tenant_id, tenant_id, 1, 'a test' from es.tenant");
    CHECK(here.run({"why", org, "--json"}).output.find("\"state\":\"parked\"") != std::string::npos);
    CHECK(here.run({"why", "task_00000000000000000000000001"}).end.exit_code == 3);
}

TEST_CASE("a tenant that could not be made names every fault at once")
{
    store here;
    const auto got =
        here.run({"tenant", "create", "--json", "--slug", "Not A Slug", "--name", "", "--owner-email", "x"});
    CHECK(got.end.exit_code == 2);
    CHECK(got.errors.find("slug") != std::string::npos);
    CHECK(got.errors.find("name") != std::string::npos);
    CHECK(got.errors.find("owner_email") != std::string::npos);
}

TEST_CASE("keys are made, listed without their secrets, and revoked")
{
    store here;
    const auto org = member(here.make_tenant("acme"), "org_id");
    const auto made = here.run({"key", "create", "--org", org, "--scopes", "read,write", "--rate", "none"});
    REQUIRE(made.end.exit_code == 0);
    const auto secret = member(made.output, "api_key");
    const auto id = member(made.output, "key_id");
    const auto ops = here.run({"key", "create", "--ops", "--scopes", "ops:read,audit:read"});
    CHECK(member(ops.output, "api_key").starts_with("cf_ops_"));

    const auto listed = here.run({"key", "list", "--org", org, "--json"});
    CHECK(listed.output.find(id) != std::string::npos);
    CHECK(listed.output.find(secret) == std::string::npos);

    const std::vector<std::string> revoke{"key", "revoke", id, "--org", org, "--reason", "Left in a repository"};
    auto rehearsed = revoke;
    rehearsed.push_back("--dry-run");
    CHECK(here.run(rehearsed).output.find("Left in a repository") != std::string::npos);
    CHECK(here.run({"key", "list", "--org", org, "--json"}).output.find("\"revoked\":true") == std::string::npos);
    CHECK(here.run(revoke).end.exit_code == 0);
    CHECK(here.database().run("select data ->> 'reason' from es.event where type = 'api_key.revoked'") ==
          "Left in a repository");
    CHECK(here.run({"key", "list", "--org", org, "--json"}).output.find("\"revoked\":true") != std::string::npos);
    CHECK(here.run({"key", "create", "--org", org, "--scopes", "fly"}).end.exit_code == 2);
}

TEST_CASE("the log is shown event by event and thing by thing, with personal values sealed")
{
    store here;
    const auto made = here.make_tenant("acme");
    const auto tail = here.run({"events", "tail", "--org", member(made, "org_id")});
    REQUIRE(tail.end.exit_code == 0);
    CHECK(tail.output.find("\"type\":\"org.created\"") != std::string::npos);
    CHECK(tail.output.find("\"type\":\"member.added\"") != std::string::npos);
    CHECK(tail.output.find("$sealed") != std::string::npos);
    CHECK(tail.output.find("ada@acme.example") == std::string::npos);

    const auto first = tail.output.substr(0, tail.output.find('\n'));
    const auto shown = here.run({"events", "show", member(first, "id")});
    CHECK(shown.end.exit_code == 0);
    CHECK(shown.output == first + '\n');
    CHECK(here.run({"events", "show", "evt_00000000000000000000000001"}).end.exit_code == 3);

    const auto stream = here.run({"stream", "show", member(made, "member_id"), "--json"});
    CHECK(stream.end.exit_code == 0);
    CHECK(stream.output.find("\"streamversion\":1") != std::string::npos);
    CHECK(here.run({"stream", "show", member(made, "member_id"), "--at", "2000-01-01T00:00:00Z"}).end.exit_code == 3);

    const auto lanes = here.run({"lanes", "status", "--json"});
    CHECK(lanes.output.find("\"head\":3") != std::string::npos);
    CHECK(lanes.output.find("\"projected\":null,\"lag\":null,\"relayed\":null") != std::string::npos);
    CHECK(here.run({"lanes", "status"}).output.find("  projected -  lag -  relayed -  tenants ") != std::string::npos);
    // The live version stands two events behind; one that was live for a program before is fed no more.
    here.database().run("insert into read.projection (projection, version, definition, digest, rows_in, state)"
                        " values ('org', 1, 1, '', 'read.org', 'former'), ('org', 2, 2, '', 'read.org_v2', 'live')");
    here.database().run(
        "insert into read.checkpoint (projection, version, lane, step, seq, generation, incarnation)"
        " select 'org', v, lane, 1, v - 1, 0, '1.1' from es.event, generate_series(1, 2) v where seq = 3");
    CHECK(here.run({"lanes", "status", "--json"}).output.find("\"projected\":1,\"lag\":2,\"relayed\":null") !=
          std::string::npos);
    const auto told = here.run({"lanes", "status"}).output;
    CHECK(told.find("  head 3  projected 1  lag 2  relayed -  tenants 1  projector nobody  term -  ") !=
          std::string::npos);
    CHECK(here.run({"events", "at", "2000-01-01T00:00:00Z"}).output.find("lane 0: 0") != std::string::npos);
    CHECK(here.run({"projection", "list", "--json"}).end.exit_code == 0);
}

TEST_CASE("a schema that was edited is refused by name")
{
    kit::cluster sound;
    store here{sound};
    here.database().run("update es.migration set checksum = 'other' where number = 1");
    const auto edited = here.run({"migrate", "--json"});
    CHECK(edited.end.exit_code == 4);
    CHECK(member(edited.errors, "code") == "schema_refused");
    CHECK(here.run({"doctor"}).output.find("schema") != std::string::npos);
}

TEST_CASE("a new incarnation is announced, and named once it has begun")
{
    store here;
    const auto announced = here.run({"migrate", "--new-incarnation", "--dry-run"});
    CHECK(announced.end.exit_code == 0);
    CHECK(announced.errors == "would begin a new incarnation\n");
    CHECK(here.run({"migrate", "--new-incarnation", "--dry-run", "--json"}).output ==
          "{\"dry_run\":true,\"migrations\":[],\"new_incarnation\":true,\"incarnation\":\"\"}\n");
    const auto before = member(here.run({"migrate", "--json"}).output, "incarnation");
    const auto begun = here.run({"migrate", "--new-incarnation", "--reason", "A restore"});
    CHECK(begun.end.exit_code == 0);
    const auto now = member(here.run({"migrate", "--json"}).output, "incarnation");
    CHECK(now != before);
    CHECK(begun.errors == "began incarnation " + now + "\n");
    const auto again = here.run({"migrate", "--new-incarnation", "--json"}).output;
    CHECK(again.find("\"new_incarnation\":true") != std::string::npos);
    CHECK(member(again, "incarnation") != now);
}

TEST_CASE("a store whose master key is lost is not given another one")
{
    store here;
    here.make_tenant("acme");
    std::filesystem::remove(here.data() / "master.key");
    const auto got = here.run({"migrate", "--json"});
    CHECK(got.end.exit_code == 4);
    CHECK(member(got.errors, "code") == "master_key_missing");
}
