// The queue before a writer, and who may answer a command: bounds, order, deadlines, closing.
#include "commands/lanes/command_queue.hpp"
#include "commands/lanes/refusals.hpp"
#include "tests/kit/eventually.hpp"
#include "tests/kit/lanes/site.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace
{
using namespace std::chrono_literals;

struct asker
{
    std::vector<std::string> answers;

    lanes::command sends(std::chrono::milliseconds time = 30s, std::size_t bytes = 0)
    {
        auto s = kit::within(kit::command({}, {}), time);
        s.bytes = bytes;
        return std::make_shared<lanes::pending>(std::move(s),
                                                [this](lanes::answer a) { answers.push_back(kit::told(a)); });
    }

    // On behalf of another tenant than the others.
    lanes::command sends_for(const schema::uuid& tenant)
    {
        auto s = kit::within(kit::command(tenant, {}), 30s);
        return std::make_shared<lanes::pending>(std::move(s),
                                                [this](lanes::answer a) { answers.push_back(kit::told(a)); });
    }

    lanes::command sends_batch(std::size_t size, std::chrono::milliseconds time = 30s)
    {
        lanes::batch made;
        for (std::size_t i = 0; i < size; ++i)
            made.commands.push_back(kit::within(kit::command({}, {}), time));
        return std::make_shared<lanes::pending>(std::move(made), [this](const std::vector<lanes::answer>& all) {
            for (const lanes::answer& each : all)
                answers.push_back(kit::told(each));
        });
    }
};

const auto some_tenant = *schema::uuid::parse("01a21d4b-37e1-7c7a-8471-2c416792df08");
const auto other_tenant = *schema::uuid::parse("01a21d4b-37e1-7c7a-8471-2c416792df09");

const auto now = [] { return std::chrono::steady_clock::now(); };

// The store is free and no round is there.
lanes::command_queue::room room(std::size_t commands = 100, std::size_t bytes = 1 << 20)
{
    return {commands, bytes, false, true, true};
}

// The store has a round, and another one is being prepared.
lanes::command_queue::room room_beside_a_round() { return {100, 1 << 20, true, false, false}; }
}  // namespace

TEST_CASE("a queue takes no more commands than its bound, and hands them out in order")
{
    asker ann;
    lanes::command_queue queue(2, 1 << 20);
    const auto first = ann.sends(), second = ann.sends_for(some_tenant), third = ann.sends_for(other_tenant);
    CHECK(queue.offer(first));
    CHECK(queue.offer(second));
    CHECK_FALSE(queue.offer(third));
    CHECK(queue.forward(third));  // accepted by a sibling already

    CHECK(queue.take(room(2, 1 << 20)) == std::vector{first, second});
    CHECK(queue.offer(ann.sends()));
}

TEST_CASE("tenants take turns, each in its own order, whoever has sent more")
{
    asker ann;
    lanes::command_queue queue(100, 1 << 20);
    std::vector<lanes::command> of_busy, of_calm;
    for (int i = 0; i < 4; ++i)
        CHECK(queue.offer(of_busy.emplace_back(ann.sends_for(some_tenant))));
    for (int i = 0; i < 2; ++i)
        CHECK(queue.offer(of_calm.emplace_back(ann.sends_for(other_tenant))));
    CHECK(queue.size() == 6);
    CHECK(queue.take(room(3)) == std::vector{of_busy[0], of_calm[0], of_busy[1]});
    queue.put_back({of_busy[1]});
    CHECK(queue.take(room()) == std::vector{of_busy[1], of_calm[1], of_busy[2], of_busy[3]});
    CHECK(queue.size() == 0);
}

TEST_CASE("a tenant that floods fills half of the queue, and others are taken until it is full")
{
    asker ann;
    lanes::command_queue queue(8, 1 << 20);
    for (int i = 0; i < 4; ++i)
        CHECK(queue.offer(ann.sends_for(some_tenant)));
    CHECK_FALSE(queue.offer(ann.sends_for(some_tenant)));
    CHECK(queue.offer(ann.sends_for(other_tenant)));
    CHECK(queue.offer(ann.sends()));
    CHECK_FALSE(queue.offer(ann.sends()));  // it would hold 2, and leave 1

    CHECK(queue.take(room(3)).size() == 3);  // one of each: 3 of the first one are left
    CHECK(queue.offer(ann.sends_for(some_tenant)));
    CHECK_FALSE(queue.offer(ann.sends_for(some_tenant)));
}

TEST_CASE("a tenant's share is counted in bytes, too")
{
    asker ann;
    lanes::command_queue queue(1'000, 100'000);
    CHECK(queue.offer(ann.sends_for(some_tenant)));
    CHECK(queue.offer(ann.sends(30s, 40'000)));
    CHECK_FALSE(queue.offer(ann.sends(30s, 40'000)));
    CHECK(queue.offer(ann.sends_for(some_tenant)));
    CHECK(queue.take(room(2)).size() == 2);
    CHECK(queue.offer(ann.sends(30s, 40'000)));
}

TEST_CASE("what was put back takes room of the queue, and is nobody's share")
{
    asker ann;
    lanes::command_queue queue(8, 1 << 20);
    queue.put_back({ann.sends(), ann.sends(), ann.sends(), ann.sends()});
    CHECK(queue.offer(ann.sends()));
    CHECK(queue.offer(ann.sends()));
    CHECK_FALSE(queue.offer(ann.sends()));
    CHECK(queue.offer(ann.sends_for(other_tenant)));
}

TEST_CASE("expired commands are no part of their tenant's share")
{
    asker ann;
    lanes::command_queue queue(8, 1 << 20);
    for (int i = 0; i < 4; ++i)
        CHECK(queue.offer(ann.sends(i == 0 ? 30s : 1ms)));
    CHECK_FALSE(queue.offer(ann.sends()));
    CHECK(queue.expire(now() + 1s) == 3);
    for (int i = 0; i < 3; ++i)
        CHECK(queue.offer(ann.sends()));
    CHECK_FALSE(queue.offer(ann.sends()));
}

TEST_CASE("what has expired leaves every tenant's turn, and the others keep theirs")
{
    asker ann;
    lanes::command_queue queue(100, 1 << 20);
    const auto kept = ann.sends_for(other_tenant);
    CHECK(queue.offer(ann.sends(1ms)));
    CHECK(queue.offer(kept));
    CHECK(queue.offer(ann.sends(1ms)));
    CHECK(queue.expire(now() + 1s) == 2);
    CHECK(queue.size() == 1);
    CHECK(queue.take(room()) == std::vector{kept});
    CHECK(ann.answers.size() == 2);
}

TEST_CASE("bytes bound the queue and the round, but never keep a single command out")
{
    asker ann;
    lanes::command_queue queue(100, 10'000);
    CHECK(queue.offer(ann.sends(30s, 50'000)));
    CHECK_FALSE(queue.offer(ann.sends(30s, 10)));

    CHECK(queue.take(room(100, 1'000)).size() == 1);
    for (int i = 0; i < 3; ++i)
        CHECK(queue.offer(ann.sends(30s, 10)));
    CHECK(queue.take(room(100, 2'500)).size() == 2);
}

TEST_CASE("a closed queue is emptied, then ends")
{
    asker ann;
    lanes::command_queue queue(10, 10'000);
    CHECK(queue.offer(ann.sends()));
    queue.close();
    CHECK_FALSE(queue.offer(ann.sends()));
    CHECK(queue.take(room(10, 10'000)).size() == 1);
    CHECK(queue.take(room(10, 10'000)).empty());
    CHECK_FALSE(queue.forward(ann.sends()));
}

TEST_CASE("what is put back comes before all others, in its order, bounds or not")
{
    asker ann;
    lanes::command_queue queue(2, 1 << 20);
    const auto first = ann.sends(), second = ann.sends(), third = ann.sends(), fourth = ann.sends_for(other_tenant);
    CHECK(queue.offer(third));
    CHECK(queue.offer(fourth));
    queue.put_back({first, second});
    CHECK(queue.take(room(10, 1 << 20)) == std::vector{first, second, third, fourth});
}

TEST_CASE("a command that goes alone is taken alone, and keeps its place")
{
    asker ann;
    lanes::command_queue queue(10, 1 << 20);
    const auto first = ann.sends(), lonely = ann.sends(), last = ann.sends();
    lonely->alone = true;
    for (const auto& each : {first, lonely, last})
        CHECK(queue.offer(each));
    CHECK(queue.take(room()) == std::vector{first});
    queue.nudge();
    auto joining = room();
    joining.joins = true;
    CHECK(queue.take(joining).empty());
    CHECK(queue.take(room()) == std::vector{lonely});
    CHECK(queue.take(joining) == std::vector{last});
}

TEST_CASE("beside a round in the store a few commands are gathered; a nudge wakes the taker, who may then hurry")
{
    asker ann;
    lanes::command_queue queue(100, 1 << 20);
    std::atomic<std::size_t> taken{0};
    std::atomic<bool> hurried{false};
    std::thread taker{[&] {
        while (taken < 20)
            taken += queue.take(hurried ? room() : room_beside_a_round()).size();
    }};
    for (int i = 0; i < 20; ++i)
        CHECK(queue.offer(ann.sends()));
    CHECK(kit::eventually([&] { return queue.size() < 8; }));
    hurried = true;
    queue.nudge();
    taker.join();
    CHECK(taken == 20);
}

TEST_CASE("a round without room takes nothing until it is nudged")
{
    asker ann;
    lanes::command_queue queue(100, 1 << 20);
    auto full = room_beside_a_round();
    full.commands_max = 0;
    for (int i = 0; i < 20; ++i)
        CHECK(queue.offer(ann.sends()));
    queue.nudge();
    CHECK(queue.take(full).empty());
    CHECK(queue.size() == 20);
}

TEST_CASE("a closed queue does not end while something may come back to it")
{
    asker ann;
    lanes::command_queue queue(10, 10'000);
    queue.close();
    queue.nudge();
    CHECK(queue.take(room_beside_a_round()).empty());
    CHECK_FALSE(queue.is_over());
    const auto carried = ann.sends();
    queue.put_back({carried});
    CHECK(queue.take(room()) == std::vector{carried});
    CHECK(queue.take(room()).empty());
    CHECK(queue.is_over());
}

TEST_CASE("past its deadline a waiting command is answered that nothing happened, and leaves its place")
{
    asker ann;
    lanes::command_queue queue(4, 1 << 20);
    CHECK(queue.offer(ann.sends(0ms)));
    const auto patient = ann.sends();
    CHECK(queue.offer(patient));
    CHECK_FALSE(queue.offer(ann.sends()));
    queue.expire(now());
    CHECK(ann.answers == std::vector<std::string>{"unavailable no"});
    CHECK(queue.size() == 1);
    CHECK(queue.offer(ann.sends()));
}

TEST_CASE("a batch is taken whole, and waits for a round with room for all of it")
{
    asker ann;
    lanes::command_queue queue(100, 1 << 20);
    const auto single = ann.sends(), batch = ann.sends_batch(5), last = ann.sends();
    for (const auto& each : {single, batch, last})
        CHECK(queue.offer(each));
    CHECK(queue.take(room(4)) == std::vector{single});
    auto beside = room_beside_a_round();
    beside.hurries = true;
    beside.commands_max = 4;
    queue.nudge();
    CHECK(queue.take(beside).empty());
    CHECK(queue.take(room(5)) == std::vector{batch});
    CHECK(queue.take(room()) == std::vector{last});
}

TEST_CASE("a batch is pinned, expires and is answered as one")
{
    asker ann;
    const auto known = ann.sends_batch(2);
    known->settle(1, {});
    CHECK(known->is_settled(1));
    CHECK_FALSE(known->is_settled(0));
    CHECK(ann.answers.empty());
    known->settle(1, lanes::broken(lanes::applied::no));
    known->settle(0, {});
    CHECK(ann.answers == std::vector<std::string>{"200", "200"});

    ann.answers.clear();
    const auto late = ann.sends_batch(3, 0ms);
    late->settle(1, {});
    CHECK(late->pin());
    CHECK(late->expire(now()));
    CHECK(ann.answers == std::vector<std::string>{"unavailable unknown", "200", "unavailable unknown"});
    late->settle_rest({});
    CHECK(ann.answers.size() == 3);
    CHECK_FALSE(late->pin());
}

TEST_CASE("a command is answered once, and what a deadline says depends on how far it got")
{
    asker ann;
    const auto open = ann.sends(0ms);
    CHECK(open->expire(now()));
    CHECK_FALSE(open->pin());
    open->settle(0, {});
    CHECK(ann.answers == std::vector<std::string>{"unavailable no"});

    const auto pinned = ann.sends(0ms);
    CHECK(pinned->pin());
    CHECK(pinned->expire(now()));
    pinned->settle(0, {});
    CHECK(ann.answers.back() == "unavailable unknown");

    const auto retried = ann.sends(0ms);
    CHECK(retried->pin());
    retried->unpin();
    CHECK(retried->expire(now()));
    CHECK(ann.answers.back() == "unavailable no");

    const auto quick = ann.sends(30s);
    CHECK_FALSE(quick->expire(now()));
    quick->settle(0, {});
    CHECK(ann.answers.back() == "200");
    CHECK(ann.answers.size() == 4);
}
