// A thing's past: every event of it with what it changed, and the thing as it was at a version or a time.
//
// Folded from the log when asked for. The read model only says whether there is such a thing for the asker, and how new
// the answer is. Values of a forgotten subject are null. Source: contract §1, history.
#pragma once

#include "commands/lanes/aggregate.hpp"
#include "http/server/query_route.hpp"

namespace http
{
struct past_of
{
    const lanes::aggregate_type& type;
    const projection::list_shape& shape;
    schema::uuid id;
    std::optional<projection::under> parent{};
};

// GET …/{id}/history: a page of events, the oldest first.
void answer_history(call&, query_context&, const past_of&);

// GET …/{id}: the item as it is, or with `at` as it was.
void answer_past(call&, query_context&, const past_of&);

// For the one id in the path.
template <class Id, class State>
void answer_history_of_path(call& c, query_context& with, const projection::list_shape& shape)
{
    const auto id = Id::parse(c.ids[0]);
    if (!id)
        return c.refuse("not_found");
    answer_history(c, with, {lanes::aggregate_of<State>(), shape, id->value});
}

template <class Id, class State>
void answer_past_of_path(call& c, query_context& with, const projection::list_shape& shape)
{
    const auto id = Id::parse(c.ids[0]);
    if (!id)
        return c.refuse("not_found");
    answer_past(c, with, {lanes::aggregate_of<State>(), shape, id->value});
}
}  // namespace http
