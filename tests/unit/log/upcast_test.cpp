// Every way from an old shape to the next, against the files that hold both. A new way adds its files beside these.
#include "events/catalogue.hpp"
#include "events/log/upcast.hpp"
#include "events/project.hpp"
#include "schemas/record.hpp"
#include "tests/kit/paths.hpp"

#include <doctest/doctest.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <sstream>

using namespace event_log;

namespace
{
std::string golden(const upcaster& way, std::int32_t version)
{
    const auto file = kit::source_root() / "tests/unit/log/golden" /
                      (std::string{way.type} + '.' + std::to_string(version) + ".json");
    std::ifstream in{file};
    std::ostringstream text;
    text << in.rdbuf();
    std::string out = text.str();
    while (out.ends_with('\n'))
        out.pop_back();
    return out;
}
}  // namespace

TEST_CASE("each way turns the old golden file into the new one")
{
    for (const upcaster& way : upcasters())
    {
        CAPTURE(way.what);
        const std::string old = golden(way, way.from_version);
        REQUIRE_FALSE(old.empty());
        CHECK(way.lift(old) == golden(way, way.from_version + 1));
    }
}

TEST_CASE("ways follow one another and end at today's version")
{
    for (const upcaster& way : upcasters())
    {
        CAPTURE(way.type);
        recorded event;
        event.type = way.type;
        event.schema_version = way.from_version;
        event.data = golden(way, way.from_version);
        lift(event);
        REQUIRE(fact_named(way.type) != nullptr);
        CHECK(event.schema_version == fact_named(way.type)->version);
    }
}

TEST_CASE("every older version of every fact is lifted, and its description is kept")
{
    for (const noun& each : catalogue())
    {
        CHECK(missing_ways(each.facts, upcasters()) == std::vector<std::string>{});
        for (const auto* fact : each.facts)
            for (std::int32_t version = 1; version < fact->version; ++version)
                for (const char* kind : {".rows", ".json"})
                {
                    const auto file = std::string{fact->name} + '.' + std::to_string(version) + kind;
                    CHECK_MESSAGE(std::filesystem::exists(kit::source_root() / "schemas/emitted/events" / file), file);
                }
    }
}

TEST_CASE("a new version of a fact without a way from each older one is named")
{
    constexpr auto id = schema::field<&project::created::id>("id");
    constexpr auto newer_task = schema::record("task.created", 3, id);
    constexpr auto newer_project = schema::record("project.created", 3, id);
    constexpr auto same = schema::record("client.created", 1, id);
    const std::array<const schema::record_type*, 3> facts{&newer_task, &newer_project, &same};
    CHECK(missing_ways(facts, upcasters()) ==
          std::vector<std::string>{"task.created: version 2 is not lifted", "project.created: version 1 is not lifted",
                                   "project.created: version 2 is not lifted"});
    CHECK(missing_ways({facts.data(), 1}, {}).size() == 2);
}

TEST_CASE("what today's version wrote, and what has no older version, is left as it is")
{
    recorded event;
    event.type = "task.created";
    event.schema_version = 2;
    event.data = "{\"estimate_hours\": 1}";
    lift(event);
    CHECK(event.data == "{\"estimate_hours\": 1}");
    event.type = "project.created";
    event.schema_version = 1;
    lift(event);
    CHECK(event.schema_version == 1);
}

TEST_CASE("an old event that its version could not have written is refused")
{
    recorded event;
    event.type = "task.created";
    event.schema_version = 1;
    event.data = "[1]";
    CHECK_THROWS(lift(event));
}

TEST_CASE("an event of a version that is newer than this build is refused, not half read")
{
    recorded event;
    event.type = "project.created";
    event.schema_version = fact_named("project.created")->version + 1;
    event.data = "{}";
    recorded room;
    CHECK_THROWS_WITH(lift(event), doctest::Contains("project.created"));
    CHECK_THROWS(newest_shape(event, room));
    event.type = "nobody.knows";
    CHECK_NOTHROW(lift(event));
}

TEST_CASE("the newest shape of an event is the event itself, or made aside")
{
    recorded stored, room;
    stored.type = "task.created";
    stored.schema_version = 2;
    stored.data = "{\"estimate_hours\": 1}";
    CHECK(&newest_shape(stored, room) == &stored);
    stored.schema_version = 1;
    CHECK(newest_shape(stored, room).data == "{\"estimate_minutes\":60}");
    CHECK(stored.data == "{\"estimate_hours\": 1}");
}
