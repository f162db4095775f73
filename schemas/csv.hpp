// Items as lines of CSV: one column per field row, in the rows' order, under the names that JSON has.
//
// Text as it is, numbers and true/false as JSON writes them, nothing for null, and JSON text for what has parts of its
// own (money, lists). A cell that a spreadsheet would run gets a ' in front: one that begins with = + - @ or with what
// looks like them (full-width, small, the minus sign), also behind white space and characters that nobody sees, and one
// that begins with a control character. So does what would begin a cell of its own for a reader that was told to part
// cells at ; or at tabs: such a sign behind ; tab, line end or ". In JSON text it is written as \u003d instead, which
// means the same. Pure and thread-safe. Sources: RFC 4180, lines end with CR LF; OWASP, CSV Injection; Unicode 15,
// White_Space, Cc and Default_Ignorable_Code_Point.
#pragma once

#include "schemas/json.hpp"
#include "schemas/record.hpp"

#include <string>
#include <string_view>

namespace schema
{
// Behind `csv_header` (record.hpp). `item` is an object in the record's shape; a member that it lacks is an empty cell,
// one that the record lacks is left out.
void append_csv_line(std::string& out, const record_type&, const json::node& item);

// One cell, quoted where it has to be.
void append_csv_cell(std::string& out, std::string_view text);

// The same of JSON text, which says what it said.
void append_csv_json_cell(std::string& out, std::string_view json);
}  // namespace schema
