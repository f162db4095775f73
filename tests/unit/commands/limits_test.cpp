// The table of plans, and what a refused claim or quota is told as.
#include "commands/limits.hpp"

#include <doctest/doctest.h>

#include <string_view>

namespace
{
event_log::verdict refused(event_log::verdict_kind kind, std::string_view scope, std::int64_t limit = 0,
                           std::int64_t used = 0)
{
    event_log::verdict made;
    made.kind = kind;
    made.scope = scope;
    made.limit = limit;
    made.used = used;
    return made;
}
}  // namespace

TEST_CASE("plans limit what the contract says they do")
{
    using org::plan;
    struct row
    {
        std::string_view metric;
        std::int64_t starter;
        std::int64_t professional;
    };
    for (const row& each : {row{"members", 5, 50}, row{"clients", 10, 1'000}, row{"projects", 5, 200},
                            row{"tasks", 200, 50'000}, row{"comments", 500, 200'000}})
    {
        CAPTURE(each.metric);
        CHECK(limits::of(plan::starter, each.metric) == each.starter);
        CHECK(limits::of(plan::professional, each.metric) == each.professional);
        CHECK(limits::of(plan::business, each.metric) == std::nullopt);
    }
    CHECK(limits::metrics().size() == 5);
    CHECK(limits::of(plan::starter, "owners") == std::nullopt);
}

TEST_CASE("over the plan's limit is told with the metric, the limit and what is used")
{
    const auto told = limits::refused_by(refused(event_log::verdict_kind::quota_over, "tasks", 200, 200));
    CHECK(told.kind == lanes::refusal_kind::limit);
    CHECK(told.code == "plan_limit_reached");
    CHECK(told.metric == "tasks");
    CHECK(told.limit == 200);
    CHECK(told.used == 200);
}

TEST_CASE("the last owner stays, by a code of its own")
{
    const auto told = limits::refused_by(refused(event_log::verdict_kind::quota_under, "owners", 1, 1));
    CHECK(told.kind == lanes::refusal_kind::conflict);
    CHECK(told.code == "member.last_owner");
}

TEST_CASE("a taken value is told at the member that holds it")
{
    for (const auto& [scope, pointer] : {std::pair{"org.slug", "#/slug"}, std::pair{"member.email", "#/email"}})
    {
        const auto told = limits::refused_by(refused(event_log::verdict_kind::claim_taken, scope));
        CHECK(told.kind == lanes::refusal_kind::conflict);
        CHECK(told.code == "already_exists");
        REQUIRE(told.faults.size() == 1);
        CHECK(told.faults[0].where == pointer);
    }
}
