#include "http/server/signed_cursor.hpp"

#include "schemas/text.hpp"

#include <charconv>
#include <limits>
#include <system_error>

namespace http
{
namespace
{
constexpr std::size_t signature_bytes = 16;

std::string signature(const call& c, const cursor_binding& to, std::string_view payload)
{
    std::string bound{to.kind};
    bound.append("\n").append(c.who->tenant.text()).append("\n").append(c.in->path).append("\n");
    if (!to.asked.empty())
        bound.append(to.asked).append("\n");
    const auto digest = schema::hmac_sha256(to.secret, bound.append(payload));
    return {reinterpret_cast<const char*>(digest.data()), signature_bytes};
}
}  // namespace

std::string signed_cursor(const call& c, const cursor_binding& to, std::string_view payload)
{
    return schema::base64url(signature(c, to, payload).append(payload));
}

std::optional<std::string> open_cursor(const call& c, const cursor_binding& to, std::string_view cursor)
{
    const auto bytes = schema::from_base64url(cursor);
    if (!bytes || bytes->size() <= signature_bytes)
        return std::nullopt;
    auto payload = bytes->substr(signature_bytes);
    if (!schema::same_secret(signature(c, to, payload), std::string_view{*bytes}.substr(0, signature_bytes)))
        return std::nullopt;
    return payload;
}

std::optional<std::int64_t> whole_number(std::string_view text)
{
    std::int64_t n = 0;
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), n);
    if (text.empty() || end != text.data() + text.size() || fault == std::errc::invalid_argument)
        return std::nullopt;
    const auto bound =
        text.front() == '-' ? std::numeric_limits<std::int64_t>::min() : std::numeric_limits<std::int64_t>::max();
    return fault == std::errc{} ? n : bound;
}
}  // namespace http
