// The network an address lies in. For log lines: enough to see where trouble comes from, too little to name a person.
#pragma once

#include <string>
#include <string_view>

namespace http
{
// "203.0.113.0/24" of an IPv4 address (also of one written as ::ffff:203.0.113.9), "2001:db8:1::/48" of an IPv6 one;
// empty for what is no address.
std::string network_of(std::string_view address);

// As whom an address counts against limits: an IPv4 one as itself, an IPv6 one as its /64, which one customer holds;
// what is no address as it is.
std::string limited_as(std::string_view address);
}  // namespace http
