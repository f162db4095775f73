// A described struct in compact form, as local caches hold it: bytes walked out of it by its field rows.
//
// The form carries no names and no types, so bytes are only ever read back under the `shape` they were written with;
// a cache remembers the shape beside what it holds, and looks away when it differs. Deterministic: equal
// rows have equal bytes, which is how "nothing changed" and "equals a rebuild" are told. Thread-safe, keeps nothing.
#pragma once

#include "schemas/record.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace schema
{
// Appends the row to `out`.
void encode_row(const record_type&, const void* row, std::string& out);

// Fills a freshly made row. False: these bytes are not such a row, and `row` is of no use.
[[nodiscard]] bool decode_row(const record_type&, void* row, std::string_view bytes);

// Differs whenever the form of the bytes differs: names, kinds, order and enumeration values of all members.
std::uint64_t shape_of(const record_type&);

// The same for a single value. Reading takes it off the front of `from`; false: these bytes are not such a value.
void encode_value(const leaf&, const void* from, std::string& out);
[[nodiscard]] bool decode_value(const leaf&, void* into, std::string_view& from);
std::uint64_t shape_of(const leaf&);
}  // namespace schema
