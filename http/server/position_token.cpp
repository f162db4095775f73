#include "http/server/position_token.hpp"

#include "schemas/text.hpp"

#include <charconv>

namespace http
{
namespace
{
constexpr std::string_view mark = "p1";

std::string_view next_part(std::string_view& text)
{
    const auto end = text.find(':');
    const auto part = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    return part;
}

template <class Number>
bool is_number(std::string_view part, Number& into)
{
    const auto [end, failed] = std::from_chars(part.data(), part.data() + part.size(), into);
    return !part.empty() && failed == std::errc{} && end == part.data() + part.size() && into >= 0;
}
}  // namespace

std::string write_position(const position_token& token)
{
    std::string text{mark};
    text.append(":").append(token.incarnation).append(":").append(std::to_string(token.at.lane));
    text.append(":").append(std::to_string(token.at.seq));
    return schema::base64url(text);
}

std::optional<position_token> read_position(std::string_view given)
{
    if (given.empty() || given.size() > 256)
        return std::nullopt;
    const auto text = schema::from_base64url(given);
    if (!text)
        return std::nullopt;
    std::string_view rest{*text};
    position_token made;
    if (next_part(rest) != mark)
        return std::nullopt;
    made.incarnation = next_part(rest);
    const auto lane = next_part(rest);
    const auto seq = next_part(rest);
    if (!rest.empty() || made.incarnation.empty() || !is_number(lane, made.at.lane) || !is_number(seq, made.at.seq))
        return std::nullopt;
    return made;
}
}  // namespace http
