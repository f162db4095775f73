// All routes of the public API, noun by noun: what the router, the OpenAPI document and the tests walk over.
#pragma once

#include "http/server/route.hpp"

#include <span>

namespace http
{
std::span<const std::span<const route>> all_routes();
}  // namespace http
