#include "http/server/network.hpp"

#include <doctest/doctest.h>

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
