// How a noun's command becomes a submission: path ids, body, `occurred_at`, and the noun's own `handle` behind it.
//
// Thin templates over functions that are compiled once. Each answers false when it has refused, with the answer in
// `call::out`. What is submitted owns all it needs, because it outlives the request's buffers.
#pragma once

#include "commands/lanes/aggregate.hpp"
#include "http/server/route.hpp"
#include "schemas/uuid.hpp"

#include <optional>
#include <string_view>
#include <utility>

namespace http
{
// A path parameter that is not an id of this kind names nothing: 404, as for a thing of somebody else.
template <class Id>
bool read_path_id(call& c, std::size_t which, Id& into)
{
    const auto id = Id::parse(c.ids[which]);
    if (!id)
        return c.refuse("not_found"), false;
    into = *id;
    return true;
}

// 400 malformed, or 422 with all faults. Always false.
bool refuse_faults(call&, schema::faults);

// The body as the described struct; an absent one counts as {} where the route says so.
bool read_body(call&, const schema::record_type&, void* into);

// False: it is, and was refused as the body's "id".
bool refuse_nil(call&, const schema::uuid&);

// `occurred_at` is an importer's: for others the member does not exist, and it is not in the future for anybody.
bool take_occurred_at(call&, const std::optional<schema::moment>&, lanes::submission&);

// The answer shows this stream, and If-Match speaks of it.
template <class State>
void show(lanes::submission& asked, const schema::uuid& stream)
{
    asked.shown_as = &lanes::aggregate_of<State>();
    if (asked.match)
        asked.match->stream = {asked.tenant, std::string{State::category}, stream};
}

// `Any` is the noun's variant of commands; `handle` is found beside it.
template <class State, class Any, class Command>
bool submit_as(lanes::submission& asked, Command command, const schema::uuid& stream)
{
    show<State>(asked, stream);
    asked.decide = [any = Any{std::move(command)}, from = asked.from](lanes::view& sight) {
        return handle(any, sight, from);
    };
    return true;
}

template <class Command>
bool read_command(call& c, Command& into, lanes::submission& asked)
{
    return read_body(c, schema::schema_of<Command>, &into) && take_occurred_at(c, into.occurred_at, asked);
}

// The id is made here when the client sends none; the one of zeros names nothing.
template <class Command>
bool read_birth(call& c, Command& into, lanes::submission& asked)
{
    into.id.value = c.server->make_id(c.accepted);
    return read_command(c, into, asked) && refuse_nil(c, into.id.value);
}

// POST on a collection.
template <class State, class Any, class Command>
bool create_item(call& c, lanes::submission& asked)
{
    Command command{};
    if (!read_birth(c, command, asked))
        return false;
    const auto id = command.id.value;
    return submit_as<State, Any>(asked, std::move(command), id);
}

// PATCH, DELETE and the verbs: the first path parameter names the thing.
template <class State, class Any, class Command>
bool change_item(call& c, lanes::submission& asked)
{
    Command command{};
    if (!read_path_id(c, 0, command.id) || !read_command(c, command, asked))
        return false;
    const auto id = command.id.value;
    return submit_as<State, Any>(asked, std::move(command), id);
}
}  // namespace http
