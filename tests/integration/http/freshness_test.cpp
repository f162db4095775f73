// Reads beside projections that stand still: they wait as long as they were told, and then say so.
#include "http/server/position_token.hpp"
#include "tests/integration/http/stage.hpp"

#include <doctest/doctest.h>

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
