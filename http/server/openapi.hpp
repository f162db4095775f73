// The OpenAPI 3.1 document of the public API, written from the same rows that the router and the JSON reader use.
#pragma once

#include "http/server/route.hpp"

#include <span>
#include <string>
#include <string_view>

namespace http
{
// Deterministic: the same tables give the same bytes.
std::string openapi_document(std::span<const std::span<const route>> tables, std::string_view version);
}  // namespace http
