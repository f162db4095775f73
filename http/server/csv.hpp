// A whole list as CSV, page by page: each page is read on a query thread once the client has taken the one before, so
// the memory of an answer is one page however long the list is, and a slow client holds neither thread nor connection.
//
// The order is the list's own, by key: a row that is there throughout and keeps its sort value appears once. The first
// page is read before the head goes out, so a refusal is one, and the position in the head is the first page's; later
// pages are at least as new. When a later page cannot be read, the answer ends in the middle and the client sees that
// (no last chunk). One page waits for a query thread at a time.
#pragma once

#include "http/server/query_pool.hpp"
#include "http/server/route.hpp"
#include "projections/runner/list.hpp"
#include "projections/runner/reader.hpp"

#include <optional>
#include <string_view>

namespace http
{
inline constexpr std::string_view csv_media = "text/csv";

// On a query thread. `sent` was read before and is a query of this list; `cursor`, `limit` and `offset` are refused:
// there are no pages to be seen.
void answer_csv(call&, query_context&, const projection::list_shape&, projection::parameters sent,
                std::optional<projection::under>);
}  // namespace http
