#include "http/server/query_string.hpp"

#include "schemas/text.hpp"

namespace http
{
namespace
{
int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

std::optional<std::string> decoded(std::string_view text)
{
    std::string made;
    for (std::size_t i = 0; i < text.size(); ++i)
    {
        if (text[i] == '+')
            made += ' ';
        else if (text[i] != '%')
            made += text[i];
        else
        {
            const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
            const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
            if (high < 0 || low < 0)
                return std::nullopt;
            made += static_cast<char>(high * 16 + low);
            i += 2;
        }
    }
    if (!schema::is_utf8(made) || schema::has_control_character(made, false))
        return std::nullopt;
    return made;
}
}  // namespace

std::optional<query_parameters> read_query(std::string_view query)
{
    query_parameters made;
    while (!query.empty())
    {
        const auto end = query.find('&');
        const auto pair = query.substr(0, end);
        query = end == std::string_view::npos ? std::string_view{} : query.substr(end + 1);
        if (pair.empty())
            continue;
        const auto equals = pair.find('=');
        auto name = decoded(pair.substr(0, equals));
        auto value = equals == std::string_view::npos ? std::optional<std::string>{std::string{}}
                                                      : decoded(pair.substr(equals + 1));
        if (!name || !value)
            return std::nullopt;
        made.emplace_back(std::move(*name), std::move(*value));
    }
    return made;
}

std::string percent_encoded(std::string_view text)
{
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string made;
    for (const char c : text)
    {
        const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
                           c == '.' || c == '_' || c == '~';
        if (plain)
            made += c;
        else
        {
            made += '%';
            made += digits[static_cast<unsigned char>(c) >> 4];
            made += digits[static_cast<unsigned char>(c) & 15];
        }
    }
    return made;
}
}  // namespace http
