// GET /api/v1/events/stream: a tenant's events as server-sent events, for as long as the client stays.
//
// A stream is a place in the log and a few shared events: what its client has not taken is not kept for it. It takes
// from the ring of its tenant while it keeps up, and from the log itself where the ring does not reach. It says
// `clientflow.cut` with the place to go on from, and ends, when the server drains, when its key is no good any more,
// and when the ring has gone on without a client that was too slow; `clientflow.reset` when the store began another
// history. Source: WHATWG HTML, server-sent events.
#pragma once

#include "http/server/message.hpp"
#include "http/server/route.hpp"

#include <memory>

namespace http
{
next begin_event_stream(exchange&, const std::shared_ptr<call>&);
}  // namespace http
