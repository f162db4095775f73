// Single members of a JSON object, for scenarios that look at an answer here and there.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace scenario
{
// "" or 0 when the text is no object, has no such member, or one of another type.
std::string text_member(std::string_view json, std::string_view name);
std::int64_t integer_member(std::string_view json, std::string_view name);
}  // namespace scenario
