// Addresses: whose they are when proxies stand between, as whom they count, and what of them log lines may name.
//
// Pure and thread-safe. An IPv4 address written as IPv6 (::ffff:203.0.113.9) is that IPv4 address everywhere.
// Sources: RFC 7239 (Forwarded), RFC 4632 and RFC 4291 §2.3 (blocks); X-Forwarded-For has no standard: it is the same
// list without parameters, in the same order.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
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

// All addresses that begin with the same bits; those of IPv4 as their ::ffff: form.
struct address_block
{
    std::array<std::uint8_t, 16> bytes{};
    int bits = 128;

    friend bool operator==(const address_block&, const address_block&) = default;
};

// "10.0.0.0/8", "2001:db8::/32", or one address. Nothing: it is none of these, or has bits set behind its length.
std::optional<address_block> read_block(std::string_view);
std::string text_of(const address_block&);

bool lies_in(std::string_view address, std::span<const address_block>);

// Who asks: `peer`, unless that is a trusted proxy. Then the nearest address before it, read from the right, that is no
// trusted proxy itself: what stands further left was written by whoever that is. The fields are those of the request,
// all lines of a name joined by commas; empty: not sent. An element that names no address ("unknown", "_hidden",
// garbage) ends the search at the proxy that wrote it; so does the end of the list. When both fields are there and name
// different clients, one of them came past the proxy unread, and neither is believed.
std::string client_of(std::string_view peer, std::string_view forwarded, std::string_view x_forwarded_for,
                      std::span<const address_block> trusted);
}  // namespace http
