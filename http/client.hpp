// Routes of clients.
#pragma once

#include "http/server/route.hpp"

#include <span>

namespace client
{
std::span<const http::route> routes();
}
