// The cache of aggregates: what it keeps, what it lets go, and that it stays within its bound.
#include "commands/lanes/aggregate_cache.hpp"
#include "tests/kit/lanes/thing.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>

namespace
{
schema::uuid id(std::uint8_t n)
{
    schema::uuid made;
    made.bytes[15] = n;
    return made;
}

lanes::stream_ref stream(std::uint8_t n) { return {&lanes::aggregate_of<thing::state>(), id(99), id(n)}; }

lanes::standing at_version(std::int64_t version, std::size_t name_bytes = 0)
{
    thing::state now;
    now.name.assign(name_bytes, 'x');
    return {std::make_shared<const thing::state>(now), {version, id(static_cast<std::uint8_t>(version))}};
}
}  // namespace

TEST_CASE("what is put is found, with its version, until it is dropped")
{
    lanes::aggregate_cache cache(1 << 20);
    cache.put(stream(1), at_version(3));
    REQUIRE(cache.find(stream(1)));
    CHECK(cache.find(stream(1))->at.version == 3);
    CHECK_FALSE(cache.find(stream(2)));

    cache.put(stream(1), at_version(4));
    CHECK(cache.find(stream(1))->at.version == 4);
    CHECK(cache.size() == 1);

    cache.drop(stream(1));
    CHECK_FALSE(cache.find(stream(1)));
    CHECK(cache.bytes() == 0);
}

TEST_CASE("a stream without events is not kept, and drives out what was")
{
    lanes::aggregate_cache cache(1 << 20);
    cache.put(stream(1), at_version(1));
    cache.put(stream(1), {});
    CHECK_FALSE(cache.find(stream(1)));
}

TEST_CASE("beyond its bytes the least recently used go first")
{
    lanes::aggregate_cache cache(10'000);
    cache.put(stream(1), at_version(1, 3'000));
    cache.put(stream(2), at_version(1, 3'000));
    cache.find(stream(1));
    cache.put(stream(3), at_version(1, 3'000));
    CHECK(cache.find(stream(1)));
    CHECK_FALSE(cache.find(stream(2)));
    CHECK(cache.find(stream(3)));
    CHECK(cache.bytes() <= 10'000);

    cache.put(stream(4), at_version(1, 50'000));
    CHECK(cache.size() == 0);
}

TEST_CASE("a state that grew is weighed anew")
{
    lanes::aggregate_cache cache(10'000);
    cache.put(stream(1), at_version(1, 100));
    const std::size_t before = cache.bytes();
    cache.put(stream(1), at_version(2, 1'100));
    CHECK(cache.bytes() == before + 1'000);
}
