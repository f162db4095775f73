// What the world outside hears: names that stay, and an event as one line that says no more than it may.
#include "events/catalogue.hpp"
#include "events/public_event.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>

namespace
{
using event_log::cloud_event;
using event_log::public_name_of;
using event_log::recorded;

recorded archived_project()
{
    recorded made;
    made.at = {3, 42};
    made.event_id = *schema::uuid::parse("01912345-6789-7abc-8def-0123456789ab");
    made.stream = {*schema::uuid::parse("01912345-6789-7abc-8def-0123456789a1"), "project",
                   *schema::uuid::parse("01912345-6789-7abc-8def-0123456789a2")};
    made.version = 7;
    made.type = "project.archived";
    made.data = R"({"id": "project_01j4hmasw9fayrvvr14d2pf2d2"})";
    made.meta = R"({"actor": {"type": "system", "id": ""}, "occurred_at": "2026-01-02T03:04:05.000006Z"})";
    made.recorded_at = *schema::moment::parse("2026-01-02T03:04:06Z");
    return made;
}

bool says(const std::string& text, std::string_view what) { return text.find(what) != std::string::npos; }
}  // namespace

TEST_CASE("the customer's names mean what they have always meant, for ever")
{
    const std::map<std::string_view, std::string_view> promised{
        {"project.created", "project.created"},  {"project.changed", "project.updated"},
        {"project.archived", "project.deleted"}, {"task.created", "task.created"},
        {"task.changed", "task.updated"},        {"task.completed", "task.completed"},
        {"client.created", "client.created"},    {"client.changed", "client.updated"},
        {"member.added", "team.member_added"},   {"member.removed", "team.member_removed"},
    };
    for (const auto& [fact, name] : promised)
        CHECK(public_name_of(fact) == name);
}

TEST_CASE("every fact is either told outside or one of those that stay inside")
{
    const std::set<std::string_view> inside{"api_key.created", "api_key.changed", "api_key.rate_changed",
                                            "api_key.revoked", "access.refused"};
    for (const auto& noun : event_log::catalogue())
        for (const auto* fact : noun.facts)
        {
            CAPTURE(fact->name);
            CHECK(public_name_of(fact->name).empty() == inside.contains(fact->name));
        }
    for (const auto& each : event_log::public_names())
        CHECK(event_log::fact_named(each.fact) != nullptr);
    CHECK(public_name_of("project.exploded").empty());
}

TEST_CASE("an event is one line of CloudEvents JSON, with its place in the lane and in its stream")
{
    const auto text = cloud_event(archived_project(), "1.1", nullptr);
    CHECK(text.find('\n') == std::string::npos);
    for (const std::string_view part :
         {R"("specversion":"1.0")", R"("type":"project.deleted")", R"("source":"/orgs/org_)",
          R"("time":"2026-01-02T03:04:05.000006Z")", R"("recordedtime":"2026-01-02T03:04:06.000000Z")",
          R"("dataschema":"urn:clientflow:schema:project.archived:1")", R"("lane":3)",
          R"("sequence":"00000000000000000042")", R"("streamversion":7)", R"("incarnation":"1.1")",
          R"("data":{"id":"project_01j4hmasw9fayrvvr14d2pf2d2"})"})
        CHECK_MESSAGE(says(text, part), text);
    CHECK_FALSE(says(text, "traceparent"));
}

TEST_CASE("an old event is told in its newest shape; what this build cannot read is told without its data")
{
    auto old = archived_project();
    old.type = "task.created";
    old.stream.category = "task";
    old.data = R"({"id": "task_01j4hmasw9fayrvvr14d2pf2d2", "project_id": "project_01j4hmasw9fayrvvr14d2pf2d2",)"
               R"( "title": "T", "status": "todo", "priority": "normal", "estimate_hours": 2})";
    const auto lifted = cloud_event(old, "1.1", nullptr);
    CHECK_MESSAGE(says(lifted, R"("estimate_minutes":120)"), lifted);
    CHECK(says(lifted, "task.created:2"));

    auto newer = archived_project();
    newer.schema_version = 99;
    const auto without = cloud_event(newer, "1.1", nullptr);
    CHECK(says(without, R"("data":null)"));
    CHECK(says(without, "project.archived:99"));
    auto damaged = archived_project();
    damaged.data = "{";
    CHECK(says(cloud_event(damaged, "1.1", nullptr), R"("data":null)"));
    damaged.meta = "{";
    CHECK_THROWS_AS(cloud_event(damaged, "1.1", nullptr), std::runtime_error);
}
