#include "http/server/position_token.hpp"

#include "schemas/text.hpp"

#include <charconv>

namespace http
{
namespace
{
constexpr std::string_view mark = "p1.";

template <class Number>
bool take_number(std::string_view& text, Number& into, bool last)
{
    const auto dot = text.find('.');
    if (last != (dot == std::string_view::npos))
        return false;
    const auto part = text.substr(0, dot);
    const auto [end, failed] = std::from_chars(part.data(), part.data() + part.size(), into);
    text = last ? std::string_view{} : text.substr(dot + 1);
    return failed == std::errc{} && end == part.data() + part.size() && into >= 0;
}
}  // namespace

std::string write_position(const position_token& token)
{
    std::string text{mark};
    text.append(std::to_string(token.incarnation)).append(".").append(std::to_string(token.at.lane));
    text.append(".").append(std::to_string(token.at.seq));
    return schema::base64url(text);
}

std::optional<position_token> read_position(std::string_view given)
{
    if (given.empty() || given.size() > 256)
        return std::nullopt;
    const auto text = schema::from_base64url(given);
    if (!text || !text->starts_with(mark))
        return std::nullopt;
    std::string_view rest{*text};
    rest.remove_prefix(mark.size());
    position_token made;
    if (!take_number(rest, made.incarnation, false) || !take_number(rest, made.at.lane, false) ||
        !take_number(rest, made.at.seq, true))
        return std::nullopt;
    return made;
}
}  // namespace http
