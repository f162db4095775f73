// Routes of the events that the world outside hears of: a stream, a poll, and tickets for streams.
#pragma once

#include "http/server/route.hpp"

#include <span>

namespace event
{
std::span<const http::route> routes();
}
