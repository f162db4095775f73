#include "http/server/router.hpp"

#include "schemas/assertion.hpp"

#include <algorithm>

namespace http
{
namespace
{
// The next segment of a path, cut off its front; the path starts with '/'.
std::string_view next_segment(std::string_view& path)
{
    path.remove_prefix(1);
    const auto end = path.find('/');
    const auto one = path.substr(0, end);
    path = end == std::string_view::npos ? std::string_view{} : path.substr(end);
    return one;
}

bool is_parameter(std::string_view segment) { return segment.starts_with('{'); }
}  // namespace

router::router(std::span<const std::span<const route>> tables)
{
    for (const auto table : tables)
        for (const route& one : table)
            add(one);
    for (node& one : nodes_)
    {
        for (std::size_t v = 0; v < one.by_verb.size(); ++v)
            if (one.by_verb[v] >= 0)
            {
                one.allow.append(text_of(static_cast<verb>(v))).append(", ");
                if (static_cast<verb>(v) == verb::get)
                    one.allow += "HEAD, ";
            }
        one.patchable = one.by_verb[static_cast<std::size_t>(verb::patch)] >= 0;
        if (!one.allow.empty())
            one.allow += "OPTIONS";
    }
}

std::uint32_t router::child(std::uint32_t of, std::string_view segment)
{
    if (is_parameter(segment))
    {
        if (nodes_[of].any == 0)
        {
            nodes_[of].any = static_cast<std::uint32_t>(nodes_.size());
            nodes_.emplace_back();
        }
        return nodes_[of].any;
    }
    for (const auto& [name, number] : nodes_[of].children)
        if (name == segment)
            return number;
    const auto made = static_cast<std::uint32_t>(nodes_.size());
    nodes_[of].children.emplace_back(segment, made);
    nodes_.emplace_back();
    return made;
}

void router::add(const route& one)
{
    CF_ASSERT((one.local != nullptr) + (one.command != nullptr) + (one.query != nullptr) + (one.waiting != nullptr) +
                  one.is_batch ==
              1);
    for (const route* other : routes_)
        CF_ASSERT(other->operation != one.operation);
    std::uint32_t at = 0;
    std::size_t parameters = 0;
    for (auto path = one.pattern; !path.empty();)
    {
        const auto segment = next_segment(path);
        parameters += is_parameter(segment) ? 1 : 0;
        at = child(at, segment);
    }
    CF_ASSERT(parameters <= 2);
    auto& place = nodes_[at].by_verb[static_cast<std::size_t>(one.method)];
    CF_ASSERT(place < 0);
    place = static_cast<std::int32_t>(routes_.size());
    routes_.push_back(&one);
}

router::match router::find(verb method, std::string_view path) const
{
    match made;
    std::uint32_t at = 0;
    std::size_t parameters = 0;
    while (!path.empty())
    {
        const auto segment = next_segment(path);
        const node& here = nodes_[at];
        const auto named = std::find_if(here.children.begin(), here.children.end(),
                                        [&](const auto& one) { return one.first == segment; });
        if (named != here.children.end())
            at = named->second;
        else if (here.any != 0 && !segment.empty() && parameters < made.ids.size())
        {
            made.ids[parameters++] = segment;
            at = here.any;
        }
        else
            return made;
    }
    const node& here = nodes_[at];
    made.known_path = !here.allow.empty();
    made.allow = here.allow;
    made.patchable = here.patchable;
    const auto wanted = method == verb::head ? verb::get : method;
    const auto number = here.by_verb[static_cast<std::size_t>(wanted)];
    if (number >= 0 && wanted != verb::other)
    {
        made.number = static_cast<std::uint32_t>(number);
        made.found = routes_[made.number];
    }
    return made;
}
}  // namespace http
