// Lists: which members of a noun can be asked for, what a query string means, and the statement that answers it.
//
// A query is read against the noun's shape: `status=todo,done` (or), different names (and), `due_on[gte]=`,
// `client_id=null`, `archived=false|true|any`, `q=words`, `sort=-due_on`, `limit`, `offset`, `cursor`; names also in
// camelCase (`projectId`), lists of things also by their singular (`assignee_id`). Pages go by key: the sort value and
// the id of the last row stand in the cursor, so page 10,000 costs what page 1 does, and a row that keeps its sort
// value appears exactly once. A cursor is opaque, never expires, and is signed together with organisation, route,
// filters and sort; it leads on from the last row of a page, or back from its first. Ties go by id ascending, nulls
// come last in both directions. Thread-safe, keeps nothing.
#pragma once

#include "projections/runner/columns.hpp"
#include "projections/runner/definition.hpp"
#include "schemas/result.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace projection
{
inline constexpr int limit_default = 50;
inline constexpr int limit_max = 200;
inline constexpr int offset_max = 10'000;
inline constexpr std::size_t filter_values_max = 100;
inline constexpr std::size_t sought_code_points_max = 200;  // of `q`
inline constexpr std::size_t sought_words_max = 8;

// What can be asked of one noun's list. Made once per noun; names are those of its field rows.
struct list_shape
{
    list_shape(const definition&, std::vector<std::string_view> filters, std::vector<std::string_view> sorts,
               std::vector<std::string_view> searched = {}, std::vector<std::string_view> folded = {});

    const definition* of;
    std::vector<column> columns;
    std::vector<std::string_view> filters;   // beside `archived`
    std::vector<std::string_view> sorts;     // the first is the default, descending
    std::vector<std::string_view> searched;  // texts whose words `q` looks at; empty: there is no `q`
    std::vector<std::string_view> folded;    // texts whose filter takes capitals and small letters for the same

    const column* column_named(std::string_view) const;
    // Ranges (`[gte]` and so on) are for numbers, days and moments.
    static bool has_range(const column&);
};

enum class comparison
{
    one_of,  // any of the values, or contains any of them
    gte,
    gt,
    lte,
    lt
};

struct filter
{
    const column* of = nullptr;
    comparison how = comparison::one_of;
    std::vector<std::string> values;  // as the column's text, sorted
    bool or_null = false;             // `null` was among the values
    bool is_folded = false;           // capitals and small letters are the same
};

enum class archived_rows
{
    hidden,
    alone,
    shown
};

// Beside which row a page lies.
struct seek
{
    std::optional<std::string> value;  // of the sort column in that row; nothing: it was null
    uuid id;
    bool is_before = false;  // the page ends before the row, instead of beginning after it
};

// A list query that was understood.
struct list_ask
{
    std::vector<filter> filters;      // sorted
    std::vector<std::string> sought;  // words of `q`, NFC, sorted: each begins some word of the searched texts
    archived_rows archived = archived_rows::hidden;
    const column* sort = nullptr;
    bool is_descending = true;
    int limit = limit_default;
    int offset = 0;
    std::optional<seek> beside;

    bool goes_back() const { return beside && beside->is_before; }
};

// Where a list stands: part of what a cursor is bound to.
struct list_place
{
    uuid tenant;
    std::string route;  // "/api/v1/tasks"; with the parent's id where there is one
};

using parameters = std::vector<std::pair<std::string, std::string>>;  // decoded, in the order sent

// Faults are at `parameter`; the code "bad_cursor" stands alone, every other is a bad query.
schema::result<list_ask, schema::faults> read_list_query(const list_shape&, const parameters&, const list_place&,
                                                         std::string_view cursor_secret);

// Only rows whose column holds this id: the parent that stands in the route.
struct under
{
    std::string_view column;
    uuid id;
};

// How a statement is run.
enum class planned
{
    for_values,   // by read.ask: `$1` are the arguments, `$2` the position, which is the first column
    once_for_all  // prepared: each argument is a parameter of its own, from $3 on, so that no row costs a look into $1
};

// Names the noun's table as {noun}. `nothing` is run by read.ask when there are no rows, and shows the position alone.
// One row more than the limit is asked for, to know whether there is another page; rows of a page that lies before a
// row come in reverse.
struct statement
{
    std::string body;
    std::string nothing;
    std::vector<std::string> arguments;
};
statement list_statement(const list_shape&, const list_ask&, std::optional<under>, planned = planned::for_values);
statement get_statement(const list_shape&, const uuid& id, std::optional<under>, planned = planned::for_values);

// Whether the index of the order is the way to the page for every tenant, so that one plan serves all: the noun's own
// order, not by number, and of each filter one value of what an index may begin with, or of what has no index at all.
bool is_read_along_order(const list_shape&, const list_ask&);

// The cursor that goes on from a row, or back.
std::string cursor_from(const list_ask&, const list_place&, const seek&, std::string_view cursor_secret);
// The value of the sort column in a row whose columns came in binary form, as seek wants it.
std::optional<std::string> seek_value(const list_ask&, cell bytes);
}  // namespace projection
