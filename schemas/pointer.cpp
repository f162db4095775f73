#include "schemas/pointer.hpp"

#include "schemas/text.hpp"

#include <algorithm>
#include <vector>

namespace schema
{
namespace
{
constexpr std::size_t key_bytes_max = 120;  // of a member name inside a fault: what a client sent may be any length

std::vector<const step*> from_the_root(const step* here)
{
    std::vector<const step*> steps;
    for (; here; here = here->up)
        steps.push_back(here);
    std::reverse(steps.begin(), steps.end());
    return steps;
}

void append_escaped(std::string& out, std::string_view key)
{
    for (const char c : key)
    {
        if (c == '~')
            out += "~0";
        else if (c == '/')
            out += "~1";
        else
            out += c;
    }
}

// What RFC 3986 lets stand in a fragment as it is.
bool stands_in_a_fragment(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view{"-._~!$&'()*+,;=:@/?"}.find(c) != std::string_view::npos;
}

void append_percent_encoded(std::string& out, std::string_view text)
{
    static constexpr char digits[] = "0123456789ABCDEF";
    for (const char c : text)
    {
        if (stands_in_a_fragment(c))
        {
            out += c;
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        out += {'%', digits[byte >> 4], digits[byte & 15]};
    }
}
}  // namespace

std::string pointer_of(const step* here)
{
    std::string out;
    for (const step* each : from_the_root(here))
    {
        out += '/';
        if (each->index != step::no_index)
            out += std::to_string(each->index);
        else
            append_escaped(out, each->key);
    }
    return out;
}

std::string fragment_pointer_of(const step* here)
{
    std::string out = "#";
    for (const step* each : from_the_root(here))
    {
        out += '/';
        if (each->index != step::no_index)
        {
            out += std::to_string(each->index);
            continue;
        }
        std::string escaped;
        append_escaped(escaped, clip(each->key, key_bytes_max));
        append_percent_encoded(out, escaped);
    }
    return out;
}
}  // namespace schema
