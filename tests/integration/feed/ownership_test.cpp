// Leases of lanes on a real database: shared, given back, taken from the dead and from nobody else.
#include "events/feed/ownership.hpp"
#include "tests/kit/database.hpp"
#include "tests/kit/eventually.hpp"
#include "tests/kit/let_pass.hpp"
#include "tests/kit/proxy.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <set>
#include <string>
#include <tuple>

using event_feed::ownership;
using event_feed::ownership_config;
using std::chrono::milliseconds;

namespace
{
// Beats and expires faster than in service, in the same proportions; `absence` long where a test is not about it.
ownership_config config(const std::string& dsn, milliseconds absence = milliseconds{150})
{
    ownership_config made;
    made.connection.dsn = dsn;
    made.role = "projector";
    made.beat = milliseconds{200};
    made.expiry = milliseconds{1'500};
    made.absence = absence;
    made.look_again = milliseconds{50};
    made.retry = milliseconds{50};
    return made;
}

std::size_t lanes_of(const kit::database& in) { return std::stoul(in.run("select count(*) from es.lane")); }

void await_count(const char* what, const ownership& of, std::size_t count)
{
    kit::await(what, [&] { return of.held().size() == count; });
}

// Everybody has beaten so often since now.
void await_beats(const kit::database& in, int times)
{
    in.run("create table if not exists public.beats as select * from es.process with no data; truncate public.beats;"
           " insert into public.beats select * from es.process");
    kit::await("everybody beats", [&] {
        return in.run("select bool_and(p.beat >= b.beat + " + std::to_string(times) +
                      ")::int from es.process p join public.beats b using (process)") == "1";
    });
}

std::string distinct_owners(const kit::database& in)
{
    return in.run("select count(distinct owner) || ' of ' || count(owner) from es.lane_lease");
}

long beats(const kit::database& in, const ownership& of)
{
    return std::stol(in.run("select beat from es.process where process = '" + of.process().text() + '\''));
}

// Lane, owner and term of each lease, as the store has them.
std::string leases(const kit::database& in)
{
    return in.run("select string_agg(concat_ws(' ', lane, owner, term), ', ' order by lane) from es.lane_lease");
}
}  // namespace

TEST_CASE("one process holds every lane; a second one gets half; when one leaves, the other has all again")
{
    const kit::database in;
    const auto all = lanes_of(in);
    ownership one{config(in.dsn())};
    one.start();
    await_count("the first has all", one, all);

    std::optional<ownership> two{config(in.dsn())};
    two->start();
    await_count("the second has half", *two, all / 2);
    await_count("the first kept half", one, all / 2);
    std::set<std::int32_t> served;
    for (const auto& each : one.held())
        served.insert(each.lane);
    for (const auto& each : two->held())
        served.insert(each.lane);
    CHECK(served.size() == all);
    CHECK(one.peers() == 2);

    two.reset();
    await_count("the first has all again", one, all);
    for (const auto& each : one.held())
        CHECK_FALSE(each.is_from_dead);  // they were given back
}

TEST_CASE("a process whose session is ended and comes back keeps its lanes and their terms")
{
    const kit::database in;
    ownership one{config(in.dsn(), milliseconds{60'000})};
    ownership two{config(in.dsn(), milliseconds{60'000})};
    one.start();
    await_count("the first has all", one, lanes_of(in));
    two.start();
    await_count("both have half", two, lanes_of(in) / 2);
    await_count("both have half", one, lanes_of(in) / 2);
    const auto before = one.held();
    in.run(
        "select count(pg_terminate_backend(pid)) from pg_stat_activity where application_name = 'clientflow leases'");
    await_beats(in, 5);
    CHECK(one.held() == before);
    CHECK(distinct_owners(in) == "2 of " + std::to_string(lanes_of(in)));
}

TEST_CASE("the lanes of one who is cut off go to the other, as from the dead; when it returns it has none of them")
{
    const kit::database in;
    kit::proxy link{in.server().port()};
    ownership one{config(in.dsn())};
    one.start();
    await_count("the first has all", one, lanes_of(in));
    ownership cut{config(in.dsn_through(link.port()))};
    cut.start();
    await_count("both have half", cut, lanes_of(in) / 2);
    const auto before = cut.held();

    link.refuse();
    link.cut();
    await_count("the first has all", one, lanes_of(in));
    for (const auto& each : one.held())
        for (const auto& was : before)
            if (was.lane == each.lane)
            {
                CHECK(each.is_from_dead);
                CHECK(each.term > was.term);
            }
    link.heal();
    kit::await("the other is back with other terms", [&] {
        const auto now = cut.held();
        return !now.empty() && now != before;
    });
    await_count("the first gave half back", one, lanes_of(in) / 2);
}

TEST_CASE("one whose link falls silent loses its lanes when its lease expires, its session still being open")
{
    const kit::database in;
    kit::proxy link{in.server().port()};
    ownership silent{config(in.dsn_through(link.port()))};
    silent.start();
    await_count("it has all", silent, lanes_of(in));
    link.stall();
    ownership other{config(in.dsn())};
    other.start();
    await_count("the other has all", other, lanes_of(in));
    CHECK(other.held().front().is_from_dead);
    link.heal();
    await_count("both share again", silent, lanes_of(in) / 2);
    await_count("both share again", other, lanes_of(in) / 2);
}

TEST_CASE("a database that was away takes nobody's lease")
{
    kit::cluster server{{false, {}}};
    const kit::database in{server};
    kit::proxy link{server.port()};
    const auto patient = [](ownership_config of) {
        of.expiry = milliseconds{5'000};  // for who comes back later, on a busy machine
        return of;
    };
    ownership one{patient(config(in.dsn()))};
    ownership two{patient(config(in.dsn_through(link.port())))};
    one.start();
    two.start();
    await_count("both have half", two, lanes_of(in) / 2);
    await_count("both have half", one, lanes_of(in) / 2);
    const auto before = std::tuple{one.held(), two.held(), leases(in)};

    // Longer than anybody may be silent: to whoever counts that silence, the one who comes back later is dead.
    SUBCASE("restarted") { server.stop_fast(); }
    SUBCASE("crashed") { server.stop_immediate(); }
    kit::let_pass(2 * patient(config("")).expiry + milliseconds{500});
    CHECK(one.held() == std::get<0>(before));
    CHECK(two.held() == std::get<1>(before));
    link.refuse();
    server.start();
    const auto first = beats(in, one);
    kit::await("one is back, and has looked", [&] { return beats(in, one) >= first + 2; });
    link.heal();
    await_beats(in, 15);
    CHECK(std::tuple{one.held(), two.held(), leases(in)} == before);
}

TEST_CASE("nobody gives a lane up for one that died long ago, also when the watch begins anew")
{
    const kit::database in;
    ownership one{config(in.dsn())};
    one.start();
    await_count("it has all", one, lanes_of(in));
    const auto before = std::pair{one.held(), leases(in)};
    const auto beat_on = [&] {
        const auto first = beats(in, one);
        kit::await("it beats on", [&] { return beats(in, one) >= first + 10; });
    };
    for (const char* id : {"1", "2", "3"})
        in.run("insert into es.process (process, role) values ('00000000-0000-0000-0000-00000000000" + std::string{id} +
               "', 'projector')");
    beat_on();
    CHECK(std::pair{one.held(), leases(in)} == before);
    in.run(
        "select count(pg_terminate_backend(pid)) from pg_stat_activity where application_name = 'clientflow leases'");
    beat_on();
    CHECK(std::pair{one.held(), leases(in)} == before);
}

TEST_CASE("a lease that is not as it was seen cannot be taken, and only its owner gives it back")
{
    const kit::database in;
    ownership one{config(in.dsn())};
    one.start();
    await_count("it has all", one, lanes_of(in));
    const auto held = one.held().front();
    const std::string lane = std::to_string(held.lane), term = std::to_string(held.term);
    in.run("insert into es.process (process, role) values ('00000000-0000-0000-0000-000000000001', 'projector')");
    const std::string stranger = "'00000000-0000-0000-0000-000000000001', 'projector', ";
    CHECK(in.run("select es.take_lease(" + stranger + lane + ", " + term + " - 1) is null") == "t");
    in.run("select es.give_lease(" + stranger + lane + ", " + term + ")");
    CHECK(in.run("select owner is not null from es.lane_lease where lane = " + lane) == "t");
}
