// The part of a target after '?': names and values, decoded. Source: WHATWG URL, application/x-www-form-urlencoded.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace http
{
using query_parameters = std::vector<std::pair<std::string, std::string>>;

// Nothing: a percent sign without two hex digits, or what comes out is not UTF-8 or holds a control character.
std::optional<query_parameters> read_query(std::string_view);

// For building links: everything but unreserved characters becomes %XX.
std::string percent_encoded(std::string_view);
}  // namespace http
