// Answers made smaller on request: gzip (RFC 1952), and only for clients that say they take it.
//
// Thread-safe. zlib does the work: packaged in Debian, and loaded already by the row cache.
#pragma once

#include "http/server/message.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace http
{
// Below this the head outweighs what is saved.
inline constexpr std::size_t compressed_from_bytes = 1'024;

std::string gzip(std::string_view);

// "7" and "7-gzip" are the same version as different bytes: makes the one in the fields the other.
void mark_entity_tag(reply&);

// The body as gzip, with Content-Encoding and an entity tag of its own ("7" becomes "7-gzip"). Leaves alone what is
// short, has no body, or would not get smaller.
void compress(reply&);
// The same with what gzip has made of the body before; `packed` outlives the exchange.
void compress_as(reply&, std::string_view packed);
}  // namespace http
