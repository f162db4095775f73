// The stored names: written once, never changed. A test that fails here has found a rename, which no log survives.
#include "events/catalogue.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <string_view>
#include <vector>

TEST_CASE("the facts of every noun are called what they are called in the log, for ever")
{
    const std::vector<std::string_view> promised{
        "org.created",          "org.changed",      "org.plan_changed",   "org.suspended",      "org.resumed",
        "member.added",         "member.changed",   "member.removed",     "api_key.created",    "api_key.changed",
        "api_key.rate_changed", "api_key.revoked",  "client.created",     "client.changed",     "client.archived",
        "client.restored",      "project.created",  "project.changed",    "project.activated",  "project.held",
        "project.completed",    "project.reopened", "project.archived",   "project.restored",   "task.created",
        "task.changed",         "task.started",     "task.waited",        "task.completed",     "task.reopened",
        "task.moved",           "task.archived",    "task.restored",      "comment.created",    "comment.changed",
        "comment.archived",     "comment.restored", "time_entry.created", "time_entry.changed", "time_entry.archived",
        "time_entry.restored",  "access.refused"};
    std::vector<std::string_view> found;
    for (const auto& noun : event_log::catalogue())
        for (const auto* fact : noun.facts)
        {
            CHECK(fact->name.starts_with(noun.category));
            CHECK(event_log::fact_named(fact->name) == fact);
            found.push_back(fact->name);
        }
    CHECK(found == promised);
    CHECK(event_log::fact_named("project.exploded") == nullptr);
}

TEST_CASE("every fact begins with the id of its thing, and every item with the members that all items have")
{
    for (const auto& noun : event_log::catalogue())
    {
        CAPTURE(noun.category);
        for (const auto* fact : noun.facts)
        {
            CAPTURE(fact->name);
            CHECK(fact->rows[0].name == "id");
        }
        REQUIRE(noun.item->count > 5);
        CHECK(noun.item->name == noun.category);
        const std::vector<std::string_view> common{"id", "version", "created_at", "updated_at", "archived_at"};
        for (std::size_t i = 0; i < common.size(); ++i)
            CHECK(noun.item->rows[i].name == common[i]);
    }
}

TEST_CASE("a thing is written with the prefix of its ids, and read back as the stream it is")
{
    const auto id = *schema::uuid::parse("01912345-6789-7abc-8def-0123456789ab");
    for (const auto& noun : event_log::catalogue())
    {
        const auto text = event_log::text_of(noun.category, id);
        CHECK(text == std::string{noun.prefix} + '_' + id.base32());
        const auto back = event_log::read_thing(text);
        REQUIRE(back);
        CHECK(back->category == noun.category);
        CHECK(back->id == id);
    }
    CHECK(event_log::text_of("api_key", id).starts_with("key_"));
    CHECK(event_log::text_of("time_entry", id).starts_with("entry_"));
    for (const char* nothing :
         {"", "task", "task_", "dream_01hz3v5k8qe2r9w7x4n6m1t0ab", "api_key_01hz3v5k8qe2r9w7x4n6m1t0ab"})
        CHECK_FALSE(event_log::read_thing(nothing));
}

TEST_CASE("names are unique among all facts and items")
{
    std::set<std::string_view> names;
    for (const auto& noun : event_log::catalogue())
    {
        CHECK(names.insert(noun.item->name).second);
        for (const auto* fact : noun.facts)
            CHECK(names.insert(fact->name).second);
    }
}
