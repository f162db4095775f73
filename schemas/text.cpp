#include "schemas/text.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <utf8proc.h>

namespace schema
{
namespace
{
constexpr char32_t broken = 0xFFFFFFFF;

bool is_continuation(std::string_view text, std::size_t at)
{
    return at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80;
}

char32_t low_bits(std::string_view text, std::size_t at) { return static_cast<unsigned char>(text[at]) & 0x3Fu; }

// The code point at `at`, which moves behind it; behind one byte when it is broken.
char32_t decode(std::string_view text, std::size_t& at)
{
    const std::size_t from = at++;
    const auto lead = static_cast<unsigned char>(text[from]);
    if (lead < 0x80)
        return lead;
    const std::size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4)
        return broken;

    char32_t code = lead & (0x7Fu >> size);
    for (std::size_t i = 1; i < size; ++i)
    {
        if (!is_continuation(text, from + i))
            return broken;
        code = code << 6 | low_bits(text, from + i);
    }
    const bool overlong = (size == 3 && code < 0x800) || (size == 4 && code < 0x10000);
    if (overlong || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
        return broken;
    at = from + size;
    return code;
}

// The bytes from `at` on that are ASCII.
std::size_t ascii_run(std::string_view text, std::size_t at)
{
    const std::size_t from = at;
    for (std::uint64_t word = 0; at + 8 <= text.size(); at += 8)
    {
        std::memcpy(&word, text.data() + at, 8);
        if (word & 0x8080808080808080u)
            break;
    }
    while (at < text.size() && static_cast<unsigned char>(text[at]) < 0x80)
        ++at;
    return at - from;
}

// Unicode White_Space.
bool is_space(char32_t c)
{
    switch (c)
    {
    case 0x20:
    case 0x85:
    case 0xA0:
    case 0x1680:
    case 0x2028:
    case 0x2029:
    case 0x202F:
    case 0x205F:
    case 0x3000:
        return true;
    default:
        return (c >= 0x09 && c <= 0x0D) || (c >= 0x2000 && c <= 0x200A);
    }
}

// Nothing below U+0300 combines or decomposes under composition, and its UTF-8 begins below 0xCC.
bool is_plainly_nfc(std::string_view text)
{
    return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0xCC; });
}

std::string mapped(std::string_view text, int options)
{
    utf8proc_uint8_t* made = nullptr;
    const auto size =
        utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()), static_cast<utf8proc_ssize_t>(text.size()),
                     &made, static_cast<utf8proc_option_t>(options));
    const std::unique_ptr<utf8proc_uint8_t, void (*)(void*)> owned{made, std::free};
    if (size == UTF8PROC_ERROR_NOMEM)
        throw std::bad_alloc();
    if (size < 0)
        return std::string{text};
    return {reinterpret_cast<const char*>(made), static_cast<std::size_t>(size)};
}
}  // namespace

bool is_ascii(std::string_view text) { return ascii_run(text, 0) == text.size(); }

bool is_utf8(std::string_view text)
{
    for (std::size_t at = ascii_run(text, 0); at < text.size(); at += ascii_run(text, at))
        if (decode(text, at) == broken)
            return false;
    return true;
}

std::string mended_utf8(std::string_view text)
{
    std::string out;
    out.reserve(text.size() + 8);
    for (std::size_t at = 0; at < text.size();)
    {
        const std::size_t from = at;
        if (decode(text, at) == broken)
            out += "\xEF\xBF\xBD";
        else
            out.append(text, from, at - from);
    }
    return out;
}

std::string nfc(std::string_view text)
{
    return is_plainly_nfc(text) ? std::string{text} : mapped(text, UTF8PROC_STABLE | UTF8PROC_COMPOSE);
}

std::string_view trim(std::string_view text)
{
    for (std::size_t at = 0; !text.empty(); at = 0)
    {
        if (!is_space(decode(text, at)))
            break;
        text.remove_prefix(at);
    }
    while (!text.empty())
    {
        std::size_t last = text.size() - 1;
        while (last > 0 && text.size() - last < 4 && is_continuation(text, last))
            --last;
        std::size_t at = last;
        if (!is_space(decode(text, at)) || at != text.size())
            break;
        text.remove_suffix(text.size() - last);
    }
    return text;
}

std::vector<std::string_view> words(std::string_view text)
{
    std::vector<std::string_view> made;
    std::size_t begin = 0;
    for (std::size_t at = 0; at < text.size();)
    {
        const std::size_t from = at;
        if (!is_space(decode(text, at)))
            continue;
        if (begin < from)
            made.push_back(text.substr(begin, from - begin));
        begin = at;
    }
    if (begin < text.size())
        made.push_back(text.substr(begin));
    return made;
}

std::string fold(std::string_view text)
{
    if (!is_ascii(text))
        return mapped(text, UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_CASEFOLD);
    std::string out{text};
    for (char& c : out)
        if (c >= 'A' && c <= 'Z')
            c = static_cast<char>(c - 'A' + 'a');
    return out;
}

bool same_folded(std::string_view a, std::string_view b) { return fold(a) == fold(b); }

std::size_t code_points(std::string_view text)
{
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

bool has_control_character(std::string_view text, bool multiline)
{
    for (std::size_t i = 0; i < text.size(); ++i)
    {
        const auto c = static_cast<unsigned char>(text[i]);
        if (c < 0x20 ? !(multiline && (c == '\n' || c == '\t')) : c == 0x7F)
            return true;
        if (c == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0)
            return true;
    }
    return false;
}

std::string_view clip(std::string_view text, std::size_t bytes_max)
{
    if (text.size() <= bytes_max)
        return text;
    std::size_t end = bytes_max;
    while (end > 0 && bytes_max - end < 3 && is_continuation(text, end))
        --end;
    return text.substr(0, end);
}

std::string_view unicode_version() { return utf8proc_unicode_version(); }
}  // namespace schema
