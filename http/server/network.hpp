// The network an address lies in, for log lines: enough to see where trouble comes from, too little to name a person.
#pragma once

#include <string>
#include <string_view>

namespace http
{
// "203.0.113.0/24" of an IPv4 address (also of one written as ::ffff:203.0.113.9), "2001:db8:1::/48" of an IPv6 one;
// empty for what is no address.
std::string network_of(std::string_view address);
}  // namespace http
