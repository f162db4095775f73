#include "http/server/past_queue.hpp"

#include <doctest/doctest.h>

#include <string>

namespace
{
using steady = std::chrono::steady_clock;

const auto now = steady::time_point{} + std::chrono::hours{1};

schema::uuid tenant(std::uint8_t number)
{
    schema::uuid made;
    made.bytes[15] = number;
    return made;
}

struct given_a_queue
{
    void put(std::uint8_t of, char name, steady::time_point until = steady::time_point::max())
    {
        put(of, name, asker, until);
    }
    void put(std::uint8_t of, char name, std::weak_ptr<const void> who,
             steady::time_point until = steady::time_point::max())
    {
        queue.put({tenant(of), std::move(who), until, [this, name] { done += name; }});
    }
    std::string take_all()
    {
        while (const auto next = queue.take(now))
            next->work();
        return done;
    }

    const std::shared_ptr<const int> asker = std::make_shared<const int>(1);
    http::past_queue queue{{6, 4}};
    std::string done;
};
}  // namespace

TEST_CASE_FIXTURE(given_a_queue, "tenants take turns, whoever has how many asks, and each of them in its own order")
{
    for (const char name : {'a', 'b', 'c', 'd'})
        put(1, name);
    put(2, 'X');
    put(3, '1');
    CHECK(take_all() == "aX1bcd");
    CHECK(queue.size() == 0);
}

TEST_CASE_FIXTURE(given_a_queue, "who comes between two turns of others waits for one ask of each")
{
    put(1, 'a');
    put(1, 'b');
    put(1, 'c');
    queue.take(now)->work();
    put(2, 'X');
    put(2, 'Y');
    CHECK(take_all() == "abXcY");
}

TEST_CASE_FIXTURE(given_a_queue,
                  "an ask that nobody waits for any more, or not so long, is passed over at no turn's cost")
{
    auto gone = std::make_shared<const int>(2);
    put(1, 'a', gone);
    put(1, 'b', now);  // its time is over now
    put(1, 'c', now + std::chrono::milliseconds{1});
    put(2, 'X');
    gone.reset();
    CHECK(take_all() == "cX");
    CHECK(queue.passed_over() == 2);
    CHECK(queue.size() == 0);
}

TEST_CASE_FIXTURE(given_a_queue, "a tenant that may be read nothing now keeps its asks and its turn, and others go on")
{
    put(1, 'a');
    put(1, 'b');
    put(2, 'X');
    const auto not_one = [](const schema::uuid& who) { return who != tenant(1); };
    queue.take(now, not_one)->work();
    CHECK_FALSE(queue.take(now, not_one));
    CHECK(queue.size() == 2);
    put(2, 'Y');
    CHECK(take_all() == "XaYb");
}

TEST_CASE_FIXTURE(given_a_queue, "asks that nobody waits for any more make room without being taken")
{
    auto gone = std::make_shared<const int>(2);
    put(1, 'a', gone);
    put(1, 'b', now);
    put(1, 'c', now + std::chrono::milliseconds{1});
    put(1, 'd', gone);
    put(2, 'X', now);
    gone.reset();
    queue.drop_expired(now);
    CHECK(queue.size() == 1);
    CHECK(queue.passed_over() == 4);
    CHECK(queue.has_room_for(tenant(1)));
    put(2, 'Y');
    CHECK(take_all() == "cY");
}

TEST_CASE_FIXTURE(given_a_queue, "a queue is bounded in all and for each tenant, and has room again when one was taken")
{
    for (const char name : {'a', 'b', 'c', 'd'})
        put(1, name);
    CHECK_FALSE(queue.has_room_for(tenant(1)));
    CHECK(queue.has_room_for(tenant(2)));
    put(2, 'X');
    put(3, '1');
    CHECK_FALSE(queue.has_room_for(tenant(2)));
    queue.take(now)->work();
    CHECK(queue.has_room_for(tenant(1)));
    queue.clear();
    CHECK_FALSE(queue.take(now));
    CHECK(queue.has_room_for(tenant(1)));
}
