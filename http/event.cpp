#include "http/event.hpp"

#include "http/server/command_route.hpp"
#include "http/server/event_poll.hpp"
#include "http/server/event_stream.hpp"
#include "http/server/live.hpp"

#include <array>

namespace event
{
namespace
{
constexpr std::array poll_parameters{
    http::parameter{"after", "Events behind this position: next_after of the answer before. Empty, or left out: from "
                             "the first event on."},
    http::parameter{"limit", "Events per answer: 1 to 200, 50 when left out."},
    http::parameter{"types", "Only these, separated by commas: project.*,task.completed"},
};

constexpr std::array stream_parameters{
    http::parameter{"after", "Begin behind this position; Last-Event-ID wins. Left out: now. Empty: from the first "
                             "event on."},
    http::parameter{"types", "Only these, separated by commas: project.*,task.completed"},
    http::parameter{"ticket", "Instead of a key, for browsers; from createEventTicket, once."},
};

// A ticket has no members to be made with.
void make_ticket(http::call& c)
{
    struct nothing
    {
    } none;
    static constexpr schema::record_type no_members = schema::record("ticket_request", 1);
    if (!c.in->query.empty())
        return c.refuse(http::bad_query("query", "A ticket takes no parameters, and is not rehearsed."));
    if (!http::read_body(c, no_members, &none))
        return;
    std::string text;
    schema::write_json(c.server->streams().make_ticket(c.key_digest), text);
    c.answer_json(std::move(text));
}

constexpr http::route poll_row()
{
    http::route made{http::verb::get, "/api/v1/events", "listEvents",
                     "Shows what happened after a position; with Prefer: wait it waits for the next event.",
                     http::needs::read};
    made.waiting = http::begin_event_poll;
    made.shape = http::answer_shape::events;
    made.parameters = poll_parameters;
    return made;
}

constexpr http::route stream_row()
{
    http::route made{http::verb::get, "/api/v1/events/stream", "streamEvents",
                     "Follows what happens as server-sent events.", http::needs::read};
    made.waiting = http::begin_event_stream;
    made.shape = http::answer_shape::other;
    made.parameters = stream_parameters;
    made.media = "text/event-stream";
    made.takes_ticket = true;
    return made;
}

constexpr http::route ticket_row()
{
    http::route made{http::verb::post, "/api/v1/events/tickets", "createEventTicket",
                     "Makes a ticket that opens one stream within a minute, for whoever cannot send a header.",
                     http::needs::read};
    made.local = make_ticket;
    made.body_may_be_absent = true;
    made.answer = &schema::schema_of<http::ticket_item>;
    made.shape = http::answer_shape::other;
    made.body_bytes_max = 1024;
    return made;
}

constexpr std::array table{poll_row(), stream_row(), ticket_row()};
}  // namespace

std::span<const http::route> routes() { return table; }
}  // namespace event
