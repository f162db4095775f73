// Cursors over the log: where a page goes on, signed for whoever asked and for what was asked.
//
// A cursor never expires and is opaque. It is good for one organisation, one path and whatever else it was bound to;
// any other is no cursor at all.
#pragma once

#include "http/server/route.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace http
{
struct cursor_binding
{
    std::string_view kind;     // stored in what clients keep: never changed
    std::string_view asked{};  // filters, in one spelling
    std::string_view secret;
};

std::string signed_cursor(const call&, const cursor_binding&, std::string_view payload);
// The payload; nothing: it is not a cursor of this place.
std::optional<std::string> open_cursor(const call&, const cursor_binding&, std::string_view cursor);

// A whole number; too large a one is as good as the largest.
std::optional<std::int64_t> whole_number(std::string_view);
}  // namespace http
