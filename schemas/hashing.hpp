// Hashes that a client who chooses ids cannot aim at one bucket: mixed under a seed that every process draws anew.
//
// For tables in memory only: never store a hash or send it anywhere. Thread-safe. Source: wyhash64 of wyhash, final
// version 4 (Wang Yi, public domain): two steps that multiply to 128 bits and fold the halves with xor.
#pragma once

#include <cstddef>
#include <cstdint>

namespace schema
{
// Differs, as good as always, when any bit of either differs; the order counts. Also combines hashes.
std::size_t mixed(std::uint64_t, std::uint64_t) noexcept;
}  // namespace schema
