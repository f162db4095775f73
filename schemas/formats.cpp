#include "schemas/formats.hpp"

#include "schemas/assertion.hpp"
#include "schemas/text.hpp"

#include <algorithm>
#include <array>

namespace schema
{
namespace
{
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_letter(char c) { return is_lower(c) || (c >= 'A' && c <= 'Z'); }
bool is_beyond_ascii(char c) { return static_cast<unsigned char>(c) >= 0x80; }

bool is_local_part(std::string_view text)
{
    constexpr std::string_view others = ".!#$%&'*+/=?^_`{|}~-";
    return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [&](char c) {
        return is_letter(c) || is_digit(c) || is_beyond_ascii(c) || others.find(c) != others.npos;
    });
}

bool is_label(std::string_view text)
{
    return !text.empty() && text.size() <= 63 && text.front() != '-' && text.back() != '-' &&
           std::all_of(text.begin(), text.end(),
                       [](char c) { return is_letter(c) || is_digit(c) || is_beyond_ascii(c) || c == '-'; });
}

bool is_domain(std::string_view text)
{
    for (;;)
    {
        const std::size_t dot = text.find('.');
        if (!is_label(text.substr(0, dot)))
            return false;
        if (dot == text.npos)
            return true;
        text.remove_prefix(dot + 1);
    }
}

bool is_currency(std::string_view text) { return currency_exponent(text).has_value(); }

constexpr std::array rules{
    format_rule{"email", is_email, "Must be an e-mail address of at most 254 characters.", "email", ""},
    format_rule{"currency", is_currency, "Must be a currency code of ISO 4217, such as EUR.", "", "^[A-Z]{3}$"},
    format_rule{"time_zone", is_time_zone, "Must be a name of the IANA time zone database, such as Europe/Rome.", "",
                ""},
    format_rule{"color", is_color, "Must be a colour as #rrggbb.", "", "^#[0-9A-Fa-f]{6}$"},
    format_rule{"slug", is_slug, "Must be letters a to z, digits, and single hyphens between them.", "",
                "^[a-z0-9]+(-[a-z0-9]+)*$"},
};
}  // namespace

const format_rule& rule_of(format form)
{
    CF_ASSERT(form != format::none);
    return rules[static_cast<std::size_t>(form) - 1];
}

bool is_email(std::string_view text)
{
    const std::size_t at = text.rfind('@');
    if (at == text.npos || code_points(text) > email_max)
        return false;
    return is_local_part(text.substr(0, at)) && is_domain(text.substr(at + 1));
}

bool is_color(std::string_view text)
{
    return text.size() == 7 && text.front() == '#' && from_hex(text.substr(1)).has_value();
}

bool is_slug(std::string_view text)
{
    if (text.empty() || text.front() == '-' || text.back() == '-' || text.find("--") != text.npos)
        return false;
    return std::all_of(text.begin(), text.end(), [](char c) { return is_lower(c) || is_digit(c) || c == '-'; });
}
}  // namespace schema
