#include "tests/kit/scenario/sharing.hpp"

#include "tests/kit/let_pass.hpp"

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
// Each serves half: then nobody has a reason to give a lane away.
bool is_fair(const site& at)
{
    return at.count("select case when count(*) = 2 and max(lanes) - min(lanes) <= 1 then 1 end from (select count(*) as"
                    " lanes from es.lane_lease where role = 'projector' group by owner having owner is not null) as o"
                    " where not exists (select from es.lane_lease where role = 'projector' and owner is null)") == 1;
}

std::string leases(const site& at)
{
    return at.ask("select string_agg(concat_ws(' ', role, lane, owner, term), ', ' order by role, lane)"
                  "  from es.lane_lease");
}

// Every owner has been back for so long that a lease could have ended meanwhile.
void await_beats(const site& at)
{
    const auto now = at.ask("select clock_timestamp()");
    kit::await(
        "every owner has beaten on",
        [&] {
            return at.count("select bool_and(seen_at > timestamptz '" + now +
                            "' + interval '12 s')::int from es.process where process in"
                            " (select owner from es.lane_lease)") == 1;
        },
        kit::milliseconds{60'000});
}
}  // namespace

void keep_leases_while_away(site& at, kit::milliseconds lasting, findings& told)
{
    kit::await(
        "each serves half of the lanes", [&] { return is_fair(at); }, kit::milliseconds{60'000});
    const auto before = leases(at);
    at.cluster.stop_fast();
    kit::let_pass(lasting);
    at.cluster.start();
    await_beats(at);
    const auto after = leases(at);
    told.expect(after == before,
                "leases were taken while PostgreSQL was away: they were " + before + ", and are " + after);
    if (after == before)
        told.counted["leases kept"] += at.count("select count(*) from es.lane_lease");
    ++told.counted["absences of the database"];
}

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
