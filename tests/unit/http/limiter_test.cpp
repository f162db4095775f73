#include "http/server/limiter.hpp"

#include <doctest/doctest.h>

#include <string>

namespace
{
using std::chrono::milliseconds;
using std::chrono::seconds;

const auto start = std::chrono::steady_clock::time_point{} + std::chrono::hours{1};
}  // namespace

TEST_CASE("a minute's worth may come at once, then one each interval")
{
    http::gcra limiter;
    for (int i = 0; i < 120; ++i)
    {
        const auto said = limiter.take(120, start);
        CHECK(said.allowed);
        CHECK(said.remaining == 119 - i);
    }
    const auto refused = limiter.take(120, start);
    CHECK_FALSE(refused.allowed);
    CHECK(refused.retry_after == seconds{1});
    CHECK(refused.reset_after == seconds{60});
    CHECK(limiter.take(120, start + milliseconds{499}).allowed == false);
    CHECK(limiter.take(120, start + milliseconds{500}).allowed);
    CHECK_FALSE(limiter.take(120, start + milliseconds{500}).allowed);
    CHECK(limiter.take(120, start + seconds{70}).remaining == 119);
}

TEST_CASE("a refused request costs nothing, and looking costs nothing")
{
    http::gcra limiter;
    CHECK(limiter.take(1, start).allowed);
    for (int i = 0; i < 10; ++i)
        CHECK_FALSE(limiter.take(1, start + seconds{1}).allowed);
    CHECK(limiter.peek(1, start + seconds{60}).allowed);
    CHECK(limiter.peek(1, start + seconds{60}).allowed);
    CHECK(limiter.take(1, start + seconds{60}).allowed);
}

TEST_CASE("over any window of a minute no more than twice the rate gets through, and the rate over the long run")
{
    http::gcra limiter;
    int allowed = 0;
    for (int ms = 0; ms < 600'000; ms += 10)
        allowed += limiter.take(100, start + milliseconds{ms}).allowed ? 1 : 0;
    CHECK(allowed >= 1'000);
    CHECK(allowed <= 1'100);
}

TEST_CASE("the table of addresses stays within its bound, and forgets first what it need not remember")
{
    http::address_limiter limiter{2, 10};
    CHECK(limiter.take("hot", start).allowed);
    CHECK(limiter.take("hot", start).allowed);
    CHECK_FALSE(limiter.take("hot", start).allowed);
    for (int i = 0; i < 9; ++i)
        limiter.take("cold-" + std::to_string(i), start - std::chrono::minutes{5});
    limiter.take("new", start + milliseconds{1});
    CHECK(limiter.entries() <= 10);
    CHECK_FALSE(limiter.take("hot", start + milliseconds{1}).allowed);
    for (int i = 0; i < 1'000; ++i)
        limiter.take("flood-" + std::to_string(i), start + milliseconds{2});
    CHECK(limiter.entries() <= 10);
    CHECK(limiter.peek("never seen", start).allowed);
}
