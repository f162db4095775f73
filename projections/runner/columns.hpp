// A row as the columns of its table: which columns a struct's field rows ask for, and the ways between the struct and
// PostgreSQL's text form. Its binary form, and JSON from that, are binary_columns.hpp.
//
// A money member is two columns (`budget_amount_minor`, `budget_currency`), a list is an array, every other member one
// column of its own name. Lists hold plain values. The connection must speak ISO dates, UTC and UTF-8
// (`open_connection` sees to it). Thread-safe, keeps nothing.
#pragma once

#include "schemas/record.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace projection
{
enum class column_part : std::uint8_t
{
    whole,
    amount,   // of a money
    currency  // of a money
};

struct column
{
    std::string name;
    std::string_view sql_type;  // "uuid", "text[]", …
    const schema::field_row* row = nullptr;
    const schema::leaf* value = nullptr;  // what it holds, without optional or personal around it
    column_part part = column_part::whole;
    bool is_nullable = false;
    bool is_list = false;
    std::string key;  // of its member in JSON: quoted, with the colon
};

// The columns of a described struct in the order of its rows, without the tenant. Every kind but maps, variants and
// nested records; those are an assertion.
std::vector<column> columns_of(const schema::record_type&);

// The member of a row, without optional or personal around it: what `column.value` describes; nullptr for NULL.
const void* value_in(const column&, const void* row);

// A value as PostgreSQL prints it, nothing for NULL.
using cell = std::optional<std::string_view>;

// Rows turned into one array literal per column, for a set-wise statement over unnest. Array columns travel as text,
// and the statement casts them: unnest flattens arrays of arrays.
class column_arrays
{
public:
    explicit column_arrays(std::span<const column>);

    void add(const void* row);
    std::size_t rows() const { return rows_; }
    // `{…}` for one column.
    std::string literal(std::size_t column) const { return texts_[column] + '}'; }

private:
    std::span<const column> columns_;
    std::vector<std::string> texts_;
    std::size_t rows_ = 0;
};

// One element of an array literal, quoted where needed.
void append_element(std::string& literal, std::string_view text);
// A plain array literal of texts, uuids or numbers.
std::string array_literal(std::span<const std::string> texts);

// Fills a freshly made row from its columns. Throws std::runtime_error (naming the column, no value) when a text is
// not what the column's kind prints.
void read_cells(std::span<const column>, std::span<const cell>, void* row);

// The column's text of one value in its public spelling, nothing when it is not such a value. Filters read with it.
std::optional<std::string> column_text(const column&, std::string_view given);
}  // namespace projection
