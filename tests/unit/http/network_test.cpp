#include "http/server/network.hpp"

#include <doctest/doctest.h>

#include <initializer_list>
#include <string>
#include <vector>

using http::network_of;

TEST_CASE("an address is known in the log by its network alone")
{
    CHECK(network_of("203.0.113.77") == "203.0.113.0/24");
    CHECK(network_of("127.0.0.1") == "127.0.0.0/24");
    CHECK(network_of("255.255.255.255") == "255.255.255.0/24");
    CHECK(network_of("2001:db8:1:2:3:4:5:6") == "2001:db8:1::/48");
    CHECK(network_of("::1") == "::/48");
    CHECK(network_of("::ffff:203.0.113.77") == "203.0.113.0/24");
}

TEST_CASE("what is no address has no network")
{
    for (const char* text : {"", "localhost", "203.0.113", "203.0.113.77:8080", "[::1]",
                             "fe80::1%a-scope-that-is-longer-than-any-address-may-be"})
    {
        CAPTURE(text);
        CHECK(network_of(text).empty());
    }
}

TEST_CASE("limits count an IPv6 address as its /64, and everything else as itself")
{
    using http::limited_as;
    CHECK(limited_as("203.0.113.77") == "203.0.113.77");
    CHECK(limited_as("2001:db8:1:2:3:4:5:6") == "2001:db8:1:2::/64");
    CHECK(limited_as("2001:db8:1:2::99") == limited_as("2001:db8:1:2:ffff::1"));
    CHECK(limited_as("2001:db8:1:3::99") != limited_as("2001:db8:1:2::99"));
    CHECK(limited_as("fe80::1%eth0") == "fe80::/64");
    CHECK(limited_as("nowhere") == "nowhere");
}

namespace
{
std::vector<http::address_block> blocks(std::initializer_list<const char*> texts)
{
    std::vector<http::address_block> made;
    for (const char* text : texts)
        made.push_back(http::read_block(text).value());
    return made;
}

std::string forwarded(const char* peer, const char* field, std::initializer_list<const char*> trusted)
{
    return http::client_of(peer, field, "", blocks(trusted));
}

std::string x_forwarded(const char* peer, const char* field, std::initializer_list<const char*> trusted)
{
    return http::client_of(peer, "", field, blocks(trusted));
}
}  // namespace

TEST_CASE("a block is an address with a length, or an address alone; nothing else is")
{
    for (const char* text : {"10.0.0.0/8", "0.0.0.0/0", "192.0.2.7/32", "2001:db8::/32", "::/0", "::1/128"})
        CHECK(http::text_of(http::read_block(text).value()) == text);
    CHECK(http::text_of(http::read_block("192.0.2.7").value()) == "192.0.2.7/32");
    CHECK(http::read_block("::ffff:10.0.0.0/104") == http::read_block("10.0.0.0/8"));
    for (const char* text :
         {"", "/", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/8 ", "10.0.0.1/8", "10.0.0/8",
          "2001:db8::1/32", "::/129", "localhost", "[::1]", "*", "fe80::1%eth0", "10.0.0.0/8/8"})
    {
        CAPTURE(text);
        CHECK_FALSE(http::read_block(text));
    }
}

TEST_CASE("an address lies in a block when the first bits are the same")
{
    const auto trusted = blocks({"10.0.0.0/8", "192.0.2.128/25", "2001:db8::/47"});
    for (const char* in : {"10.255.0.1", "::ffff:10.1.2.3", "192.0.2.200", "2001:db8:1:ffff::1", "2001:db8:0::1"})
        CHECK_MESSAGE(http::lies_in(in, trusted), in);
    for (const char* out : {"11.0.0.1", "192.0.2.127", "2001:db8:2::1", "::a00:1", "nowhere", ""})
        CHECK_MESSAGE(!http::lies_in(out, trusted), out);
    CHECK_FALSE(http::lies_in("10.0.0.1", {}));
    CHECK(http::lies_in("203.0.113.9", blocks({"0.0.0.0/0"})));
    CHECK_FALSE(http::lies_in("2001:db8::1", blocks({"0.0.0.0/0"})));
}

TEST_CASE("nobody's word is taken who is not trusted")
{
    CHECK(http::client_of("198.51.100.1", "for=203.0.113.9", "203.0.113.9", {}) == "198.51.100.1");
    CHECK(forwarded("198.51.100.1", "for=203.0.113.9", {"10.0.0.0/8"}) == "198.51.100.1");
    CHECK(x_forwarded("198.51.100.1", "203.0.113.9", {"10.0.0.0/8"}) == "198.51.100.1");
}

TEST_CASE("behind trusted proxies the client is the nearest address that is none of them, read from the right")
{
    CHECK(x_forwarded("10.0.0.1", "203.0.113.9", {"10.0.0.0/8"}) == "203.0.113.9");
    CHECK(x_forwarded("10.0.0.1", "1.1.1.1, 203.0.113.9", {"10.0.0.0/8"}) == "203.0.113.9");
    CHECK(x_forwarded("10.0.0.1", "1.1.1.1, 203.0.113.9, 10.0.0.7", {"10.0.0.0/8"}) == "203.0.113.9");
    CHECK(x_forwarded("10.0.0.1", "10.0.0.9,\t10.0.0.8 ,10.0.0.7", {"10.0.0.0/8"}) == "10.0.0.9");
    CHECK(x_forwarded("10.0.0.1", "203.0.113.9,,", {"10.0.0.0/8"}) == "203.0.113.9");
    CHECK(forwarded("::1", "for=1.1.1.1;proto=https, For=\"[2001:db8::7]:4711\";by=10.0.0.1", {"::1"}) ==
          "2001:db8::7");
    CHECK(forwarded("10.0.0.1", "by=10.0.0.1; for=203.0.113.9", {"10.0.0.0/8"}) == "203.0.113.9");
}

TEST_CASE("an address is taken in each of its spellings, and told in one")
{
    for (const char* element : {"203.0.113.9", "203.0.113.9:8080", "::ffff:203.0.113.9", "[::ffff:203.0.113.9]:1"})
        CHECK_MESSAGE(x_forwarded("10.0.0.1", element, {"10.0.0.1"}) == "203.0.113.9", element);
    for (const char* element : {"for=\"[2001:DB8:0::7]\"", "for=\"[2001:db8::7]:99\"", "FOR=2001:db8::7"})
        CHECK_MESSAGE(forwarded("10.0.0.1", element, {"10.0.0.1"}) == "2001:db8::7", element);
}

TEST_CASE("what names no address ends the search at whoever wrote it")
{
    for (const char* element : {"for=unknown", "for=_hidden", "for=", "for=\"", "for=\"[2001:db8::7\"", "for=[]:1",
                                "for=\"[::1]:x\"", "proto=https", "for=999.0.0.1", "for=203.0.113.9;for=1.1.1.1",
                                "garbage", "for=203.0.113.9:123456", "for=:80"})
    {
        CAPTURE(element);
        CHECK(forwarded("10.0.0.1", (std::string{"for=1.1.1.1, "} + element).c_str(), {"10.0.0.0/8"}) == "10.0.0.1");
        CHECK(forwarded("10.0.0.1", (std::string{element} + ", for=10.0.0.2").c_str(), {"10.0.0.0/8"}) == "10.0.0.2");
    }
    // An open quote that a stranger sent does not swallow what the proxy added.
    CHECK(forwarded("10.0.0.1", "for=\"1.1.1.1, for=203.0.113.9", {"10.0.0.0/8"}) == "203.0.113.9");
}

TEST_CASE("two fields that name two clients are both disbelieved")
{
    const auto trusted = blocks({"10.0.0.0/8"});
    CHECK(http::client_of("10.0.0.1", "for=203.0.113.9", "203.0.113.9", trusted) == "203.0.113.9");
    CHECK(http::client_of("10.0.0.1", "for=1.1.1.1", "203.0.113.9", trusted) == "10.0.0.1");
    CHECK(http::client_of("10.0.0.1", "for=unknown", "203.0.113.9", trusted) == "10.0.0.1");
    CHECK(http::client_of("10.0.0.1", "", "", trusted) == "10.0.0.1");
}
