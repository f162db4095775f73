#include "http/server/network.hpp"

#include <algorithm>
#include <array>

#include <arpa/inet.h>

namespace http
{
namespace
{
constexpr std::size_t kept_of_4 = 3;  // bytes: /24, a site
constexpr std::size_t link_of_6 = 8;  // bytes: /64, one customer's link
constexpr std::size_t kept_of_6 = 6;  // bytes: /48, a site; what lies behind it tells households and machines apart

std::string written(int family, const void* bytes, std::string_view length)
{
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (::inet_ntop(family, bytes, text.data(), text.size()) == nullptr)
        return {};
    return std::string{text.data()}.append(length);
}
}  // namespace

std::string network_of(std::string_view address)
{
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (address.size() >= text.size())
        return {};
    std::copy(address.begin(), address.end(), text.begin());

    std::array<unsigned char, 16> bytes{};
    if (::inet_pton(AF_INET, text.data(), bytes.data()) == 1)
    {
        bytes[kept_of_4] = 0;
        return written(AF_INET, bytes.data(), "/24");
    }
    if (::inet_pton(AF_INET6, text.data(), bytes.data()) != 1)
        return {};
    constexpr std::array<unsigned char, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (std::equal(mapped.begin(), mapped.end(), bytes.begin()))
    {
        bytes[mapped.size() + kept_of_4] = 0;
        return written(AF_INET, bytes.data() + mapped.size(), "/24");
    }
    std::fill(bytes.begin() + kept_of_6, bytes.end(), static_cast<unsigned char>(0));
    return written(AF_INET6, bytes.data(), "/48");
}

std::string limited_as(std::string_view address)
{
    std::string text{address.substr(0, address.find('%'))};  // a scope is the local link's own
    std::array<unsigned char, 16> bytes{};
    if (::inet_pton(AF_INET6, text.c_str(), bytes.data()) != 1)
        return std::string{address};
    std::fill(bytes.begin() + link_of_6, bytes.end(), static_cast<unsigned char>(0));
    return written(AF_INET6, bytes.data(), "/64");
}
}  // namespace http
