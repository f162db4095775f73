// Position tokens: of one lane and of several, whole or not at all.
#include "http/server/position_token.hpp"
#include "schemas/text.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

using event_log::position;
using http::position_token;

namespace
{
std::string token(std::int32_t lane, std::int64_t seq, const char* incarnation = "1.1")
{
    return http::write_position({incarnation, {lane, seq}});
}

constexpr const char* secret = "a secret of the store";

std::string given(std::int32_t lane, std::int64_t seq, const char* under = secret)
{
    return http::sign_position({"1.1", {lane, seq}}, under);
}

std::optional<http::positions_told> told_in(const std::string& list)
{
    return http::read_positions(list, "1.1", secret);
}
}  // namespace

TEST_CASE("a token of several lanes comes back as it was, within its bound")
{
    position_token full{"4294967295.9999999999", {15, std::numeric_limits<std::int64_t>::max()}};
    for (std::int32_t lane = 0; lane < 15; ++lane)
        full.elsewhere.push_back({lane, std::numeric_limits<std::int64_t>::max() - lane});
    const auto text = http::write_position(full);
    CHECK(text.size() <= 256);
    CHECK(http::read_position(text) == full);
    CHECK(http::read_position(text)->in(3) == position{3, std::numeric_limits<std::int64_t>::max() - 3});
    CHECK(http::read_position(text)->in(16) == std::nullopt);

    const auto with_code = http::sign_position(full, secret);
    CHECK(with_code.size() <= 256);
    CHECK(http::read_position(with_code) == full);
}

TEST_CASE("lanes that do not fit are left out, and the first is kept")
{
    position_token wide{std::string(64, 'x'), {99, 7}};
    for (std::int32_t lane = 1'000'000; lane < 1'000'040; ++lane)
        wide.elsewhere.push_back({lane, std::numeric_limits<std::int64_t>::max()});
    const auto text = http::write_position(wide);
    CHECK(text.size() <= 256);
    const auto back = http::read_position(text);
    REQUIRE(back);
    CHECK(back->at == position{99, 7});
    CHECK(back->elsewhere.size() >= 5);
}

TEST_CASE("a token that was cut, changed in a character or made up is none")
{
    const position_token whole{"1.1", {3, 12'345}, {{5, 1}, {9, 2}}};
    for (const auto& text : {http::write_position(whole), http::sign_position(whole, secret)})
    {
        for (std::size_t length = 0; length < text.size(); ++length)
            CHECK_FALSE(http::read_position(text.substr(0, length)));
        for (std::size_t i = 0; i < text.size(); ++i)
        {
            std::string other = text;
            other[i] = other[i] == 'A' ? 'B' : 'A';
            CHECK_FALSE(http::read_position(other));
        }
    }
    for (const char* made_up : {"p2", "p3", "p3\1x", "p2\1x",
                                "p2\3"
                                "1.1\3\1sum!",
                                "p3:1.1:3:4", "p1:1.1:3", "p1:1.1:3:4:", "p1::3:4"})
        CHECK_FALSE(http::read_position(schema::base64url(made_up)));
}

TEST_CASE("tokens from before there were several lanes in one are good as ever")
{
    const auto old = http::read_position(schema::base64url("p1:3.17:5:123456789012"));
    CHECK(old == position_token{"3.17", {5, 123'456'789'012}});
}

TEST_CASE("a list of tokens means the furthest of each lane")
{
    const auto told = told_in(token(3, 10) + ", " + token(5, 7) + "," + token(3, 12));
    REQUIRE(told);
    CHECK_FALSE(told->foreign);
    CHECK(told->at == std::vector<position>{{3, 12}, {5, 7}});
    CHECK(told->in(5) == position{5, 7});
    CHECK(told->in(4) == std::nullopt);
}

TEST_CASE("a token of another incarnation says nothing about places, and is said to be foreign")
{
    const auto told = told_in(token(3, 1'000'000, "9.9") + "," + token(3, 5));
    REQUIRE(told);
    CHECK(told->foreign);
    CHECK(told->at == std::vector<position>{{3, 5}});
}

TEST_CASE("a list with anything else in it, or with too much in it, is none")
{
    CHECK_FALSE(told_in(""));
    CHECK_FALSE(told_in(token(3, 1) + ","));
    CHECK_FALSE(told_in(token(3, 1) + ",nonsense"));
    std::string many = token(0, 1);
    for (std::size_t n = 1; n < http::positions_told::tokens_max; ++n)
        many += "," + token(static_cast<std::int32_t>(n), 1);
    CHECK(told_in(many));
    CHECK_FALSE(told_in(many + "," + token(1, 1)));
}

TEST_CASE("a foreign token among others costs them nothing")
{
    for (const auto& foreign : {token(3, 1'000'000, "9.9"), given(3, 1'000'000, "of another installation")})
        for (const auto& list : {foreign + "," + given(3, 5), given(3, 5) + "," + foreign})
        {
            const auto told = told_in(list);
            REQUIRE(told);
            CHECK(told->foreign);
            CHECK(told->in(3) == position{3, 5});
            CHECK(told->given_in(3) == position{3, 5});
        }
}

TEST_CASE("an answer's token carries on what its client was given of other lanes")
{
    const auto told = told_in(given(3, 10) + "," + given(5, 7));
    const auto next = http::read_position(http::sign_position("1.1", {5, 4}, *told, secret));
    REQUIRE(next);
    CHECK(next->at == position{5, 4});  // what the answer shows, not what was asked
    CHECK(next->elsewhere == std::vector<position>{{3, 10}});
}

TEST_CASE("what nobody was given is carried into no answer")
{
    for (const auto& made_up : {token(3, 10), given(3, 10, "of another installation"), token(3, 10, "9.9")})
    {
        const auto told = told_in(made_up + "," + given(7, 1));
        REQUIRE(told);
        CHECK(told->given_in(3) == std::nullopt);
        const auto next = http::read_position(http::sign_position("1.1", {5, 4}, *told, secret));
        CHECK(next == position_token{"1.1", {5, 4}, {{7, 1}}});
    }
    CHECK(told_in(token(3, 10))->in(3) == position{3, 10});  // believed of its own lane, where it harms nobody else
}
