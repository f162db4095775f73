#include "tests/kit/scenario/sharing.hpp"

#include "tests/kit/eventually.hpp"

#include <algorithm>
#include <chrono>

namespace scenario
{
namespace
{
long owners(const site& at)
{
    return at.count("select case when bool_and(owner is not null) then count(distinct owner) else 0 end"
                    "  from es.lane_lease where role = 'projector'");
}
}  // namespace

void await_sharing(const site& at)
{
    kit::await(
        "both serve lanes", [&] { return owners(at) == 2; }, kit::milliseconds{30'000});
}

void expect_taken(const site& at, const std::string& what, findings& told)
{
    constexpr kit::milliseconds within{15'000};
    const auto began = std::chrono::steady_clock::now();
    const bool is_taken = kit::eventually([&] { return owners(at) == 1; }, within);
    const auto took = std::chrono::duration_cast<kit::milliseconds>(std::chrono::steady_clock::now() - began).count();
    told.expect(is_taken, "15 s after the other was " + what + " not all lanes are taken over");
    told.counted["slowest hand-over ms"] = std::max(told.counted["slowest hand-over ms"], static_cast<long>(took));
    ++told.counted["hand-overs"];
}

void await_taken(const site& at)
{
    kit::await(
        "one serves every lane", [&] { return owners(at) == 1; }, kit::milliseconds{60'000});
}
}  // namespace scenario
