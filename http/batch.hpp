// Many commands in one request.
#pragma once

#include "http/server/route.hpp"

#include <span>

namespace batch
{
std::span<const http::route> routes();
}  // namespace batch
