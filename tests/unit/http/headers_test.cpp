#include "http/server/headers.hpp"
#include "http/server/position_token.hpp"
#include "http/server/query_string.hpp"

#include <doctest/doctest.h>

#include <string>

namespace
{
std::string versions(std::string_view field)
{
    const auto read = http::read_if_match(field);
    if (!read)
        return "refused " + read.error().faults.at(0).where;
    std::string told = read->any ? "*" : "";
    for (const auto version : read->versions)
        told += std::to_string(version) + ' ';
    return told;
}

std::string key(std::string_view field)
{
    const auto read = http::read_idempotency_key(field);
    return read ? *read : "refused " + read.error().faults.at(0).where;
}
}  // namespace

TEST_CASE("gzip is taken by name or by a star, and refused by a weight of nothing")
{
    for (const char* taken : {"gzip", "deflate, GZIP;q=0.5", "x-gzip", "*", "br, *;q=0.1", "identity;q=0.5, gzip; q=1"})
        CHECK(http::takes_gzip(taken));
    for (const char* refused : {"", "br", "gzip;q=0", "gzip; q=0.000, *", "*;q=0", "identity", "gzipped"})
        CHECK_FALSE(http::takes_gzip(refused));
}

TEST_CASE("If-Match takes lists, a star and the tag of a compressed answer; weak and foreign tags match nothing")
{
    CHECK(versions("\"3\"") == "3 ");
    CHECK(versions("\"3\", \"4-gzip\" ,W/\"5\", \"abc\"") == "3 4 ");
    CHECK(versions("*") == "*");
    CHECK(versions("3") == "refused If-Match");
    CHECK(versions("") == "refused If-Match");
    CHECK(versions(" ") == "refused If-Match");
    CHECK(versions("\"3") == "refused If-Match");
    CHECK(versions("\"3\" \"4\"") == "refused If-Match");
}

TEST_CASE("several fields of one name are one list")
{
    http::request asked;
    asked.fields = {{"If-Match", "\"3\""}, {"Host", "x"}, {"if-match", "\"4\", \"5\""}};
    CHECK(asked.joined("If-Match") == "\"3\", \"4\", \"5\"");
    CHECK(asked.joined("If-None-Match").empty());
}

TEST_CASE("If-None-Match compares weakly")
{
    CHECK(http::none_match_names("W/\"7\"", 7));
    CHECK(http::none_match_names("\"6\", \"7-gzip\"", 7));
    CHECK(http::none_match_names("*", 7));
    CHECK_FALSE(http::none_match_names("\"6\"", 7));
    CHECK_FALSE(http::none_match_names("7", 7));
    CHECK_FALSE(http::none_match_names("", 7));
}

TEST_CASE("an Idempotency-Key is the same quoted and bare")
{
    CHECK(key("k-1") == "k-1");
    CHECK(key("\"k-1\"") == "k-1");
    CHECK(key(std::string(255, 'k')) == std::string(255, 'k'));
    CHECK(key(std::string(256, 'k')) == "refused Idempotency-Key");
    CHECK(key("") == "refused Idempotency-Key");
    CHECK(key("\"\"") == "refused Idempotency-Key");
    CHECK(key("a b") == "refused Idempotency-Key");
    CHECK(key("k\xc3\xa4") == "refused Idempotency-Key");
    CHECK(key("a\"b") == "refused Idempotency-Key");
}

TEST_CASE("Prefer: what cannot be read is ignored")
{
    CHECK(http::read_prefer("wait=3").wait == std::chrono::seconds{3});
    CHECK(http::read_prefer("respond-async, WAIT=3; x=y, handling=strict").strict);
    CHECK(http::read_prefer("wait=-3, wait=x").wait == std::nullopt);
    CHECK_FALSE(http::read_prefer("handling=lenient").strict);
}

TEST_CASE("a request id is kept when it is 8 to 128 harmless characters")
{
    CHECK(http::is_request_id("abc.DEF_1-2"));
    CHECK_FALSE(http::is_request_id("abcdefg"));
    CHECK_FALSE(http::is_request_id(std::string(129, 'a')));
    CHECK_FALSE(http::is_request_id("abcdefgh\xc3\xa4"));
    CHECK_FALSE(http::is_request_id("abcd efgh"));
}

TEST_CASE("a traceparent is taken only in its one form")
{
    const std::string good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    CHECK(http::read_traceparent(good) == good);
    CHECK(http::read_traceparent("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01").empty());
    CHECK(http::read_traceparent("00-00000000000000000000000000000000-00f067aa0ba902b7-01").empty());
    CHECK(http::read_traceparent("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").empty());
    CHECK(http::read_traceparent("x").empty());
}

TEST_CASE("Accept")
{
    CHECK(http::accepts("", "application/json"));
    CHECK(http::accepts("text/html, application/*;q=0.5", "application/json"));
    CHECK(http::accepts("APPLICATION/JSON", "application/json"));
    CHECK_FALSE(http::accepts("text/html", "application/json"));
    CHECK_FALSE(http::accepts("application/json;q=0", "application/json"));
}

TEST_CASE("a media type comes without its parameters; another charset is another type")
{
    CHECK(http::media_type("Application/JSON; charset=UTF-8") == "application/json");
    CHECK(http::media_type("application/json;charset=latin1") == std::nullopt);
    CHECK(http::media_type("") == "");
}

TEST_CASE("a position survives the way to the client and back, and nothing else is taken for one")
{
    const http::position_token token{"3.17", {5, 123'456'789'012}};
    const auto text = http::write_position(token);
    CHECK(text.size() <= 256);
    CHECK(text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") ==
          std::string::npos);
    CHECK(http::read_position(text) == token);
    CHECK(http::read_position("") == std::nullopt);
    CHECK(http::read_position("abc") == std::nullopt);
    CHECK(http::read_position(text + "AAAA") == std::nullopt);
    CHECK(http::read_position(std::string(300, 'A')) == std::nullopt);
}

TEST_CASE("a query string is decoded once; broken escapes and controls are refused")
{
    const auto read = http::read_query("a=b%20c&d[gte]=1&e&f=x+y&g=%C3%A4");
    REQUIRE(read);
    CHECK(*read == http::query_parameters{{"a", "b c"}, {"d[gte]", "1"}, {"e", ""}, {"f", "x y"}, {"g", "ä"}});
    CHECK(http::read_query("")->empty());
    CHECK_FALSE(http::read_query("a=%2"));
    CHECK_FALSE(http::read_query("a=%zz"));
    CHECK_FALSE(http::read_query("a=%00"));
    CHECK_FALSE(http::read_query("a=%ff"));
    CHECK(http::percent_encoded("a b/ä") == "a%20b%2F%C3%A4");
}

TEST_CASE("a form is preferred when it is named, and weighs no less than the usual one")
{
    const auto csv = [](std::string_view field) { return http::prefers(field, "text/csv", "application/json"); };
    for (const char* field : {"text/csv", "Text/CSV;header=present", "text/csv, application/json", "*/*, text/csv",
                              "application/json;q=0.5, text/csv;q=0.6", "text/csv;q=0.001, text/html"})
        CHECK_MESSAGE(csv(field), field);
    for (const char* field : {"", "*/*", "text/*", "application/json", "text/csv;q=0", "text/csv;q=0.0, */*;q=0",
                              "text/csv;q=0.9, */*", "text/csv;q=0.4, application/*;q=0.5", "text/csvx"})
        CHECK_MESSAGE(!csv(field), field);
    // The closest range counts, and a weight that cannot be read is the whole one.
    CHECK(csv("application/*, application/json;q=0.1, text/csv;q=0.2"));
    CHECK(csv("text/csv;q=x, application/json"));
}
