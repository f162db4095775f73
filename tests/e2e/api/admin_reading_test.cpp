// What operators read over HTTP is what the same command prints; what they send is never taken for a flag.
#include "tests/e2e/api/operators.hpp"

#include <pqxx/pqxx>

namespace
{
struct given_readers : operators_desk::given_operators
{
    kit::reply read(const std::string& path_and_query) { return ask("GET", path_and_query, reading); }

    // Whatever it is held against is asked for in the same moment: what read models show goes on meanwhile.
    void expect_same(const std::string& key, const std::string& path_and_query, const std::vector<std::string>& words)
    {
        CAPTURE(path_and_query);
        kit::reply said;
        std::string printed;
        CHECK_MESSAGE(kit::eventually([&] {
                          said = ask("GET", path_and_query, key);
                          printed = run(words);
                          return said.status == 200 && said.body + '\n' == printed;
                      }),
                      said.body << "\n"
                                << printed);
        CHECK(said.header("Content-Type") == "application/json");
    }

    std::string first_event()
    {
        return cli_session::member(run({"events", "tail", "--org", acme.org_id, "--last", "1"}), "id");
    }

    const std::string auditing = key_with("audit:read");
};

constexpr const char* every_reading[]{"tenant/list", "tenant/show", "key/list",  "events/show", "events/at",
                                      "stream/show", "why",         "audit/log", "doctor"};
}  // namespace

TEST_CASE_FIXTURE(given_readers, "what is read over HTTP is what the command of that name prints")
{
    const auto event = first_event();
    REQUIRE(event.starts_with("evt_"));
    expect_same(reading, "tenant/list", {"tenant", "list"});
    expect_same(reading, "tenant/show?org=" + acme.org_id, {"tenant", "show", acme.org_id});
    expect_same(reading, "tenant/show?org=acme", {"tenant", "show", acme.org_id});
    expect_same(reading, "key/list?org=" + acme.org_id, {"key", "list", "--org", acme.org_id});
    expect_same(reading, "key/list?ops=true", {"key", "list", "--ops"});
    expect_same(reading, "events/show?event=" + event, {"events", "show", event});
    expect_same(reading, "events/at?time=2026-11-21T07:00:00Z", {"events", "at", "2026-11-21T07:00:00Z"});
    expect_same(reading, "stream/show?id=" + acme.member_id, {"stream", "show", acme.member_id});
    expect_same(reading, "stream/show?at=1&id=" + acme.org_id, {"stream", "show", acme.org_id, "--at", "1"});
    expect_same(reading, "why?id=" + acme.org_id, {"why", acme.org_id});
    expect_same(reading, "why?id=" + event, {"why", event});
    expect_same(auditing, "audit/log?org=" + acme.org_id, {"audit", "log", "--org", acme.org_id});
    expect_same(auditing, "audit/log?entity_id=" + acme.member_id + "&last=1&org=" + acme.org_id,
                {"audit", "log", "--org", acme.org_id, "--entity-id", acme.member_id, "--last", "1"});
    const auto newest = ask("GET", "audit/log?last=1&org=" + acme.org_id, auditing).body;
    const auto older = cli_session::member(newest, "next_cursor");
    CHECK(older != "");
    expect_same(auditing, "audit/log?last=1&cursor=" + older + "&org=" + acme.org_id,
                {"audit", "log", "--org", acme.org_id, "--last", "1", "--cursor", older});
    CHECK(ask("HEAD", "why?id=" + acme.org_id, reading).status == 200);
}

TEST_CASE_FIXTURE(given_readers, "what the doctor finds is an answer, whether all is well or not")
{
    const auto said = read("doctor");
    CHECK(said.status == 200);
    CHECK(said.body.starts_with(R"({"checks":[{"name":")"));
    stop_a_task();
    CHECK(read("doctor").body.find("1 keys are parked") != std::string::npos);
}

TEST_CASE_FIXTURE(given_readers, "a value is a value, whatever it looks like")
{
    for (const auto& each :
         std::vector<std::string>{"tenant/show?org=--dsn%3Dx", "key/list?org=--ops", "events/show?event=--help",
                                  "events/at?time=--data%3D/tmp", "stream/show?id=--json", "why?id=--version",
                                  "why?id=-h", "stream/show?at=--json&id=" + acme.org_id})
    {
        CAPTURE(each);
        const auto said = read(each);
        CHECK(said.status == 400);
        CHECK(cli_session::member(said.body, "code") == "bad_query");
    }
    const auto org = "audit/log?org=" + acme.org_id;
    CHECK(ask("GET", org + "&actor=--csv", auditing).status == 400);
    const auto sought = ask("GET", org + "&q=--csv", auditing);  // a text may begin so
    CHECK(sought.status == 200);
    CHECK(sought.body.starts_with(R"({"data":[])"));
}

TEST_CASE_FIXTURE(given_readers, "without an operator's key with the scope nothing is read")
{
    for (const std::string path : every_reading)
    {
        CAPTURE(path);
        CHECK(ask("GET", path, "").status == 401);
        CHECK(ask("GET", path + "?org=" + acme.org_id, "cf_ops_nonsense").status == 401);
        CHECK(ask("GET", path, acme.api_key).status == 403);
        CHECK(ask("GET", path, writing).status == 403);
        const auto posted = ask("POST", path, reading, "{}");
        CHECK(posted.status == 405);
        CHECK(posted.header("Allow") == "GET, HEAD, OPTIONS");
    }
    CHECK(ask("GET", "audit/log?org=" + acme.org_id, reading).status == 403);
    CHECK(ask("GET", "tenant/list", auditing).status == 403);
}

TEST_CASE_FIXTURE(given_readers, "wrong parameters are refused, and what is not there is not found")
{
    const auto refused = [&](const std::string& path, int status, const std::string& parameter) {
        CAPTURE(path);
        const auto said = ask("GET", path, path.starts_with("audit/") ? auditing : reading);
        CHECK_MESSAGE(said.status == status, said.body);
        CHECK(cli_session::member(said.body, "parameter") == parameter);
        return said;
    };
    for (const std::string path : every_reading)
        refused(path + "?dsn=x", 400, "dsn");
    refused("tenant/show", 400, "org");
    refused("events/show", 400, "event");
    refused("events/at", 400, "time");
    refused("stream/show?at=1", 400, "id");
    refused("why", 400, "id");
    refused("why?id=", 400, "id");
    refused("why?id=req_1&id=req_2", 400, "id");
    refused("audit/log", 400, "org");
    refused("key/list?ops=yes", 400, "ops");
    CHECK(cli_session::member(refused("key/list", 400, "org").body, "detail") == "give either org or ops");
    CHECK(cli_session::member(refused("stream/show?at=soon&id=" + acme.org_id, 400, "at").body, "detail") ==
          "at wants a version or a time (RFC 3339)");
    refused("tenant/show?org=%20", 400, "org");
    refused("events/at?time=yesterday", 400, "time");
    refused("audit/log?last=many&org=" + acme.org_id, 400, "last");
    refused("audit/log?from=soon&org=" + acme.org_id, 400, "from");
    refused("audit/log?entity_id=nobody&org=" + acme.org_id, 400, "entity_id");
    refused("tenant/show?org=org_00000000000000000000000001", 404, "");
    refused("events/show?event=evt_00000000000000000000000001", 404, "");
    refused("stream/show?id=task_00000000000000000000000001", 404, "");
    refused("why?id=req_nobody", 404, "");
    refused("audit/log?org=org_01hz3v5k8qe2r9w7x4n6m1t0ab", 404, "");
}

TEST_CASE_FIXTURE(given_readers, "what is read is bounded by time and bytes, and the problem says what to do instead")
{
    server.stop();
    server.config.settings = {"store.admin_dsn=" + at.db.dsn("postgres"), "operators.answer_bytes_max=64"};
    server.start();
    const auto large = read("tenant/list");
    CHECK(large.status == 422);
    CHECK(cli_session::member(large.body, "detail") ==
          "The answer is larger than the 64 bytes of operators.answer_bytes_max: run `clientflow tenant list` on the "
          "command line.");
    server.stop();
    server.config.settings.back() = "operators.reading_time_max_ms=1";
    server.start();
    const auto late = read("why?id=req_nobody");
    CHECK(late.status == 503);
    CHECK(cli_session::member(late.body, "code") == "busy");
    CHECK(cli_session::member(late.body, "detail") ==
          "It took longer than the 1 ms of operators.reading_time_max_ms, and was ended: run `clientflow why` on the "
          "command line.");
    CHECK(late.header("Retry-After").has_value());
}

TEST_CASE_FIXTURE(given_readers, "a server that stops does not wait for what is being read")
{
    server.stop();
    server.config.settings.emplace_back("operators.reading_time_max_ms=600000");
    server.start();
    pqxx::connection held{at.db.dsn("postgres")};
    pqxx::work lock{held};
    lock.exec("lock table es.tenant in access exclusive mode");
    kit::wire line{server.admin_port()};
    line.send("GET /api/admin/tenant/list HTTP/1.1\r\nHost: x\r\nX-API-Key: " + reading + "\r\n\r\n");
    const auto waiting = [&] {
        return at.count("select count(*) from pg_stat_activity where application_name = 'clientflow cli'"
                        " and wait_event_type = 'Lock'") == 1;
    };
    REQUIRE(kit::eventually(waiting));
    const auto ended = server.stop();
    REQUIRE(ended);
    CHECK(ended->exit_code == 0);
    lock.abort();
    CHECK(kit::eventually([&] { return !waiting(); }));
}
