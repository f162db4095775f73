#include "schemas/json_writer.hpp"

#include "schemas/text.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <string_view>

namespace schema
{
namespace
{
// What a byte needs inside a text: 0 nothing, 'u' \u00XX, '8' a look at UTF-8, anything else a backslash and itself.
constexpr std::array<char, 256> escapes = [] {
    std::array<char, 256> table{};
    for (std::size_t i = 0; i < 0x20; ++i)
        table[i] = 'u';
    for (std::size_t i = 0x80; i < 256; ++i)
        table[i] = '8';
    table['"'] = '"';
    table['\\'] = '\\';
    table['\b'] = 'b';
    table['\f'] = 'f';
    table['\n'] = 'n';
    table['\r'] = 'r';
    table['\t'] = 't';
    return table;
}();

void append_escape(std::string& out, char c, char how)
{
    if (how != 'u')
    {
        out += {'\\', how};
        return;
    }
    static constexpr char digits[] = "0123456789abcdef";
    const auto byte = static_cast<unsigned char>(c);
    out += {'\\', 'u', '0', '0', digits[byte >> 4], digits[byte & 15]};
}

// Escapes what must be; bytes above 0x7F go through as they are.
void append_escaped(std::string& out, std::string_view text)
{
    std::size_t plain = 0;
    for (std::size_t i = 0; i < text.size(); ++i)
    {
        const char how = escapes[static_cast<unsigned char>(text[i])];
        if (how == 0 || how == '8') [[likely]]
            continue;
        out.append(text, plain, i - plain);
        append_escape(out, text[i], how);
        plain = i + 1;
    }
    out.append(text, plain, text.size() - plain);
}
}  // namespace

void append_quoted(std::string& out, std::string_view text)
{
    out += '"';
    if (is_utf8(text)) [[likely]]
        append_escaped(out, text);
    else
        append_escaped(out, mended_utf8(text));
    out += '"';
}

json_writer& json_writer::value()
{
    if (comma_)
        out_ += ',';
    comma_ = true;
    return *this;
}

json_writer& json_writer::open(char bracket)
{
    value();
    out_ += bracket;
    comma_ = false;
    return *this;
}

json_writer& json_writer::close(char bracket)
{
    out_ += bracket;
    comma_ = true;
    return *this;
}

json_writer& json_writer::key(std::string_view name)
{
    value();
    append_quoted(out_, name);
    out_ += ':';
    comma_ = false;
    return *this;
}

json_writer& json_writer::plain_key(std::string_view name)
{
    value();
    out_ += '"';
    out_ += name;
    out_ += "\":";
    comma_ = false;
    return *this;
}

json_writer& json_writer::string(std::string_view text)
{
    value();
    append_quoted(out_, text);
    return *this;
}

json_writer& json_writer::integer(std::int64_t number)
{
    value();
    char digits[24];
    const auto end = std::to_chars(digits, digits + sizeof(digits), number).ptr;
    out_.append(digits, end);
    return *this;
}

json_writer& json_writer::number(double number)
{
    if (!std::isfinite(number))
        return null();
    value();
    char digits[40];
    const auto end = std::to_chars(digits, digits + sizeof(digits), number).ptr;
    out_.append(digits, end);
    return *this;
}

json_writer& json_writer::boolean(bool truth)
{
    value();
    out_ += truth ? "true" : "false";
    return *this;
}

json_writer& json_writer::null()
{
    value();
    out_ += "null";
    return *this;
}

json_writer& json_writer::raw(std::string_view json)
{
    value();
    out_ += json;
    return *this;
}
}  // namespace schema
