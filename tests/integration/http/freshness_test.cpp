// Reads beside projections that stand still: they wait as long as they were told, and then say so.
#include "http/server/position_token.hpp"
#include "tests/integration/http/stage.hpp"

#include <doctest/doctest.h>

#include <mutex>
#include <string>

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
                 " select 'client', 1, t.lane, t.tenant_id, gen_random_uuid(), 1, 'a test' from es.tenant t"
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
