// Ids that a client chose so that they look alike to a lazy hash.
#include "commands/lanes/standing.hpp"
#include "events/log/envelope.hpp"
#include "projections/runner/definition.hpp"
#include "schemas/uuid.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <unordered_set>

using schema::uuid;

namespace
{
constexpr std::uint64_t ids = 10'000;
constexpr std::size_t crowd = 24;  // about as full as no bucket of a fair table of this size ever gets

// Differs from its neighbours only in the eight bytes that begin at `at`.
uuid nth(std::uint64_t n, std::size_t at)
{
    uuid made;
    made.bytes.fill(0x5A);
    for (std::size_t i = 0; i < 8; ++i)
        made.bytes[at + i] = static_cast<std::uint8_t>(n >> (8 * i));
    return made;
}

template <class Key>
std::size_t fullest_bucket(auto key_of)
{
    std::unordered_set<Key> table;
    for (std::uint64_t n = 0; n < ids; ++n)
        table.insert(key_of(n));
    REQUIRE(table.size() == ids);
    std::size_t most = 0;
    for (std::size_t b = 0; b < table.bucket_count(); ++b)
        most = std::max(most, table.bucket_size(b));
    return most;
}
}  // namespace

TEST_CASE("ids that share eight of their bytes spread over the buckets")
{
    CHECK(fullest_bucket<uuid>([](std::uint64_t n) { return nth(n, 0); }) < crowd);
    CHECK(fullest_bucket<uuid>([](std::uint64_t n) { return nth(n, 8); }) < crowd);
}

TEST_CASE("keys made of several ids spread, also when the ids move together")
{
    const auto both = [](auto made) {
        return [made](std::uint64_t n) { return made(nth(n, 0), nth(31 * n, 8)); };
    };
    CHECK(fullest_bucket<event_log::stream_key>(
              both([](const uuid& a, const uuid& b) { return event_log::stream_key{a, "task", b}; })) < crowd);
    CHECK(fullest_bucket<projection::row_key>(
              both([](const uuid& a, const uuid& b) { return projection::row_key{a, b}; })) < crowd);
    CHECK(fullest_bucket<lanes::stream_ref>(
              both([](const uuid& a, const uuid& b) { return lanes::stream_ref{nullptr, a, b}; })) < crowd);
}
