// `--rate N|none` of keys, as the log holds it: nothing for the usual limit, 0 for none.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace cli
{
// Throws `failure` (usage) when it is neither.
std::optional<std::int64_t> read_rate(const std::string& given);
}  // namespace cli
