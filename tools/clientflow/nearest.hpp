// The known name that was meant, probably, by one that is not known: for the errors that ask "did you mean".
//
// Closest by single letters put in, left out or changed (Levenshtein 1965).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cli
{
// Nothing when all are too far from what was typed: two letters and half of it.
std::optional<std::string> nearest(const std::vector<std::string>& names, std::string_view typed);
}  // namespace cli
