// A row as the columns of its table: which columns a struct's field rows ask for, and the three ways between the
// struct, PostgreSQL's text form and JSON in GET's shape.
//
// A money member is two columns (`budget_amount_minor`, `budget_currency`), a list is an array, every other member one
// column of its own name. Lists hold plain values. JSON is rendered straight from what the columns send, without the
// struct, and is the same text that the struct itself would be written as (a test holds them side by side). The
// connection must speak ISO dates, UTC and UTF-8 (`open_connection` sees to it). Thread-safe, keeps nothing.
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

// What a select says for a column of `t` whose row is to be shown, and the type it has then. Ids and moments are sent
// as the bytes of their binary form (PostgreSQL 15, "uuid_send", "timestamptz_send"), which PostgreSQL prints in half
// the time that their text takes; everything else as its text.
std::string sent(const column&);
std::string_view sent_type(const column&);
// A sent id or moment. Throws std::runtime_error (naming the column, no value) when it is none.
schema::uuid sent_uuid(const column&, std::string_view);
schema::moment sent_moment(const column&, std::string_view);

// Appends a row that was sent so as a JSON object in GET's shape.
void append_json(std::span<const column>, std::span<const cell>, std::string& out);

// The column's text of one value in its public spelling, nothing when it is not such a value. Filters read with it.
std::optional<std::string> column_text(const column&, std::string_view given);
}  // namespace projection
