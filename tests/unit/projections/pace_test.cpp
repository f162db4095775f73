// Turns of the runner: small where they take long, large where they do not.
#include "projections/runner/pace.hpp"

#include <doctest/doctest.h>

using projection::pace;
using std::chrono::milliseconds;

namespace
{
constexpr projection::pace_config usual{milliseconds{100}, 200, 5'000};
}

TEST_CASE("a turn that took too long is followed by one that would not have")
{
    pace of{usual};
    CHECK(of.events() == 5'000);
    of.took(5'000, milliseconds{1'000});
    CHECK(of.events() == 500);
    of.took(500, milliseconds{100});
    CHECK(of.events() == 500);
}

TEST_CASE("turns are never smaller than they may be, and a long one of few events is no reason for none")
{
    pace of{usual};
    of.took(5'000, milliseconds{60'000});
    CHECK(of.events() == 200);
    of.took(1, milliseconds{5'000});
    CHECK(of.events() == 200);
}

TEST_CASE("turns that take long however small they are grow again")
{
    pace of{usual};
    of.took(5'000, milliseconds{400});
    CHECK(of.events() == 1'250);
    of.took(1'250, milliseconds{220});  // it has helped
    CHECK(of.events() == 568);
    of.took(568, milliseconds{190});  // hardly
    CHECK(of.events() == 1'136);
}

TEST_CASE("after a stall turns are as large again as their time allows")
{
    pace of{usual};
    of.took(5'000, milliseconds{5'000});
    CHECK(of.events() == 200);
    for (int i = 0; i < 10; ++i)
        of.took(of.events(), milliseconds{80 + static_cast<int>(of.events()) / 100});
    CHECK(of.events() > 1'000);
}

TEST_CASE("turns grow while they are filled in less than their time, and no further than they may")
{
    pace of{usual};
    of.took(5'000, milliseconds{1'000});
    of.took(500, milliseconds{49});
    CHECK(of.events() == 1'000);
    of.took(999, milliseconds{1});  // there was no more
    CHECK(of.events() == 1'000);
    of.took(1'000, milliseconds{80});
    CHECK(of.events() == 1'250);
    for (int i = 0; i < 5; ++i)
        of.took(of.events(), milliseconds{0});
    CHECK(of.events() == 5'000);
}
