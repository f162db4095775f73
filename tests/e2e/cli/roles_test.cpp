// Processes that do one thing each: what one takes, another shows.
#include "tests/kit/eventually.hpp"
#include "tests/kit/scenario/caller.hpp"
#include "tests/kit/scenario/members.hpp"
#include "tests/kit/scenario/node.hpp"
#include "tests/kit/scenario/site.hpp"

#include <doctest/doctest.h>

namespace
{
struct given_a_process_for_each_role
{
    scenario::site at;
    scenario::organisation acme = at.found("acme");
    scenario::node api{{.data = at.data_directory("api"), .dsn = at.dsn(), .settings = {"roles=api"}}};
    scenario::node projector{
        {.data = at.data_directory("projector"), .dsn = at.dsn(), .settings = {"roles=projector"}}};
    scenario::caller owner{api.port(), acme.api_key};

    // Answers the path of the client and the position it stands at.
    std::pair<std::string, std::string> create()
    {
        const auto made = owner.call({.method = "POST", .target = "/api/v1/clients", .body = R"({"name": "Ada Ltd"})"});
        REQUIRE(made.status() == 201);
        return {"/api/v1/clients/" + scenario::text_member(made.reply.body, "id"), made.position()};
    }
};
}  // namespace

TEST_CASE_FIXTURE(given_a_process_for_each_role, "a process that only answers shows what one that only projects made")
{
    api.start();
    projector.start();
    CHECK_FALSE(scenario::listens(projector.port()));

    const auto [path, position] = create();

    CHECK(owner.get(path, position).status() == 200);
    CHECK(at.count("select count(distinct owner) from es.lane_lease where owner is not null") == 1);
    CHECK(api.stop()->exit_code == 0);
    CHECK(projector.stop()->exit_code == 0);
}

TEST_CASE_FIXTURE(given_a_process_for_each_role, "what was written while nobody projected is shown once somebody does")
{
    api.start();
    const auto [path, position] = create();
    const scenario::request strict{.target = path, .headers = {{"Prefer", "handling=strict, wait=0"}}};
    CHECK(owner.call(strict).status() == 503);

    projector.start();

    CHECK(kit::eventually([&] { return owner.call(strict).status() == 200; }, kit::milliseconds{20'000}));
}
