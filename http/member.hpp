// Routes of members.
#pragma once

#include "http/server/route.hpp"

#include <span>

namespace member
{
std::span<const http::route> routes();
}
