// GET /api/v1/events: a tenant's events after a place, a page at a time, and with `Prefer: wait=` the next one when it
// comes. A waiting poll costs neither a thread nor a connection to the store.
#pragma once

#include "http/server/message.hpp"
#include "http/server/route.hpp"

#include <memory>

namespace http
{
next begin_event_poll(exchange&, const std::shared_ptr<call>&);
}  // namespace http
