#include "http/server/headers.hpp"

#include <algorithm>
#include <charconv>

namespace http
{
namespace
{
std::string_view trimmed(std::string_view text)
{
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
        text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t'))
        text.remove_suffix(1);
    return text;
}

// The next element of a list, cut off its front.
std::string_view next_of(std::string_view& list, char separator)
{
    const auto end = list.find(separator);
    const auto one = list.substr(0, end);
    list = end == std::string_view::npos ? std::string_view{} : list.substr(end + 1);
    return trimmed(one);
}

std::string lower(std::string_view text)
{
    std::string made{text};
    for (char& c : made)
        if (c >= 'A' && c <= 'Z')
            c = static_cast<char>(c + ('a' - 'A'));
    return made;
}

std::optional<std::int64_t> whole_number(std::string_view text)
{
    std::int64_t number = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failed != std::errc{} || end != text.data() + text.size() || text.empty() || text.front() == '-')
        return std::nullopt;
    return number;
}

struct entity_tag
{
    bool weak = false;
    std::string_view text;
};

// Takes one tag off the front; nothing when there is none.
std::optional<entity_tag> next_tag(std::string_view& list)
{
    list = trimmed(list);
    entity_tag made;
    if (list.starts_with("W/"))
    {
        made.weak = true;
        list.remove_prefix(2);
    }
    if (!list.starts_with('"'))
        return std::nullopt;
    const auto end = list.find('"', 1);
    if (end == std::string_view::npos)
        return std::nullopt;
    made.text = list.substr(1, end - 1);
    list = trimmed(list.substr(end + 1));
    if (!list.empty() && list.front() != ',')
        return std::nullopt;
    if (!list.empty())
        list.remove_prefix(1);
    return made;
}

std::optional<std::int64_t> version_in(std::string_view tag)
{
    if (tag.ends_with("-gzip"))
        tag.remove_suffix(5);
    return whole_number(tag);
}

bool is_lower_hex(std::string_view text)
{
    return std::all_of(text.begin(), text.end(),
                       [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

// "0.5" is 500; what cannot be read is 1000.
int thousandths(std::string_view weight)
{
    int made = 0;
    int digit = 1'000;
    for (const char c : weight)
    {
        if (c == '.' && digit == 100)
            continue;
        if (c < '0' || c > '9' || digit == 0)
            return 1'000;
        made += (c - '0') * digit;
        digit /= 10;
    }
    return weight.empty() ? 1'000 : std::min(made, 1'000);
}

// The closest range that takes `type` says its weight: its name, then its group, then everything.
int accept_weight(std::string_view field, std::string_view type, bool by_name_only)
{
    const auto group = std::string{type.substr(0, type.find('/'))} + "/*";
    int weight = 0;
    int closest = by_name_only ? 2 : 0;
    while (!field.empty())
    {
        auto range = next_of(field, ',');
        const auto name = lower(next_of(range, ';'));
        const int close = name == type ? 3 : name == group ? 2 : name == "*/*" ? 1 : 0;
        if (close <= closest)
            continue;
        closest = close;
        weight = 1'000;
        while (!range.empty())
            if (const auto one = lower(next_of(range, ';')); one.starts_with("q="))
                weight = thousandths(std::string_view{one}.substr(2));
    }
    return weight;
}

// Whether the parameters behind a name in an Accept field refuse it.
bool has_no_weight(std::string_view parameters)
{
    while (!parameters.empty())
    {
        const auto one = lower(next_of(parameters, ';'));
        if (one == "q=0" || one == "q=0.0" || one == "q=0.00" || one == "q=0.000")
            return true;
    }
    return false;
}
}  // namespace

schema::result<version_list, problem> read_if_match(std::string_view field)
{
    version_list made;
    field = trimmed(field);
    if (field == "*")
    {
        made.any = true;
        return made;
    }
    if (field.empty())
        return bad_header("If-Match", "It names no entity tag.");
    while (!field.empty())
    {
        const auto tag = next_tag(field);
        if (!tag)
            return bad_header("If-Match", "It is not a list of entity tags.");
        const auto version = tag->weak ? std::nullopt : version_in(tag->text);
        if (version)
            made.versions.push_back(*version);
    }
    return made;
}

bool none_match_names(std::string_view field, std::int64_t version)
{
    field = trimmed(field);
    if (field == "*")
        return true;
    while (!field.empty())
    {
        const auto tag = next_tag(field);
        if (!tag)
            return false;
        if (version_in(tag->text) == version)
            return true;
    }
    return false;
}

std::string etag(std::int64_t version) { return '"' + std::to_string(version) + '"'; }

schema::result<std::string, problem> read_idempotency_key(std::string_view field)
{
    field = trimmed(field);
    if (field.size() >= 2 && field.front() == '"' && field.back() == '"')
        field = field.substr(1, field.size() - 2);
    const bool visible = std::all_of(field.begin(), field.end(), [](char c) { return c > ' ' && c < 0x7f; });
    if (field.empty() || field.size() > 255 || !visible || field.find('"') != std::string_view::npos)
        return bad_header("Idempotency-Key", "A key is 1 to 255 visible ASCII characters.");
    return std::string{field};
}

preference read_prefer(std::string_view field)
{
    preference made;
    while (!field.empty())
    {
        auto one = next_of(field, ',');
        one = next_of(one, ';');
        const auto equals = one.find('=');
        const auto name = lower(trimmed(one.substr(0, equals)));
        const auto value = equals == std::string_view::npos ? std::string_view{} : trimmed(one.substr(equals + 1));
        if (name == "wait")
        {
            if (const auto seconds = whole_number(value))
                made.wait = std::chrono::seconds{std::min<std::int64_t>(*seconds, 3'600)};
        }
        else if (name == "handling")
            made.strict = equals_ignoring_case(value, "strict");
    }
    return made;
}

bool is_request_id(std::string_view id)
{
    return id.size() >= 8 && id.size() <= 128 && std::all_of(id.begin(), id.end(), [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
                      c == '_' || c == '-';
           });
}

std::string_view read_traceparent(std::string_view field)
{
    const bool shaped = field.size() == 55 && field.starts_with("00-") && field[35] == '-' && field[52] == '-';
    if (!shaped)
        return {};
    const auto trace = field.substr(3, 32);
    const auto span = field.substr(36, 16);
    const bool hex = is_lower_hex(trace) && is_lower_hex(span) && is_lower_hex(field.substr(53));
    const bool zero =
        trace.find_first_not_of('0') == std::string_view::npos || span.find_first_not_of('0') == std::string_view::npos;
    return hex && !zero ? field : std::string_view{};
}

bool accepts(std::string_view field, std::string_view type)
{
    if (trimmed(field).empty())
        return true;
    const auto major = std::string{type.substr(0, type.find('/'))} + "/*";
    while (!field.empty())
    {
        auto range = next_of(field, ',');
        const auto name = lower(next_of(range, ';'));
        if (!has_no_weight(range) && (name == "*/*" || name == type || name == major))
            return true;
    }
    return false;
}

bool prefers(std::string_view field, std::string_view type, std::string_view usual)
{
    const int wanted = accept_weight(field, type, true);
    return wanted > 0 && wanted >= accept_weight(field, usual, false);
}

bool takes_gzip(std::string_view accept_encoding)
{
    bool by_name = false, by_star = false, named = false;
    while (!accept_encoding.empty())
    {
        auto coding = next_of(accept_encoding, ',');
        const auto name = lower(next_of(coding, ';'));
        const bool is_gzip = name == "gzip" || name == "x-gzip";
        named = named || is_gzip;
        by_name = by_name || (is_gzip && !has_no_weight(coding));
        by_star = by_star || (name == "*" && !has_no_weight(coding));
    }
    return named ? by_name : by_star;
}

std::optional<std::string> media_type(std::string_view content_type)
{
    auto rest = content_type;
    const auto name = lower(next_of(rest, ';'));
    while (!rest.empty())
    {
        const auto parameter = lower(next_of(rest, ';'));
        if (parameter.starts_with("charset=") && parameter != "charset=utf-8" && parameter != "charset=\"utf-8\"")
            return std::nullopt;
    }
    return name;
}

std::string_view media_read(bool is_patch)
{
    return is_patch ? "application/json, application/merge-patch+json" : "application/json";
}

std::optional<problem> unread_media(std::string_view content_type, std::string_view content_encoding, bool is_patch)
{
    const auto type = media_type(content_type);
    const bool is_known = type == "application/json" || (is_patch && type == "application/merge-patch+json");
    if (is_known && (content_encoding.empty() || equals_ignoring_case(content_encoding, "identity")))
        return std::nullopt;
    return make_problem("unsupported_media_type", "The body is read as " + std::string{media_read(is_patch)} +
                                                      ", in UTF-8 and without a Content-Encoding.");
}
}  // namespace http
