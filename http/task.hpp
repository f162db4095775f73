// Routes of tasks.
#pragma once

#include "http/server/route.hpp"

#include <span>

namespace task
{
std::span<const http::route> routes();
}
