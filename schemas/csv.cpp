#include "schemas/csv.hpp"

#include "schemas/json_copy.hpp"

#include <algorithm>
#include <array>

namespace schema
{
namespace
{
struct code_range
{
    char32_t first, last;
};

// White space, controls, and what is not shown.
constexpr std::array<code_range, 22> unseen{
    {{0, 0x20},          {0x7f, 0xa0},       {0xad, 0xad},       {0x34f, 0x34f},   {0x61c, 0x61c},   {0x115f, 0x1160},
     {0x1680, 0x1680},   {0x17b4, 0x17b5},   {0x180b, 0x180f},   {0x2000, 0x200f}, {0x2028, 0x202f}, {0x205f, 0x206f},
     {0x3000, 0x3000},   {0x3164, 0x3164},   {0xfe00, 0xfe0f},   {0xfeff, 0xfeff}, {0xffa0, 0xffa0}, {0xfff0, 0xfffb},
     {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff}, {0x2800, 0x2800}}};

// = + - @, then their small and full-width forms, and the minus sign.
constexpr std::u32string_view formula_signs = U"=+-@\u2212\ufe62\ufe63\ufe66\ufe6b\uff0b\uff0d\uff1d\uff20";

// Behind these a new cell begins, for this reader or for one that was told another separator.
constexpr std::string_view cell_openers = "\";\t\r\n";
constexpr std::string_view quoted_for = ",\";\t\r\n";

// Takes one off the front of valid UTF-8; of anything else, a byte.
char32_t take_code_point(std::string_view& text)
{
    const auto lead = static_cast<unsigned char>(text.front());
    std::size_t more = 0;
    if (lead >= 0xc2)
        more = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
    more = std::min(more, text.size() - 1);
    auto code = static_cast<char32_t>(more == 0 ? lead : lead & (0x3f >> more));
    for (std::size_t i = 1; i <= more; ++i)
        code = code << 6 | (static_cast<unsigned char>(text[i]) & 0x3fU);
    text.remove_prefix(more + 1);
    return code;
}

bool is_unseen(char32_t code)
{
    return std::any_of(unseen.begin(), unseen.end(),
                       [code](const code_range& each) { return code >= each.first && code <= each.last; });
}

bool opens_cell(char c) { return cell_openers.find(c) != std::string_view::npos; }

// Where the sign of a formula stands behind nothing but what is not seen; npos where none does. Looks no further than
// the next opener, which is asked about itself.
std::size_t find_sign(std::string_view behind_opener)
{
    for (auto rest = behind_opener; !rest.empty() && !opens_cell(rest.front());)
    {
        const auto at = behind_opener.size() - rest.size();
        const char32_t code = take_code_point(rest);
        if (formula_signs.find(code) != std::u32string_view::npos)
            return at;
        if (!is_unseen(code))
            break;
    }
    return std::string_view::npos;
}

// The signs of formulas inside JSON's texts, written as JSON's own escapes: a mark would change what it says. Outside
// of texts none follows an opener.
std::string escape_signs(std::string_view json)
{
    constexpr std::string_view digits = "0123456789abcdef";
    std::string made;
    while (!json.empty())
    {
        const bool is_opener = opens_cell(json.front());
        made += json.front();
        json.remove_prefix(1);
        const auto at = is_opener ? find_sign(json) : std::string_view::npos;
        if (at == std::string_view::npos)
            continue;
        made.append(json.substr(0, at)).append("\\u");
        json.remove_prefix(at);
        const char32_t sign = take_code_point(json);
        for (const int shift : {12, 8, 4, 0})
            made += digits[sign >> shift & 0xfU];
    }
    return made;
}

bool would_run(std::string_view text)
{
    if (text.empty())
        return false;
    const bool begins_with_control = static_cast<unsigned char>(text.front()) < ' ';
    while (!text.empty())
    {
        const char32_t code = take_code_point(text);
        if (!is_unseen(code))
            return begins_with_control || formula_signs.find(code) != std::u32string_view::npos;
    }
    return begins_with_control;
}

void append_value(std::string& out, const json::node& value)
{
    if (json::type_of(value) == json::node_type::null)
        return;
    if (json::type_of(value) == json::node_type::text)
        return append_csv_cell(out, json::text_of(value));
    std::string text;
    json_writer to{text};
    write_node(to, value, member_order::as_given);
    append_csv_json_cell(out, text);
}
}  // namespace

void append_csv_cell(std::string& out, std::string_view text)
{
    const bool is_quoted = text.find_first_of(quoted_for) != std::string_view::npos;
    out.append(is_quoted ? "\"" : "").append(would_run(text) ? "'" : "");
    if (!is_quoted)
    {
        out.append(text);
        return;
    }
    for (std::size_t i = 0; i < text.size(); ++i)
    {
        out.append(text[i] == '"' ? 2 : 1, text[i]);
        if (opens_cell(text[i]) && find_sign(text.substr(i + 1)) != std::string_view::npos)
            out += '\'';
    }
    out += '"';
}

void append_csv_json_cell(std::string& out, std::string_view json)
{
    append_csv_cell(out, json.find_first_of(cell_openers) == std::string_view::npos ? json : escape_signs(json));
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
