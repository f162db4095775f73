// How a query on a noun's read model is answered: a page of its list, or one item.
#pragma once

#include "http/server/route.hpp"
#include "projections/runner/list.hpp"
#include "projections/runner/reader.hpp"
#include "schemas/uuid.hpp"

#include <optional>
#include <string>

namespace http
{
// GET on a collection: the query string read against the noun's shape, a page, and the link to the next one.
void answer_page(call&, query_context&, const projection::list_shape&, std::optional<projection::under> = {});

// Link: the same request for the pages beside this one.
void add_links(call&, const std::optional<std::string>& next_cursor, const std::optional<std::string>& prev_cursor);

// GET on an item: ETag, 304, 404.
void answer_row(call&, query_context&, const projection::list_shape&, const schema::uuid& id,
                std::optional<projection::under> = {});

// Whether there is such a row; refuses with 404 when not. One of the answer's reads.
bool expect_row(call&, query_context&, const projection::list_shape&, const schema::uuid& id);

// Refuses every parameter in the query string.
bool expect_no_parameters(call&);

// Of each read that the answer is made of: it is as new as the oldest of them, and stale when they show two histories
// or a key of the tenant is stopped.
void take_position(call&, const projection::shown&);

// The id in the path, for `Id` of the noun; then one item.
template <class Id>
void answer_row_of_path(call& c, query_context& with, const projection::list_shape& shape)
{
    const auto id = Id::parse(c.ids[0]);
    if (!id)
        return c.refuse("not_found");
    answer_row(c, with, shape, id->value);
}
}  // namespace http
