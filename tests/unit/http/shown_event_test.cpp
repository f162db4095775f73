// The blocks of an event stream, and which events a filter takes.
#include "http/server/position_token.hpp"
#include "http/server/shown_event.hpp"

#include <doctest/doctest.h>

#include <string>

namespace
{
bool takes(const std::string& filter, const std::string& type)
{
    const auto read = http::type_filter::read(filter);
    REQUIRE(read.has_value());
    return read->takes(type);
}
}  // namespace

TEST_CASE("an event is one block with its place as id, and the line in it is what polls show")
{
    const auto made = http::show_event("task.completed", R"({"a":1})", "1.1", {3, 42});
    const auto place = http::write_position({"1.1", {3, 42}});
    CHECK(made.text == "id: " + place + "\nevent: task.completed\ndata: {\"a\":1}\n\n");
    CHECK(made.json() == R"({"a":1})");
    CHECK(made.seq == 42);
}

TEST_CASE("every other block ends as blocks do and carries the place to go on from")
{
    for (const auto& text : {http::first_block("p", 1'234), http::comment_block("p"), http::reset_block("p"),
                             http::cut_block("p", "slow")})
    {
        CHECK(text.ends_with("\n\n"));
        CHECK(text.find("\n\n") == text.size() - 2);
        CHECK(("\n" + text).find("\nid: p\n") != std::string::npos);
    }
    CHECK(http::first_block("p", 1'234).starts_with("retry: 1234\n"));
    CHECK(http::comment_block("p").starts_with(": "));
    CHECK(http::cut_block("p", "slow").find("event: clientflow.cut\ndata: {\"reason\":\"slow\"}\n") !=
          std::string::npos);
}

TEST_CASE("a filter takes names, whole nouns, or everything")
{
    CHECK(takes("", "task.completed"));
    CHECK(takes("*", "task.completed"));
    CHECK(takes("task.completed", "task.completed"));
    CHECK_FALSE(takes("task.completed", "task.created"));
    CHECK(takes("project.*,task.completed", "project.deleted"));
    CHECK_FALSE(takes("project.*", "projects.deleted"));
    CHECK_FALSE(takes("project.*", "project"));
    CHECK(takes("team.member_added,x", "team.member_added"));
    CHECK_FALSE(takes("invoice.paid", "task.completed"));
}

TEST_CASE("what is no list of types is none")
{
    for (const auto* bad : {",", "a,", "A.b", "a.b*", "*.b", "a b", "a;b", "a.*.b", ".*"})
        CHECK_MESSAGE(!http::type_filter::read(bad).has_value(), bad);
    std::string many = "a";
    for (std::size_t i = 1; i < http::type_filter::patterns_max; ++i)
        many += ",a";
    CHECK(http::type_filter::read(many).has_value());
    CHECK_FALSE(http::type_filter::read(many + ",a").has_value());
}
