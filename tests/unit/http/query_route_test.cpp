// How new an answer is that is made of several reads.
#include "http/server/query_route.hpp"

#include <doctest/doctest.h>

namespace
{
http::call call_in_lane(std::int32_t lane)
{
    auto who = std::make_shared<http::principal>();
    who->lane = lane;
    http::call made;
    made.who = std::move(who);
    return made;
}

projection::shown read_at(std::int64_t seq, std::string incarnation = "1.1") { return {{3, seq}, incarnation}; }
}  // namespace

TEST_CASE("an answer of several reads is as new as the oldest of them")
{
    auto c = call_in_lane(3);
    http::take_position(c, read_at(7));
    CHECK(c.shown->seq == 7);
    http::take_position(c, read_at(9));
    CHECK(c.shown->seq == 7);
    http::take_position(c, read_at(5));
    CHECK(c.shown->seq == 5);
    CHECK_FALSE(c.stale);
}

TEST_CASE("a read of a lane in which nothing was projected makes the answer as old as the beginning")
{
    auto c = call_in_lane(3);
    http::take_position(c, read_at(7));
    http::take_position(c, read_at(0, ""));
    CHECK(c.shown->seq == 0);
    CHECK(c.shown->lane == 3);
    CHECK_FALSE(c.stale);
}

TEST_CASE("an answer of two histories is stale")
{
    auto c = call_in_lane(3);
    http::take_position(c, read_at(7, "1.1"));
    http::take_position(c, read_at(9, "2.1"));
    CHECK(c.stale);
}
