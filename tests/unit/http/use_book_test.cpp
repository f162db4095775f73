// What was counted of keys: nothing is lost and nothing sent under two numbers, whatever becomes of a sending.
#include "http/server/use_book.hpp"

#include <doctest/doctest.h>

#include <string>

namespace
{
schema::uuid id(std::uint8_t n) { return schema::uuid::v7(1'700'000'000'000, {n}); }

constexpr std::int64_t quarter_us = 15LL * 60 * 1'000'000;

http::key_calls calls(std::uint8_t key, std::int64_t at_us, std::uint64_t count)
{
    return {id(1), {id(key)}, schema::moment{at_us}, count};
}

std::string text(const http::use_sending* sending)
{
    if (sending == nullptr)
        return "nothing";
    std::string made = std::to_string(sending->number) + ":";
    for (const auto& each : sending->uses)
        made += " " + std::to_string(each.last_used_at.us) + "x" + std::to_string(each.calls);
    return made;
}
}  // namespace

TEST_CASE("a sending stays as it is under its number until it was kept; what was counted since is in the next")
{
    http::use_book book;
    CHECK(text(book.next()) == "nothing");
    CHECK(book.note(calls(2, 10, 3)));
    CHECK(book.note(calls(2, 20, 4)));
    CHECK(text(book.next()) == "1: 20x7");
    CHECK(book.note(calls(2, 30, 5)));
    CHECK(text(book.next()) == "1: 20x7");
    book.kept();
    CHECK(text(book.next()) == "2: 30x5");
    book.kept();
    CHECK(text(book.next()) == "nothing");
}

TEST_CASE("calls of an outage stand in the quarters of an hour in which they were made")
{
    http::use_book book;
    for (std::int64_t second = 0; second < 3 * quarter_us; second += 100'000'000)
        CHECK(book.note(calls(2, second, 1)));
    CHECK(text(book.next()) == "1: 800000000x9 1700000000x9 2600000000x9");
}

TEST_CASE("a full book counts nothing new, and takes on what it has")
{
    http::use_book book{2};
    CHECK(book.note(calls(2, 0, 1)));
    CHECK(book.note(calls(3, 0, 1)));
    CHECK_FALSE(book.note(calls(4, 0, 1)));
    CHECK_FALSE(book.note(calls(2, quarter_us, 1)));
    CHECK(book.note(calls(3, 5, 1)));
    book.next();
    CHECK(book.note(calls(4, 0, 1)));
}

TEST_CASE("a sending holds so many at most, the oldest first")
{
    http::use_book book;
    const auto all = static_cast<std::int64_t>(http::use_book::sending_entries_max) + 1;
    for (std::int64_t quarter = 0; quarter < all; ++quarter)
        CHECK(book.note(calls(2, (all - quarter) * quarter_us, 1)));
    CHECK(book.next()->uses.size() == http::use_book::sending_entries_max);
    CHECK(book.next()->uses.front().last_used_at.us == quarter_us);
    book.kept();
    CHECK(text(book.next()) == "2: " + std::to_string(all * quarter_us) + "x1");
}
