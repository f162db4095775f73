// Reads beside projections that stand still: they wait as long as they were told, and then say so.
#include "http/server/position_token.hpp"
#include "schemas/uuid.hpp"
#include "tests/integration/http/stage.hpp"
#include "tests/kit/eventually.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <fstream>
#include <future>
#include <mutex>
#include <string>
#include <vector>

using http_tests::ask;
using http_tests::value_of;

TEST_CASE("a read that cannot be as new as asked answers stale, or 503 when it is to be strict")
{
    http_tests::stage_options options;
    options.projections = false;
    http_tests::stage stage{options};
    const auto of = stage.new_tenant("frozen");
    const auto created = ask(stage, of.key, "POST", "/api/v1/clients", R"({"name": "Ann"})");
    REQUIRE(created.status == 201);

    const auto stale = ask(stage, of.key, "GET", "/api/v1/clients", "", {{"Prefer", "wait=0"}});
    CHECK(stale.status == 200);
    CHECK(stale.header("Clientflow-Stale") == "true");
    const auto strict = ask(stage, of.key, "GET", "/api/v1/clients", "", {{"Prefer", "wait=1, handling=strict"}});
    CHECK(strict.status == 503);
    CHECK(value_of(strict.body, "code") == "not_yet");
    CHECK(strict.header("Retry-After").has_value());

    const auto foreign = http::write_position({"9.9", {0, 1'000'000}});
    const auto reset = ask(stage, of.key, "GET", "/api/v1/clients", "",
                           {{"Clientflow-Position", foreign}, {"Prefer", "wait=10, handling=strict"}});
    CHECK(reset.status == 200);
    CHECK(reset.header("Clientflow-Stale") == "true");
}

TEST_CASE("rows that are older than the read models were told to be are read again until they are as new as asked")
{
    http_tests::stage stage;
    const auto of = stage.new_tenant("swapped");
    const auto id = value_of(ask(stage, of.key, "POST", "/api/v1/clients", R"({"name": "Ann"})").body, "id");
    const std::string strict_for = "handling=strict, wait=";
    REQUIRE(ask(stage, of.key, "GET", "/api/v1/clients/" + id, "", {{"Prefer", strict_for + "10"}}).status == 200);

    // As while another version is shown that this server does not feed yet.
    const auto moved = [&](const std::string& by) {
        stage.db.run("update read.checkpoint c set seq = seq" + by +
                     " where projection = 'client' and step = (select max(step) from read.checkpoint d where"
                     " d.projection = c.projection and d.version = c.version and d.lane = c.lane)");
    };
    moved(" - 1");
    for (const std::string& target : {"/api/v1/clients/" + id, std::string{"/api/v1/clients"}})
    {
        const auto strict = ask(stage, of.key, "GET", target, "", {{"Prefer", strict_for + "0"}});
        CHECK(strict.status == 503);
        CHECK(value_of(strict.body, "code") == "not_yet");
        CHECK_FALSE(strict.header("ETag").has_value());
        const auto stale = ask(stage, of.key, "GET", target, "", {{"Prefer", "wait=1"}});
        CHECK(stale.status == 200);
        CHECK(stale.header("Clientflow-Stale") == "true");
    }
    auto waiting = std::async(std::launch::async, [&] {
        return ask(stage, of.key, "GET", "/api/v1/clients/" + id, "", {{"Prefer", strict_for + "10"}});
    });
    CHECK(waiting.wait_for(std::chrono::milliseconds{200}) == std::future_status::timeout);
    moved(" + 1");
    const auto seen = waiting.get();
    CHECK(seen.status == 200);
    CHECK_FALSE(seen.header("Clientflow-Stale").has_value());
}

TEST_CASE("a server just started knows not what a key wrote before, so its reads are as new as the log was then")
{
    http_tests::stage_options options;
    options.projections = false;
    http_tests::stage stage{options};
    const auto of = stage.new_tenant("restarted");
    const auto reading = stage.new_key(of, {api_key::scope::read});
    const auto created = ask(stage, of.key, "POST", "/api/v1/clients", R"({"name": "Ann"})");
    REQUIRE(created.status == 201);

    stage.service->stop();
    stage.service.reset();
    stage.make_service(options);
    const auto path = "/api/v1/clients/" + value_of(created.body, "id");
    const auto strict = ask(stage, of.key, "GET", path, "", {{"Prefer", "wait=0, handling=strict"}});
    CHECK(strict.status == 503);
    const auto absent = ask(stage, of.key, "GET", path, "", {{"Prefer", "wait=0"}});
    CHECK(absent.status == 404);
    CHECK(absent.header("Clientflow-Stale") == "true");
    // Whoever writes nothing waits for nothing.
    CHECK(ask(stage, reading, "GET", "/api/v1/clients", "", {{"Prefer", "wait=0, handling=strict"}}).status == 200);

    stage.make_runner();
    CHECK(ask(stage, of.key, "GET", path, "", {{"Prefer", "wait=10, handling=strict"}}).status == 200);
}

TEST_CASE("a key's own writes of another history hold up no read")
{
    std::mutex changing;
    std::string history = "1.1";
    http_tests::stage_options options;
    options.projections = false;
    options.incarnation = [&] {
        const std::lock_guard lock{changing};
        return history;
    };
    http_tests::stage stage{options};
    const auto of = stage.new_tenant("failed-over");
    const auto strict = [&] {
        return ask(stage, of.key, "GET", "/api/v1/clients", "", {{"Prefer", "wait=0, handling=strict"}}).status;
    };
    REQUIRE(ask(stage, of.key, "POST", "/api/v1/clients", R"({"name": "Ann"})").status == 201);
    CHECK(strict() == 503);
    {
        const std::lock_guard lock{changing};
        history = "2.1";  // as after a failover to a copy that is behind
    }
    CHECK(strict() == 200);
    REQUIRE(ask(stage, of.key, "POST", "/api/v1/clients", R"({"name": "Bob"})").status == 201);
    CHECK(strict() == 503);
}

TEST_CASE("reads of a tenant with a stopped key say that they are stale, those of others do not")
{
    http_tests::stage stage;
    const auto of = stage.new_tenant("stopped"), other = stage.new_tenant("going-on");
    const auto shows = [&](const http_tests::tenant& who, const char* path) {
        return ask(stage, who.key, "GET", path, "", {{"Prefer", "handling=strict"}});
    };
    for (const auto& who : {of, other})
        REQUIRE(ask(stage, who.key, "POST", "/api/v1/clients", R"({"name": "Ann"})").status == 201);
    REQUIRE(shows(of, "/api/v1/clients").status == 200);
    stage.db.run("insert into read.parked (projection, version, lane, tenant_id, key, from_seq, cause)"
                 " select 'client', 2, t.lane, t.tenant_id, gen_random_uuid(), 1, 'a test' from es.tenant t"
                 " where t.tenant_id = '" +
                 of.id.text() + "'");

    for (const char* path : {"/api/v1/clients", "/api/v1/dashboard"})
    {
        const auto got = shows(of, path);
        CHECK(got.status == 200);
        CHECK(got.header("Clientflow-Stale") == "true");
        CHECK(got.header("Clientflow-Position").has_value());
        CHECK_FALSE(shows(other, path).header("Clientflow-Stale").has_value());
    }
    const auto absent = shows(of, "/api/v1/clients/client_01hz3v5k8qe2r9w7x4n6m1t0ab");
    CHECK(absent.status == 404);
    CHECK(absent.header("Clientflow-Stale") == "true");
    CHECK_FALSE(shows(of, "/api/v1/projects").header("Clientflow-Stale").has_value());
    stage.db.run("delete from read.parked");
    CHECK_FALSE(shows(of, "/api/v1/clients").header("Clientflow-Stale").has_value());
}

TEST_CASE("clients that reset while their reads wait leave neither a waiter nor a connection behind")
{
    http_tests::stage_options options;
    options.projections = false;
    // Answers wait for the client while the read behind them is under way.
    options.adjust = [](http::service_config& config) { config.api.answers_gathered_max = 256 * 1024 * 1024; };
    http_tests::stage stage{options};
    const auto of = stage.new_tenant("resetting");
    REQUIRE(ask(stage, of.key, "POST", "/api/v1/clients", R"({"name": "Ann"})").status == 201);
    const auto head = " HTTP/1.1\r\nHost: x\r\nX-API-Key: " + of.key + "\r\nPrefer: wait=1\r\n\r\n";
    std::string many;
    for (int i = 0; i < 80; ++i)
        many += "GET /api/openapi.json" + head;
    for (int round = 0; round < 10; ++round)
    {
        auto wire = stage.connect();
        wire.send(many + "GET /api/v1/dashboard" + head);
        if (round % 2 == 0)
            CHECK(kit::eventually([&] { return !stage.positions.awaited().empty(); }));
        wire.reset();
    }
    CHECK(kit::eventually([&] { return stage.positions.awaited().empty(); }));
    CHECK(kit::eventually([&] {
        kit::wire admin{stage.service->admin_port()};
        return admin.exchange("GET", "/metrics").body.find("\nclientflow_http_connections 0\n") != std::string::npos;
    }));
    CHECK(ask(stage, of.key, "GET", "/api/v1/dashboard", "", {{"Prefer", "wait=0"}}).status == 200);
}

namespace
{
// Of the test's own process, in which the server is.
int threads()
{
    std::ifstream status{"/proc/self/status"};
    for (std::string line; std::getline(status, line);)
        if (line.starts_with("Threads:"))
            return std::stoi(line.substr(8));
    return 0;
}
}  // namespace

TEST_CASE("two hundred reads that wait cost no thread and no connection, and hold nobody up")
{
    constexpr int readers = 200;
    http_tests::stage_options options;
    options.projections = false;
    // One thread for all of them, and time enough for a busy machine.
    options.adjust = [](http::service_config& config) {
        config.query_threads = 1;
        config.query_waiting_time_max = config.wait_max = std::chrono::seconds{60};
    };
    http_tests::stage stage{options};
    const auto of = stage.new_tenant("patient");
    const auto writes = of.key, looks_on = stage.new_key(of, {api_key::scope::read});
    const auto created = ask(stage, writes, "POST", "/api/v1/clients", R"({"name": "Ann"})");
    REQUIRE(created.status == 201);
    const auto path = "/api/v1/clients/" + value_of(created.body, "id");
    const auto looks = [&] { return ask(stage, looks_on, "GET", path, "", {{"Prefer", "wait=60"}}); };
    const auto calls = [&] {
        return std::stoi(stage.db.run("select coalesce(sum(calls), 0) from read.api_key_use where key_id = '" +
                                      schema::type_id<"key">::parse(of.key_id)->value.text() + "'"));
    };
    const auto sessions = [&] {
        return std::stoi(stage.db.run("select count(*) from pg_stat_activity where datname = current_database()"
                                      " and pid <> pg_backend_pid() and backend_type = 'client backend'"));
    };
    // Everybody who keeps a connection has made it.
    REQUIRE(looks().status == 404);
    REQUIRE(kit::eventually([&] { return calls() == 1; }));
    const auto threads_before = threads(), sessions_before = sessions();

    std::vector<kit::wire> waiting;
    for (int i = 0; i < readers; ++i)
        waiting.emplace_back(stage.port(), "127.0.0.1", kit::milliseconds{60'000})
            .request("GET", path, {{"X-API-Key", writes}, {"Prefer", "wait=60, handling=strict"}});
    REQUIRE(kit::eventually([&] { return calls() == 1 + readers; }));
    CHECK(looks().status == 404);
    CHECK(stage.positions.awaited().size() == 1);
    CHECK(threads() == threads_before);
    CHECK(sessions() == sessions_before);

    stage.make_runner();
    for (auto& each : waiting)
        CHECK(each.read().status == 200);
}

namespace
{
// Two organisations in two lanes whose rows stand still, each with a key that has written nothing.
struct given_two_organisations
{
    given_two_organisations()
    {
        write_a = write(a, {});
        REQUIRE(http::read_position(write_a)->at.lane != http::read_position(write(b, {}))->at.lane);
    }

    static http_tests::stage_options standing_still()
    {
        http_tests::stage_options options;
        options.projections = false;
        return options;
    }
    // What the answer to a write says, which was handed what was said before.
    std::string write(const http_tests::tenant& by, const std::string& told) const
    {
        const kit::header_list told_before{{"Clientflow-Position", told}};
        const auto made = ask(in, by.key, "POST", "/api/v1/clients", R"({"name": "Ann"})",
                              told.empty() ? kit::header_list{} : told_before);
        REQUIRE(made.status == 201);
        return *made.header("Clientflow-Position");
    }
    kit::reply read(const std::string& key, const std::vector<std::string>& told, const char* prefer) const
    {
        kit::header_list more{{"Prefer", prefer}};
        for (const auto& each : told)
            more.emplace_back("Clientflow-Position", each);
        return ask(in, key, "GET", "/api/v1/clients", "", more);
    }
    // 503 when it was to be as new as something.
    int strict(const std::string& key, const std::vector<std::string>& told) const
    {
        return read(key, told, "wait=0, handling=strict").status;
    }

    http_tests::stage in{standing_still()};
    http_tests::tenant a = in.new_tenant("one-lane"), b = in.new_tenant("other-lane");
    std::string reads_a = in.new_key(a, {api_key::scope::read}), reads_b = in.new_key(b, {api_key::scope::read});
    std::string write_a;
};
}  // namespace

TEST_CASE_FIXTURE(given_two_organisations,
                  "whoever hands back the last position reads its writes in every organisation")
{
    CHECK(strict(reads_a, {}) == 200);
    CHECK(strict(reads_a, {write_a}) == 503);
    CHECK(strict(reads_b, {write_a}) == 200);  // it shows nothing of that lane

    const auto both = write(b, write_a);
    CHECK(both.size() <= 256);
    CHECK(strict(reads_a, {both}) == 503);
    CHECK(strict(reads_b, {both}) == 503);
    CHECK(http::read_position(both)->in(http::read_position(write_a)->at.lane) == http::read_position(write_a)->at);

    // An answer of a read tells on what it was told, too; a refusal as well.
    const auto shown = read(reads_b, {write_a}, "wait=0");
    CHECK(strict(reads_a, {*shown.header("Clientflow-Position")}) == 503);
    const auto refused = ask(in, b.key, "PATCH", "/api/v1/clients/client_01hz3v5k8qe2r9w7x4n6m1t0ab",
                             R"({"name": "B"})", {{"Clientflow-Position", write_a}});
    REQUIRE(refused.status == 404);
    CHECK(strict(reads_a, {*refused.header("Clientflow-Position")}) == 503);
}

TEST_CASE_FIXTURE(given_two_organisations, "positions of writes side by side are handed back together")
{
    const auto write_b = write(b, {});
    for (const auto& told :
         {std::vector{write_a, write_b}, std::vector{write_b, write_a}, std::vector{write_a + ", " + write_b}})
    {
        CHECK(strict(reads_a, told) == 503);
        CHECK(strict(reads_b, told) == 503);
    }
    const auto batch = ask(in, b.key, "POST", "/api/v1/batch",
                           R"({"commands": [{"method": "POST", "path": "/api/v1/clients", "body": {"name": "C"}}]})",
                           {{"Clientflow-Position", write_a}});
    REQUIRE(batch.status == 200);
    CHECK(strict(reads_a, {*batch.header("Clientflow-Position")}) == 503);
    CHECK(strict(reads_b, {*batch.header("Clientflow-Position")}) == 503);
}

TEST_CASE_FIXTURE(given_two_organisations, "a cut or a changed position is refused, also among others")
{
    for (const auto& bad : {write_a.substr(0, write_a.size() - 1), write_a.substr(1), write_a + "A", std::string{"x"}})
        for (const auto& told : {std::vector{bad}, std::vector{write_a, bad}, std::vector{bad + "," + write_a}})
        {
            const auto said = read(reads_a, told, "wait=0");
            CHECK(said.status == 400);
            CHECK(value_of(said.body, "code") == "bad_query");
        }
    CHECK(strict(reads_a, std::vector<std::string>(17, write_a)) == 400);
    CHECK(strict(reads_a, std::vector<std::string>(16, write_a)) == 503);
}

TEST_CASE_FIXTURE(given_two_organisations,
                  "a made-up position makes its own read wait as long as that may, and no more")
{
    const auto lane = http::read_position(write_a)->at.lane;
    const auto made_up = http::write_position({"1.1", {lane, INT64_MAX}});
    const auto said = read(reads_a, {made_up}, "wait=1");
    CHECK(said.status == 200);
    CHECK(said.header("Clientflow-Stale") == "true");
    CHECK(in.positions.awaited().empty());
    CHECK(strict(reads_a, {http::write_position({"1.1", {9'999, INT64_MAX}})}) == 200);  // no lane that it shows
}

TEST_CASE_FIXTURE(given_two_organisations,
                  "a position from before a failover makes an answer stale at once, and goes no further")
{
    const auto lane = http::read_position(write_a)->at.lane;
    for (const auto& before :
         {http::write_position({"0.9", {lane, 1}, {{15, 7}}}),
          http::sign_position({"1.1", {lane, INT64_MAX}, {{15, 7}}}, "the secret of another installation")})
    {
        const auto said = read(reads_a, {before}, "wait=10, handling=strict");
        CHECK(said.status == 200);
        CHECK(said.header("Clientflow-Stale") == "true");
        const auto next = http::read_position(*said.header("Clientflow-Position"));
        REQUIRE(next);
        CHECK(next->incarnation == "1.1");
        CHECK(next->elsewhere.empty());

        // Beside a good one it changes nothing of how new the answer has to be.
        for (const auto& told : {std::vector{before, write_a}, std::vector{write_a + "," + before}})
            CHECK(strict(reads_a, told) == 503);
    }
}

TEST_CASE_FIXTURE(given_two_organisations, "a place that nobody was given is in no answer, to a read or to a write")
{
    const auto lane = http::read_position(write_a)->at.lane;
    const auto forged = http::write_position({"1.1", {lane, INT64_MAX}, {{lane + 1'000, 7}}});
    const auto carried = [](const std::string& text) { return http::read_position(text).value(); };

    const auto from_read = carried(*read(reads_a, {forged}, "wait=0").header("Clientflow-Position"));
    CHECK(from_read.at.lane == lane);
    CHECK(from_read.at.seq < INT64_MAX);
    CHECK(from_read.elsewhere.empty());
    const auto from_write = carried(write(a, forged));
    CHECK(from_write.at.lane == lane);
    CHECK(from_write.at.seq < INT64_MAX);
    CHECK(from_write.elsewhere.empty());
    CHECK(carried(write(b, forged)).in(lane) == std::nullopt);
}

TEST_CASE_FIXTURE(given_two_organisations, "a poll for events begins at its own lane's place in a position of several")
{
    const auto both = write(b, write_a);
    const auto page = ask(in, a.key, "GET", "/api/v1/events?after=" + both);
    CHECK(page.status == 200);
    CHECK(page.body.find("\"data\":[],") != std::string::npos);
    const auto only_b = ask(in, a.key, "GET", "/api/v1/events?after=" + write(b, {}));
    CHECK(value_of(only_b.body, "code") == "bad_cursor");
}
