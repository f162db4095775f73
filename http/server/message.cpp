#include "http/server/message.hpp"

#include "schemas/assertion.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace http
{
namespace
{
constexpr std::array<std::string_view, 8> verb_texts{"GET", "HEAD", "POST", "PATCH", "DELETE", "PUT", "OPTIONS", ""};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }
}  // namespace

verb verb_of(std::string_view method)
{
    const auto found = std::find(verb_texts.begin(), verb_texts.end() - 1, method);
    return static_cast<verb>(found - verb_texts.begin());
}

std::string_view text_of(verb v) { return verb_texts[static_cast<std::size_t>(v)]; }

bool equals_ignoring_case(std::string_view a, std::string_view b)
{
    return a.size() == b.size() &&
           std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view request::field(std::string_view name) const
{
    for (const header_field& one : fields)
        if (equals_ignoring_case(one.name, name))
            return one.value;
    return {};
}

std::size_t request::count(std::string_view name) const
{
    return static_cast<std::size_t>(std::count_if(
        fields.begin(), fields.end(), [&](const header_field& one) { return equals_ignoring_case(one.name, name); }));
}

std::string request::joined(std::string_view name) const
{
    std::string all;
    bool first = true;
    for (const header_field& one : fields)
        if (equals_ignoring_case(one.name, name))
            all.append(std::exchange(first, false) ? "" : ", ").append(one.value);
    return all;
}

void reply::add(std::string_view name, std::string_view value)
{
    CF_ASSERT(value.find_first_of("\r\n") == std::string_view::npos);
    fields.append(name).append(": ").append(value).append("\r\n");
}
}  // namespace http
