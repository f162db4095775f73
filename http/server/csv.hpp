// Something long as CSV, page by page: each page is read on a query thread once the client has taken the one before, so
// the memory of an answer is one page however long the whole is, and a slow client holds neither thread nor connection.
//
// The order of a list is its own, by key: a row that is there throughout and keeps its sort value appears once. The
// first page is read before the head goes out, so a refusal is one, and the position in the head is the first page's;
// later pages are at least as new. When a later page cannot be read, the answer ends in the middle and the client sees
// that (no last chunk). One page waits for a query thread at a time, a key has few answers under way
// (`exports_per_key_max`), and behind a page that found nothing the answer rests three times as long as that page took:
// an export of what is not there takes a quarter of a query thread at most.
#pragma once

#include "http/server/query_pool.hpp"
#include "http/server/route.hpp"
#include "projections/runner/list.hpp"
#include "projections/runner/reader.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace http
{
inline constexpr std::string_view csv_media = "text/csv";

struct csv_page
{
    std::string lines;                // whole ones; may be none while it goes on
    std::optional<std::string> next;  // where to go on, in the reader's own words; nothing: that was all
};

// Reads the page at `next` of the page before, on a query thread. Nothing, or a throw: the answer breaks off. It
// outlives the request and owns what it needs of it.
using csv_page_reader = std::function<std::optional<csv_page>(query_context&, const std::string& next)>;

// The header and the first page, and whoever reads the others.
void answer_csv_pages(call&, csv_page first, csv_page_reader);

// There are no pages to be seen: `cursor`, `limit` and `offset` are refused. False: they were.
bool expect_whole(call&, const projection::parameters& sent);

// A list. On a query thread. `sent` was read before and is a query of this list.
void answer_csv(call&, query_context&, const projection::list_shape&, projection::parameters sent,
                std::optional<projection::under>);
}  // namespace http
