// Files that the build put into this program: see tools/cmake/embed.cmake, which writes the definitions.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace embedded
{
using files = std::vector<std::pair<std::string, std::string>>;  // name and exact bytes, by name

const files& migrations();
}  // namespace embedded
