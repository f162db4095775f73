// Sums of amounts: they may leave 64 bits, and come back.
//
// They go around, so that what was added and is taken away cancels out, whatever lay between. Pure.
#pragma once

#include <cstdint>

namespace projection
{
inline std::int64_t around(std::int64_t a, std::int64_t b)
{
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}

inline void add(std::int64_t& to, std::int64_t amount) { to = around(to, amount); }
}  // namespace projection
