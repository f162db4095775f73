// Calls are counted per key by the second, not by the call: a server that dies loses a second's at most.
#include "schemas/uuid.hpp"
#include "tests/kit/eventually.hpp"
#include "tests/kit/scenario/caller.hpp"
#include "tests/kit/scenario/members.hpp"
#include "tests/kit/scenario/node.hpp"
#include "tests/kit/scenario/site.hpp"

#include <doctest/doctest.h>

#include <csignal>

namespace
{
constexpr long kept = 20;  // calls of a busy key that were made long enough before the crash
constexpr long last = 30;  // and at once before it
constexpr long quiet = 3;  // of another key
constexpr int crashes = 3;
constexpr kit::milliseconds flushed_within{4'000};  // each second, and a busy machine

struct given_two_keys
{
    given_two_keys()
    {
        server.start();
        scenario::caller owner{server.port(), acme.api_key};
        for (key* each : {&busy, &calm})
        {
            const auto made = owner.expect(
                201, {.method = "POST", .target = "/api/v1/api-keys", .body = R"({"name": "K", "scopes": ["read"]})"});
            each->id = scenario::text_member(made.body, "id");
            each->secret = scenario::text_member(made.body, "secret");
        }
    }

    struct key
    {
        std::string id, secret;
    };

    void call(const key& by, long times)
    {
        scenario::caller line{server.port(), by.secret};
        for (long i = 0; i < times; ++i)
            line.expect(200, {.target = "/api/v1/clients"});
    }

    long counted(const key& of) const
    {
        return at.count("select sum(calls) from read.api_key_use where key_id = '" +
                        schema::type_id<"key">::parse(of.id)->value.text() + "'");
    }

    // As its organisation is told.
    long shown(const key& of)
    {
        scenario::caller owner{server.port(), acme.api_key};
        const auto said = owner.expect(200, {.target = "/api/v1/api-keys/" + of.id + "/usage"});
        return scenario::integer_member(said.body, "calls_this_month");
    }

    void die()
    {
        server.kill();
        const auto ended = server.wait(kit::milliseconds{10'000});
        REQUIRE(ended.has_value());
        REQUIRE(ended->signal == SIGKILL);
    }

    scenario::site at;
    scenario::organisation acme = at.found("acme");
    scenario::node server{{.data = at.data_directory("server"), .dsn = at.dsn()}};
    key busy, calm;
};
}  // namespace

TEST_CASE_FIXTURE(given_two_keys, "a crash loses a second's calls of a key at most, and none is counted twice")
{
    long lost = 0;
    for (int crash = 1; crash <= crashes; ++crash)
    {
        const long before = counted(busy);
        call(busy, kept);
        call(calm, quiet);
        const long in_time = before + kept;
        CHECK(kit::eventually([&] { return counted(busy) >= in_time && counted(calm) >= crash * quiet; },
                              flushed_within));
        CHECK(counted(busy) == in_time);
        call(busy, last);
        die();
        CHECK(counted(busy) >= in_time);
        CHECK(counted(busy) <= in_time + last);
        CHECK(counted(calm) == crash * quiet);
        lost += in_time + last - counted(busy);
        server.start();
    }
    MESSAGE(lost << " of " << crashes * (kept + last) << " calls were lost by " << crashes << " crashes");
    CHECK(shown(busy) == counted(busy));
    CHECK(shown(calm) == crashes * quiet);
    CHECK(server.stop() == kit::ending{0, 0});
    CHECK(at.count("select sum(value) from read.usage_counter where metric = 'api_calls'") ==
          at.count("select sum(calls) from read.api_key_use"));
}
