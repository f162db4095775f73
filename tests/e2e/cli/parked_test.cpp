// An operator's look at keys that a read model stopped at, and their end.
#include "tests/e2e/cli/session.hpp"

#include <doctest/doctest.h>

using cli_session::member;
using cli_session::store;

namespace
{
// A stopped client and a stopped task of one organisation, as the projector leaves them.
struct given_stopped_keys
{
    given_stopped_keys()
    {
        here.make_tenant("acme");
        for (const std::string of : {"client', 2", "task', 1"})
        {
            here.database().run("insert into read.checkpoint (projection, version, lane, step, seq, generation,"
                                " incarnation) select '" +
                                of +
                                ", lane, 1, 1, 0, '1.1' from es.tenant"
                                " where tenant_id in (select tenant_id from es.event where type = 'org.created')"
                                " order by tenant_id desc limit 1");
            here.database().run("insert into read.parked (projection, version, lane, tenant_id, key, from_seq, cause,"
                                " kind) select '" +
                                of +
                                ", lane, tenant_id, '01912345-6789-7abc-8def-0123456789ab'"
                                "::uuid, 1, 'a member is missing', 'cannot_decode' from es.tenant"
                                " where tenant_id in (select tenant_id from es.event where type = 'org.created')"
                                " order by tenant_id desc limit 1");
        }
    }

    store here;
};
}  // namespace

TEST_CASE_FIXTURE(given_stopped_keys, "stopped keys are listed with why, and one is shown")
{
    const auto listed = here.run({"parked", "list", "--json"});
    REQUIRE_MESSAGE(listed.end.exit_code == 0, listed.errors);
    CHECK(member(listed.output, "kind") == "cannot_decode");
    CHECK(listed.output.find("\"projection\":\"client\"") != std::string::npos);
    const auto key = member(here.run({"parked", "list", "--projection", "task", "--json"}).output, "key");
    REQUIRE(key.starts_with("task_"));
    const auto shown = here.run({"parked", "show", key, "--json"});
    CHECK(shown.end.exit_code == 0);
    CHECK_FALSE(member(shown.output, "parked_at").empty());
    CHECK(here.run({"parked", "show", "task_00000000000000000000000001"}).end.exit_code == 3);
    CHECK(here.run({"parked", "show", ""}).end.exit_code == 2);
    here.database().run("update read.parked set cause = E'red \\x1b[31m'");
    CHECK(here.run({"parked", "list"}).output.find('\x1b') == std::string::npos);
    CHECK(here.run({"parked", "list", "--projection", "dreams"}).end.exit_code == 3);
}

TEST_CASE_FIXTURE(given_stopped_keys, "a replay names one key or all, may be rehearsed, and frees what it can fold")
{
    CHECK(here.run({"parked", "replay"}).end.exit_code == 2);
    const auto rehearsed = here.run({"parked", "replay", "--all", "--dry-run", "--json"});
    CHECK(rehearsed.end.exit_code == 0);
    CHECK(rehearsed.output.starts_with(R"({"dry_run":true,"count":2,"parked":[{"projection":"client")"));
    CHECK(here.database().run("select count(*) from read.parked") == "2");

    const auto key = member(here.run({"parked", "list", "--projection", "task", "--json"}).output, "key");
    const auto replayed = here.run({"parked", "replay", key, "--json"});
    REQUIRE_MESSAGE(replayed.end.exit_code == 0, replayed.errors);
    CHECK(member(replayed.output, "outcome") == "freed");
    CHECK(here.database().run("select count(*) from read.parked where projection = 'task'") == "0");
    CHECK(here.run({"parked", "replay", key}).end.exit_code == 3);
    CHECK(here.run({"parked", "replay", "--all"}).end.exit_code == 0);
    CHECK(here.database().run("select count(*) from read.parked") == "0");
}

TEST_CASE_FIXTURE(given_stopped_keys, "a key is discarded for a reason, and counts as parked no more")
{
    CHECK(here.run({"parked", "discard", "--all"}).end.exit_code == 2);
    for (const std::string& wrong : {std::string{}, std::string{"  "}, std::string(501, 'r'), std::string{"a\x1b[31m"}})
        CHECK(here.run({"parked", "discard", "--all", "--reason", wrong}).end.exit_code == 2);
    const auto rehearsed = here.run({"parked", "discard", "--all", "--dry-run", "--json"});
    REQUIRE_MESSAGE(rehearsed.end.exit_code == 0, rehearsed.errors);
    CHECK(rehearsed.output.starts_with(R"({"dry_run":true,"count":2,"parked":[{"projection":"client")"));
    CHECK(here.run({"parked", "discard", "--all", "--dry-run"}).errors ==
          "2 keys would be done without: their rows stay as they are.\n");
    CHECK(here.database().run("select count(*) from read.parked where discarded_at is null") == "2");
    const auto done = here.run({"parked", "discard", "--all", "--reason", "made by a test", "--json"});
    REQUIRE_MESSAGE(done.end.exit_code == 0, done.errors);
    CHECK(done.output.find("\"discarded\":true") != std::string::npos);
    CHECK(here.database().run("select count(*) from read.parked where reason = 'made by a test'") == "2");
    const auto models = here.run({"projection", "list", "--json"});
    CHECK(models.output.find("\"parked\":1") == std::string::npos);
}
