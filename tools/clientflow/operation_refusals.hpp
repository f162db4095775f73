// How a command line's failure is told over HTTP: its exit status as a problem's code, its sentence without dashes.
#pragma once

#include "tools/clientflow/program.hpp"

#include <algorithm>
#include <string>
#include <string_view>

namespace cli
{
constexpr std::string_view problem_code_of(int exit)
{
    return exit == not_found     ? "not_found"
           : exit == usage       ? "invalid"
           : exit == unreachable ? "unavailable"
           : exit == refused     ? "state_conflict"
                                 : "internal";
}

// Who asks over HTTP knows members and parameters, no flags: "--entity-id" becomes entity_id.
template <class Names>
std::string without_flags(std::string sentence, const Names& names)
{
    for (const std::string_view name : names)
    {
        auto flag = "--" + std::string{name};
        std::ranges::replace(flag, '_', '-');
        for (auto at = sentence.find(flag); at != std::string::npos; at = sentence.find(flag, at + name.size()))
            sentence.replace(at, flag.size(), name);
    }
    return sentence;
}
}  // namespace cli
