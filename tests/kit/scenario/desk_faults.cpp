#include "tests/kit/scenario/builder.hpp"
#include "tests/kit/scenario/desk_at_work.hpp"
#include "tests/kit/scenario/sharing.hpp"

#include <algorithm>
#include <csignal>

namespace scenario
{
void desk_at_work::kill_a_server()
{
    node& victim = any_node();
    trail_ += &victim == &one_ ? " kill one" : " kill other";
    victim.kill();
    const auto ended = victim.wait(kit::milliseconds{10'000});
    told_.expect(ended && ended->signal == SIGKILL, "a server was not killed: it had ended before\n" + victim.log());
    await_writes();
    told_.counted["slowest start ms"] = std::max(told_.counted["slowest start ms"], long{victim.start().count()});
    ++told_.counted["kills"];
}

void desk_at_work::freeze_a_server()
{
    await_sharing(at_);
    node& victim = any_node();
    trail_ += &victim == &one_ ? " freeze one" : " freeze other";
    victim.freeze();
    expect_taken(at_, "frozen", told_);
    await_writes();
    victim.thaw();
    await_sharing(at_);
    ++told_.counted["freezes"];
}

void desk_at_work::restart_database()
{
    trail_ += " restart database";
    at_.cluster.stop_fast();
    at_.cluster.start();
    ++told_.counted["restarts of the database"];
}

void desk_at_work::crash_database()
{
    trail_ += " crash database";
    at_.cluster.stop_immediate();
    at_.cluster.start();
    ++told_.counted["crashes of the database"];
}

void desk_at_work::stop_a_server()
{
    node& victim = any_node();
    trail_ += &victim == &one_ ? " stop one" : " stop other";
    const auto ended = victim.stop();
    told_.expect(ended == kit::ending{0, 0}, "a server did not end well when asked to\n" + last_of(victim.log()));
    await_writes();
    victim.start();
    ++told_.counted["orderly stops"];
}

void desk_at_work::end_sessions()
{
    constexpr int rounds = 5;
    trail_ += " end sessions";
    for (int round = 0; round < rounds; ++round)
    {
        at_.cluster.terminate_backends();
        await_writes();
    }
    ++told_.counted["times that all sessions were ended"];
}

void desk_at_work::lose_everything_at_once()
{
    trail_ += " lose everything";
    for (node* each : {&one_, &other_})
        each->kill();
    at_.cluster.stop_immediate();
    for (node* each : {&one_, &other_})
        each->wait(kit::milliseconds{10'000});
    at_.cluster.start();
    for (node* each : {&one_, &other_})
        each->start();
    ++told_.counted["losses of everything"];
}

void desk_at_work::lose_a_cache()
{
    node& victim = any_node();
    trail_ += &victim == &one_ ? " lose one's cache" : " lose other's cache";
    victim.kill();
    victim.wait(kit::milliseconds{10'000});
    std::filesystem::remove_all(victim.config.data / "cache");
    victim.start();
    ++told_.counted["caches lost"];
}

// What it thinks it owns, and its sessions, are of a time before the crash.
void desk_at_work::freeze_through_a_crash()
{
    await_sharing(at_);
    node& victim = any_node();
    trail_ += &victim == &one_ ? " freeze one through a crash" : " freeze other through a crash";
    victim.freeze();
    at_.cluster.stop_immediate();
    at_.cluster.start();
    await_taken(at_);
    await_writes();
    victim.thaw();
    await_sharing(at_);
    ++told_.counted["freezes through a crash"];
}

// Its sessions live on at the database without it, and it can make no others; then it can.
void desk_at_work::cut_the_link()
{
    await_sharing(at_);
    trail_ += " cut the link";
    at_.link.refuse();
    at_.link.half_open();
    await_taken(at_);
    await_writes();
    at_.link.heal();
    await_sharing(at_);
    ++told_.counted["links cut"];
}

// Packets vanish until it has lost its lanes; then those from before arrive.
void desk_at_work::stall_the_link()
{
    await_sharing(at_);
    trail_ += " stall the link";
    at_.link.stall();
    await_taken(at_);
    await_writes();
    at_.link.heal();
    await_sharing(at_);
    ++told_.counted["links stalled"];
}

void desk_at_work::be_without_database()
{
    trail_ += " be without database";
    keep_leases_while_away(at_, kit::milliseconds{30'000}, told_);
}

// As soon as it has begun, and then every five seconds.
void desk_at_work::restart_during_a_rebuild()
{
    constexpr kit::milliseconds every{5'000};
    constexpr int restarts_max = 6;
    trail_ += " restart during a rebuild";
    builder again{at_};
    again.await_begun();
    for (int n = 0; n < restarts_max && !again.is_done_within(n == 0 ? kit::milliseconds{0} : every); ++n)
    {
        at_.cluster.stop_fast();
        at_.cluster.start();
        ++told_.counted["restarts during a rebuild"];
    }
    told_.add(again.finish(), "");
    ++told_.counted["rebuilds through restarts"];
}
}  // namespace scenario
