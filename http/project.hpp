// Routes of projects.
#pragma once

#include "http/server/route.hpp"

#include <span>

namespace project
{
std::span<const http::route> routes();
}
