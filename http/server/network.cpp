#include "http/server/network.hpp"

#include "http/server/message.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>

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

constexpr std::array<std::uint8_t, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
using address_bytes = std::array<std::uint8_t, 16>;

bool is_of_4(const address_bytes& bytes) { return std::equal(mapped.begin(), mapped.end(), bytes.begin()); }

std::optional<address_bytes> bytes_of(std::string_view address)
{
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (address.size() >= text.size())
        return std::nullopt;
    std::copy(address.begin(), address.end(), text.begin());
    address_bytes bytes{};
    if (::inet_pton(AF_INET6, text.data(), bytes.data()) == 1)
        return bytes;
    std::copy(mapped.begin(), mapped.end(), bytes.begin());
    if (::inet_pton(AF_INET, text.data(), bytes.data() + mapped.size()) == 1)
        return bytes;
    return std::nullopt;
}

std::string text_of_address(const address_bytes& bytes)
{
    return is_of_4(bytes) ? written(AF_INET, bytes.data() + mapped.size(), {}) : written(AF_INET6, bytes.data(), {});
}

bool lies_in_block(const address_bytes& address, const address_block& block)
{
    for (int bit = 0; bit < block.bits; bit += 8)
    {
        const auto at = static_cast<std::size_t>(bit / 8);
        const int kept = std::min(8, block.bits - bit);
        if ((address[at] ^ block.bytes[at]) >> (8 - kept) != 0)
            return false;
    }
    return true;
}

std::string_view trimmed(std::string_view text)
{
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
        text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t'))
        text.remove_suffix(1);
    return text;
}

bool is_port(std::string_view text)
{
    return !text.empty() && text.size() <= 5 &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// "192.0.2.1", "192.0.2.1:80", "[2001:db8::1]", "[2001:db8::1]:80", and the bare form of IPv6.
std::optional<address_bytes> address_in_node(std::string_view node)
{
    if (node.starts_with('['))
    {
        const auto end = node.find(']');
        const auto rest = end == std::string_view::npos ? "?" : node.substr(end + 1);
        if (!rest.empty() && (!rest.starts_with(':') || !is_port(rest.substr(1))))
            return std::nullopt;
        const auto bytes = bytes_of(node.substr(1, end - 1));
        return node.find(':') < end ? bytes : std::nullopt;
    }
    const auto colon = node.find(':');
    if (colon != std::string_view::npos && node.find('.') < colon && is_port(node.substr(colon + 1)))
        node = node.substr(0, colon);
    return bytes_of(node);
}

// The address behind "for" in one element of a Forwarded field.
std::optional<address_bytes> address_in_element(std::string_view element)
{
    std::optional<address_bytes> found;
    while (!element.empty())
    {
        const auto end = element.find(';');
        const auto pair = trimmed(element.substr(0, end));
        element = end == std::string_view::npos ? std::string_view{} : element.substr(end + 1);
        const auto equals = pair.find('=');
        if (equals == std::string_view::npos || !equals_ignoring_case(pair.substr(0, equals), "for"))
            continue;
        auto node = pair.substr(equals + 1);
        if (node.size() >= 2 && node.starts_with('"') && node.ends_with('"'))
            node = node.substr(1, node.size() - 2);
        if (found)
            return std::nullopt;  // twice: it says nothing
        found = address_in_node(node);
        if (!found)
            return std::nullopt;
    }
    return found;
}

// Elements are parted at every comma: one inside quotes is no address anyway, and an open quote of a stranger must not
// swallow what proxies wrote behind it.
template <class Read>
std::string nearest_stranger(std::string_view peer, std::string_view field, std::span<const address_block> trusted,
                             Read read)
{
    std::string current{peer};
    while (!field.empty() && lies_in(current, trusted))
    {
        const auto comma = field.rfind(',');
        const auto element = trimmed(comma == std::string_view::npos ? field : field.substr(comma + 1));
        field = comma == std::string_view::npos ? std::string_view{} : field.substr(0, comma);
        if (element.empty())
            continue;
        const auto before = read(element);
        if (!before)
            break;
        current = text_of_address(*before);
    }
    return current;
}
}  // namespace

std::string network_of(std::string_view address)
{
    auto bytes = bytes_of(address);
    if (!bytes)
        return {};
    const bool is_4 = is_of_4(*bytes);
    std::fill(bytes->begin() + (is_4 ? mapped.size() + kept_of_4 : kept_of_6), bytes->end(), std::uint8_t{0});
    return is_4 ? written(AF_INET, bytes->data() + mapped.size(), "/24") : written(AF_INET6, bytes->data(), "/48");
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

std::optional<address_block> read_block(std::string_view text)
{
    const auto slash = text.find('/');
    const auto address = bytes_of(text.substr(0, slash));
    if (!address)
        return std::nullopt;
    address_block made{*address, 128};
    if (slash != std::string_view::npos)
    {
        const bool is_short = text.substr(0, slash).find(':') == std::string_view::npos;
        const auto length = text.substr(slash + 1);
        const auto [end, failed] = std::from_chars(length.data(), length.data() + length.size(), made.bits);
        if (failed != std::errc{} || end != length.data() + length.size() || made.bits < 0 ||
            made.bits > (is_short ? 32 : 128))
            return std::nullopt;
        made.bits += is_short ? 96 : 0;
    }
    for (int bit = made.bits; bit < 128; ++bit)
        if ((made.bytes[static_cast<std::size_t>(bit / 8)] >> (7 - bit % 8) & 1) != 0)
            return std::nullopt;
    return made;
}

std::string text_of(const address_block& block)
{
    const bool is_4 = is_of_4(block.bytes) && block.bits >= 96;
    return text_of_address(block.bytes) + '/' + std::to_string(block.bits - (is_4 ? 96 : 0));
}

bool lies_in(std::string_view address, std::span<const address_block> blocks)
{
    if (blocks.empty())
        return false;
    const auto bytes = bytes_of(address.substr(0, address.find('%')));
    return bytes && std::any_of(blocks.begin(), blocks.end(),
                                [&](const address_block& block) { return lies_in_block(*bytes, block); });
}

std::string client_of(std::string_view peer, std::string_view forwarded, std::string_view x_forwarded_for,
                      std::span<const address_block> trusted)
{
    if (!lies_in(peer, trusted))
        return std::string{peer};
    const auto one = nearest_stranger(peer, forwarded, trusted, address_in_element);
    const auto other = nearest_stranger(peer, x_forwarded_for, trusted, address_in_node);
    if (trimmed(forwarded).empty() || one == other)
        return other;
    return trimmed(x_forwarded_for).empty() ? one : std::string{peer};
}
}  // namespace http
