// The routes of time entries.
#pragma once

#include "http/server/route.hpp"

#include <span>

namespace time_entry
{
std::span<const http::route> routes();
}  // namespace time_entry
