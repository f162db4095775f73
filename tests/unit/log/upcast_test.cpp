// Every way from an old shape to the next, against the files that hold both. A new way adds its files beside these.
#include "events/catalogue.hpp"
#include "events/log/upcast.hpp"
#include "tests/kit/paths.hpp"

#include <doctest/doctest.h>

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
