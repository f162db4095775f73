// The queue before a writer, and who may answer a command: bounds, order, deadlines, closing.
#include "commands/lanes/command_queue.hpp"
#include "tests/kit/lanes/site.hpp"

#include <doctest/doctest.h>

#include <string>
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
};

const auto now = [] { return std::chrono::steady_clock::now(); };
}  // namespace

TEST_CASE("a queue takes no more commands than its bound, and hands them out in order")
{
    asker ann;
    lanes::command_queue queue(2, 1 << 20);
    const auto first = ann.sends(), second = ann.sends(), third = ann.sends();
    CHECK(queue.offer(first));
    CHECK(queue.offer(second));
    CHECK_FALSE(queue.offer(third));
    CHECK(queue.forward(third));  // accepted by a sibling already

    std::vector<lanes::command> taken;
    CHECK(queue.take(taken, 2, 1 << 20));
    CHECK(taken == std::vector{first, second});
    CHECK(queue.offer(ann.sends()));
}

TEST_CASE("bytes bound the queue and the round, but never keep a single command out")
{
    asker ann;
    lanes::command_queue queue(100, 10'000);
    CHECK(queue.offer(ann.sends(30s, 50'000)));
    CHECK_FALSE(queue.offer(ann.sends(30s, 10)));

    std::vector<lanes::command> taken;
    CHECK(queue.take(taken, 100, 1'000));
    CHECK(taken.size() == 1);
    CHECK(queue.offer(ann.sends(30s, 10)));
    CHECK(queue.offer(ann.sends(30s, 10)));
    CHECK(queue.take(taken, 100, 60'000));  // beside the one in hand
    CHECK(taken.size() == 3);
}

TEST_CASE("a closed queue is emptied, then ends")
{
    asker ann;
    lanes::command_queue queue(10, 10'000);
    CHECK(queue.offer(ann.sends()));
    queue.close();
    CHECK_FALSE(queue.offer(ann.sends()));
    std::vector<lanes::command> taken;
    CHECK(queue.take(taken, 10, 10'000));
    taken.clear();
    CHECK_FALSE(queue.take(taken, 10, 10'000));
    CHECK_FALSE(queue.forward(ann.sends()));
}

TEST_CASE("past its deadline a waiting command is answered that nothing happened, and leaves its place")
{
    asker ann;
    lanes::command_queue queue(2, 10'000);
    CHECK(queue.offer(ann.sends(0ms)));
    const auto patient = ann.sends();
    CHECK(queue.offer(patient));
    queue.expire(now());
    CHECK(ann.answers == std::vector<std::string>{"unavailable no"});
    CHECK(queue.size() == 1);
    CHECK(queue.offer(ann.sends()));
}

TEST_CASE("a command is answered once, and what a deadline says depends on how far it got")
{
    asker ann;
    const auto open = ann.sends(0ms);
    CHECK(open->expire(now()));
    CHECK_FALSE(open->pin());
    open->settle({});
    CHECK(ann.answers == std::vector<std::string>{"unavailable no"});

    const auto pinned = ann.sends(0ms);
    CHECK(pinned->pin());
    CHECK(pinned->expire(now()));
    pinned->settle({});
    CHECK(ann.answers.back() == "unavailable unknown");

    const auto retried = ann.sends(0ms);
    CHECK(retried->pin());
    retried->unpin();
    CHECK(retried->expire(now()));
    CHECK(ann.answers.back() == "unavailable no");

    const auto quick = ann.sends(30s);
    CHECK_FALSE(quick->expire(now()));
    quick->settle({});
    CHECK(ann.answers.back() == "200");
    CHECK(ann.answers.size() == 4);
}
