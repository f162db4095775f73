// Routes of comments on tasks.
#pragma once

#include "http/server/route.hpp"

#include <span>

namespace comment
{
std::span<const http::route> routes();
}
