// Routes of documents about the API itself: the OpenAPI document, and a page per problem code.
#pragma once

#include "http/server/route.hpp"

#include <span>

namespace http
{
std::span<const route> document_routes();
}  // namespace http
