// Who waits for a position is called once, when all that it waits for is there.
#include "projections/runner/positions.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>

using projection::position;
using projection::positions;
using namespace std::chrono_literals;

namespace
{
auto soon(std::chrono::milliseconds in) { return std::chrono::steady_clock::now() + in; }
}  // namespace

TEST_CASE("a call is made at once when the position is reached already")
{
    positions all;
    all.reached({3, 10});
    int calls = 0;
    CHECK(all.when({{3, 10}}, [&] { ++calls; }) == 0);
    CHECK(calls == 1);
}

TEST_CASE("what is told never goes back, what the store says may: a lane is folded again")
{
    positions all;
    all.reached({3, 10});
    all.reached({3, 4});
    CHECK(all.at(3) == 10);
    all.found({3, 4});
    CHECK(all.at(3) == 4);
    all.found({3, 11});
    CHECK(all.at(3) == 11);
}

TEST_CASE("a call is made once, when the last of several lanes arrives")
{
    positions all;
    int calls = 0;
    all.when({{1, 5}, {2, 7}}, [&] { ++calls; });
    all.reached({1, 9});
    CHECK(calls == 0);
    all.reached({2, 6});
    CHECK(calls == 0);
    all.reached({2, 7});
    CHECK(calls == 1);
    all.reached({2, 8});
    CHECK(calls == 1);
}

TEST_CASE("positions do not go back, except when a lane begins again")
{
    positions all;
    all.reached({1, 9});
    all.reached({1, 4});
    CHECK(all.at(1) == 9);
    all.restart(1);
    CHECK(all.at(1) == 0);
    all.reached({1, 4});
    CHECK(all.at(1) == 4);
}

TEST_CASE("a cancelled call is not made")
{
    positions all;
    int calls = 0;
    const auto ticket = all.when({{1, 5}}, [&] { ++calls; });
    CHECK(all.awaited() == std::vector<std::int32_t>{1});
    all.cancel(ticket);
    all.reached({1, 5});
    CHECK(calls == 0);
    CHECK(all.awaited().empty());
}

TEST_CASE("waiting ends with the news or at the deadline")
{
    positions all;
    const position wanted{1, 5};
    CHECK_FALSE(all.wait_until({&wanted, 1}, soon(1ms)));
    CHECK(all.awaited().empty());

    std::thread news{[&] { all.reached(wanted); }};
    CHECK(all.wait_until({&wanted, 1}, soon(10s)));
    news.join();
}
