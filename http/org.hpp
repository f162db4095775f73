// Routes of the organisation.
#pragma once

#include "http/server/route.hpp"

#include <span>

namespace org
{
std::span<const http::route> routes();
}
