#include "schemas/csv.hpp"

#include "schemas/json_copy.hpp"

namespace schema
{
namespace
{
void append_value(std::string& out, const json::node& value)
{
    if (json::type_of(value) == json::node_type::null)
        return;
    if (json::type_of(value) == json::node_type::text)
        return append_csv_cell(out, json::text_of(value));
    std::string text;
    json_writer to{text};
    write_node(to, value, member_order::as_given);
    append_csv_cell(out, text);
}
}  // namespace

void append_csv_cell(std::string& out, std::string_view text)
{
    const bool is_formula = !text.empty() && std::string_view{"=+-@"}.find(text.front()) != std::string_view::npos;
    const bool is_quoted = text.find_first_of("\",\r\n") != std::string_view::npos;
    out.append(is_quoted ? "\"" : "").append(is_formula ? "'" : "");
    if (!is_quoted)
    {
        out.append(text);
        return;
    }
    for (const char c : text)
        out.append(c == '"' ? 2 : 1, c);
    out += '"';
}

// Members mostly come in the order of the rows.
void append_csv_line(std::string& out, const record_type& type, const json::node& item)
{
    json::members walk{item};
    bool has_member = walk.next();
    for (const field_row& row : type)
    {
        out.append(&row == type.begin() ? "" : ",");
        if (has_member && walk.key == row.name)
        {
            append_value(out, walk.value);
            has_member = walk.next();
            continue;
        }
        json::node value;
        if (json::find(item, row.name, value))
            append_value(out, value);
    }
    out += "\r\n";
}
}  // namespace schema
