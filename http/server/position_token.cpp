#include "http/server/position_token.hpp"

#include "events/log/seal.hpp"
#include "schemas/text.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <map>

namespace http
{
namespace
{
constexpr std::size_t characters_max = 256;
constexpr std::size_t bytes_max = characters_max / 4 * 3;
constexpr std::size_t checksum_bytes = 4;
// As long as leaves room for the places of 16 lanes: who finds one among 2^32 makes only his own reads wait.
constexpr std::size_t code_bytes = 4;
constexpr std::string_view mark = "p2";         // then the incarnation behind its length, places, the checksum
constexpr std::string_view signed_mark = "p3";  // the same with the code before the checksum
constexpr std::string_view old_mark = "p1";

std::string checksum(std::string_view text)
{
    const auto digest = schema::sha256(text);
    return {reinterpret_cast<const char*>(digest.data()), checksum_bytes};
}

std::string code_of(std::string_view text, std::string_view secret)
{
    const auto digest = schema::hmac_sha256(secret, text);
    return {reinterpret_cast<const char*>(digest.data()), code_bytes};
}

std::string varint(std::uint64_t n)
{
    std::string out;
    for (; n >= 0x80; n >>= 7)
        out.push_back(static_cast<char>(n | 0x80));
    out.push_back(static_cast<char>(n));
    return out;
}

// Takes a number off the front; nothing when there is none up to `max`.
std::optional<std::int64_t> take_varint(std::string_view& from, std::int64_t max)
{
    std::uint64_t n = 0;
    for (int shift = 0; shift < 63 && !from.empty(); shift += 7)
    {
        const auto byte = static_cast<unsigned char>(from.front());
        from.remove_prefix(1);
        n |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0)
            return n <= static_cast<std::uint64_t>(max) ? std::optional{static_cast<std::int64_t>(n)} : std::nullopt;
    }
    return std::nullopt;
}

std::string place(const event_log::position& at)
{
    return varint(static_cast<std::uint64_t>(at.lane)) + varint(static_cast<std::uint64_t>(at.seq));
}

std::optional<event_log::position> take_place(std::string_view& from)
{
    const auto lane = take_varint(from, std::numeric_limits<std::int32_t>::max());
    const auto seq = lane ? take_varint(from, std::numeric_limits<std::int64_t>::max()) : std::nullopt;
    if (!seq)
        return std::nullopt;
    return event_log::position{static_cast<std::int32_t>(*lane), *seq};
}

// "p1:<incarnation>:<lane>:<seq>", as it was made before tokens named several lanes.
template <class Number>
bool is_number(std::string_view part, Number& into)
{
    const auto [end, failed] = std::from_chars(part.data(), part.data() + part.size(), into);
    return !part.empty() && failed == std::errc{} && end == part.data() + part.size() && into >= 0;
}

std::optional<position_token> read_old(std::string_view text)
{
    std::vector<std::string_view> parts;
    for (std::size_t begin = 0; begin <= text.size();)
    {
        const auto end = std::min(text.find(':', begin), text.size());
        parts.push_back(text.substr(begin, end - begin));
        begin = end + 1;
    }
    position_token made;
    if (parts.size() != 4 || parts[0] != old_mark || !is_number(parts[2], made.at.lane) ||
        !is_number(parts[3], made.at.seq))
        return std::nullopt;
    made.incarnation = parts[1];
    return made;
}

// Without its checksum; nothing when that is not its own.
std::optional<std::string_view> checked(std::string_view text)
{
    if (text.size() < mark.size() + 1 + checksum_bytes)
        return std::nullopt;
    const auto sum = text.substr(text.size() - checksum_bytes);
    text.remove_suffix(checksum_bytes);
    return sum == checksum(text) ? std::optional{text} : std::nullopt;
}

std::optional<position_token> read_new(std::string_view text)
{
    const bool is_signed = text.starts_with(signed_mark);
    const auto whole = is_signed || text.starts_with(mark) ? checked(text) : std::nullopt;
    if (!whole || whole->size() < mark.size() + 1 + (is_signed ? code_bytes : 0))
        return std::nullopt;
    text = whole->substr(0, whole->size() - (is_signed ? code_bytes : 0));
    const auto length = static_cast<unsigned char>(text[mark.size()]);
    text.remove_prefix(mark.size() + 1);
    if (length > text.size())
        return std::nullopt;
    position_token made;
    made.incarnation = text.substr(0, length);
    text.remove_prefix(length);
    const auto first = take_place(text);
    if (!first)
        return std::nullopt;
    made.at = *first;
    while (!text.empty())
    {
        const auto next = take_place(text);
        const bool in_order =
            next && next->lane != made.at.lane && (made.elsewhere.empty() || made.elsewhere.back().lane < next->lane);
        if (!in_order || made.elsewhere.size() + 1 == position_token::lanes_max)
            return std::nullopt;
        made.elsewhere.push_back(*next);
    }
    return made;
}

std::optional<event_log::position> find_lane(const std::vector<event_log::position>& among, std::int32_t lane)
{
    const auto found =
        std::find_if(among.begin(), among.end(), [&](const event_log::position& each) { return each.lane == lane; });
    return found == among.end() ? std::nullopt : std::optional{*found};
}
}  // namespace

std::optional<event_log::position> position_token::in(std::int32_t lane) const
{
    return at.lane == lane ? std::optional{at} : find_lane(elsewhere, lane);
}

std::optional<event_log::position> positions_told::in(std::int32_t lane) const { return find_lane(at, lane); }

namespace
{
// All but code and checksum, with so many lanes as leave room for them.
std::string body_of(std::string_view begins, const position_token& token, std::size_t behind)
{
    std::string text{begins};
    text.push_back(static_cast<char>(token.incarnation.size()));
    text.append(token.incarnation).append(place(token.at));
    std::size_t lanes = 1;
    for (const auto& each : token.elsewhere)
        if (const auto next = place(each);
            lanes < position_token::lanes_max && text.size() + next.size() + behind <= bytes_max)
        {
            text.append(next);
            ++lanes;
        }
    return text;
}

enum class origin
{
    unsigned_one,
    ours,
    elsewhere,
};

// Of a token that can be read.
origin origin_of(std::string_view given, std::string_view secret)
{
    const auto text = schema::from_base64url(given);
    if (!text->starts_with(signed_mark))
        return origin::unsigned_one;
    const std::size_t body = text->size() - code_bytes - checksum_bytes;
    const auto code = std::string_view{*text}.substr(body, code_bytes);
    return code == code_of(std::string_view{*text}.substr(0, body), secret) ? origin::ours : origin::elsewhere;
}

std::vector<event_log::position> as_list(const std::map<std::int32_t, std::int64_t>& furthest)
{
    std::vector<event_log::position> made;
    for (const auto& [lane, seq] : furthest)
        made.push_back({lane, seq});
    return made;
}

void take_further(std::map<std::int32_t, std::int64_t>& into, const position_token& token)
{
    const auto take = [&](const event_log::position& each) { into[each.lane] = std::max(into[each.lane], each.seq); };
    take(token.at);
    std::for_each(token.elsewhere.begin(), token.elsewhere.end(), take);
}
}  // namespace

std::optional<event_log::position> positions_told::given_in(std::int32_t lane) const { return find_lane(given, lane); }

std::string write_position(const position_token& token)
{
    auto text = body_of(mark, token, checksum_bytes);
    return schema::base64url(text.append(checksum(text)));
}

std::string sign_position(const position_token& token, std::string_view secret)
{
    auto text = body_of(signed_mark, token, code_bytes + checksum_bytes);
    text.append(code_of(text, secret));
    return schema::base64url(text.append(checksum(text)));
}

std::optional<position_token> read_position(std::string_view given)
{
    if (given.empty() || given.size() > characters_max)
        return std::nullopt;
    const auto text = schema::from_base64url(given);
    if (!text)
        return std::nullopt;
    auto made = text->starts_with(old_mark) ? read_old(*text) : read_new(*text);
    if (!made || made->incarnation.empty() || made->incarnation.size() > position_token::incarnation_bytes_max)
        return std::nullopt;
    return made;
}

std::optional<positions_told> read_positions(std::string_view list, std::string_view incarnation,
                                             std::string_view secret)
{
    positions_told made;
    std::map<std::int32_t, std::int64_t> furthest, given;
    std::size_t tokens = 0;
    for (std::size_t begin = 0; begin <= list.size();)
    {
        const auto end = std::min(list.find(',', begin), list.size());
        const auto text = schema::trim(list.substr(begin, end - begin));
        const auto token = read_position(text);
        begin = end + 1;
        if (!token || ++tokens > positions_told::tokens_max)
            return std::nullopt;
        const auto from = origin_of(text, secret);
        if (token->incarnation != incarnation || from == origin::elsewhere)
        {
            made.foreign = true;
            continue;
        }
        take_further(furthest, *token);
        if (from == origin::ours)
            take_further(given, *token);
    }
    made.at = as_list(furthest);
    made.given = as_list(given);
    return made;
}

std::string sign_position(std::string incarnation, const event_log::position& at, const positions_told& before,
                          std::string_view secret)
{
    position_token made{std::move(incarnation), at};
    for (const auto& each : before.given)
        if (each.lane != at.lane)
            made.elsewhere.push_back(each);
    return sign_position(made, secret);
}

std::string position_secret(const event_log::keyring& ring)
{
    const auto bytes = ring.hash_claim(event_log::platform_tenant, "position.secret", "1");
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
}  // namespace http
