// The OpenAPI document, made from the same routes and rows that the server answers by.
#pragma once

#include <string>

namespace cli
{
std::string api_document();
}  // namespace cli
