// Integers of a described struct, whose rows know only how many bytes they have. Thread-safe, keeps nothing.
#pragma once

#include <cstdint>

namespace schema
{
inline std::int64_t integer_at(const void* from, std::uint8_t bytes)
{
    switch (bytes)
    {
    case 1:
        return *static_cast<const std::int8_t*>(from);
    case 2:
        return *static_cast<const std::int16_t*>(from);
    case 4:
        return *static_cast<const std::int32_t*>(from);
    default:
        return *static_cast<const std::int64_t*>(from);
    }
}

inline void set_integer(void* into, std::uint8_t bytes, std::int64_t n)
{
    switch (bytes)
    {
    case 1:
        *static_cast<std::int8_t*>(into) = static_cast<std::int8_t>(n);
        break;
    case 2:
        *static_cast<std::int16_t*>(into) = static_cast<std::int16_t>(n);
        break;
    case 4:
        *static_cast<std::int32_t*>(into) = static_cast<std::int32_t>(n);
        break;
    default:
        *static_cast<std::int64_t*>(into) = n;
    }
}
}  // namespace schema
