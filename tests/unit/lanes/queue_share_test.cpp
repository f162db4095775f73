// How much of a queue one tenant may fill: the rule, and what follows from it for floods and newcomers.
#include "commands/lanes/queue_share.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <vector>

namespace
{
constexpr lanes::queue_load bounds{8'192, 64 * 1024 * 1024};

// Each floods with commands of so many bytes, in turns, until none of them gets any more in.
std::vector<lanes::queue_load> flooded_by(std::size_t tenants, std::size_t bytes, lanes::queue_load& all)
{
    std::vector<lanes::queue_load> held(tenants);
    for (bool was_taken = true; was_taken;)
    {
        was_taken = false;
        for (auto& own : held)
            if (lanes::has_room(bounds, all, own, bytes))
            {
                own = {own.commands + 1, own.bytes + bytes};
                all = {all.commands + 1, all.bytes + bytes};
                was_taken = true;
            }
    }
    return held;
}
}  // namespace

TEST_CASE("n tenants that flood fill an (n + 1)th each, and leave as much to whoever comes")
{
    for (const std::size_t tenants : {1, 2, 3, 7, 63})
    {
        CAPTURE(tenants);
        lanes::queue_load all;
        for (const auto& own : flooded_by(tenants, 1'024, all))
        {
            CHECK(own.commands >= bounds.commands / (tenants + 1) - 1);
            CHECK(own.commands <= bounds.commands / (tenants + 1) + 1);
            CHECK(bounds.commands - all.commands >= own.commands);
        }
        CHECK(lanes::has_room(bounds, all, {}, 1'024));
    }
}

TEST_CASE("a flood of large commands is bounded by its bytes, and leaves as many")
{
    constexpr std::size_t large = 1024 * 1024;
    lanes::queue_load all;
    CHECK(flooded_by(1, large, all).front().bytes == bounds.bytes / 2);
    CHECK(lanes::has_room(bounds, all, {}, large));
    CHECK(lanes::has_room(bounds, all, {}, bounds.bytes / 2));
    CHECK_FALSE(lanes::has_room(bounds, all, {}, bounds.bytes / 2 + 1));
}

TEST_CASE("whoever has nothing waiting is refused by a full queue alone")
{
    CHECK(lanes::has_room({4, 100}, {3, 10}, {}, 90));
    CHECK_FALSE(lanes::has_room({4, 100}, {3, 10}, {}, 91));
    CHECK_FALSE(lanes::has_room({4, 100}, {4, 10}, {}, 1));
    CHECK_FALSE(lanes::has_room({4, 100}, {9, 900}, {}, 1));  // beyond the bounds, by what was put back
}

TEST_CASE("an empty queue takes one command of any size, if it takes any")
{
    CHECK(lanes::has_room({1, 100}, {}, {}, 1'000));
    CHECK_FALSE(lanes::has_room({0, 100}, {}, {}, 1));
}

TEST_CASE("a queue of one place serves one tenant at a time")
{
    CHECK(lanes::has_room({1, 100}, {}, {}, 10));
    CHECK_FALSE(lanes::has_room({1, 100}, {1, 10}, {1, 10}, 10));
    CHECK_FALSE(lanes::has_room({1, 100}, {1, 10}, {}, 10));
}
