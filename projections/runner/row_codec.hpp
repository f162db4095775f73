// A row in its compact stored form, as the local cache holds it: bytes walked out of the struct by its field rows.
//
// The form carries no names and no types, so bytes are only ever read back under the `shape` they were written with;
// the cache remembers the shape beside its position and throws everything away when it differs. Deterministic: equal
// rows have equal bytes, which is how "nothing changed" and "equals a rebuild" are told. Thread-safe, keeps nothing.
#pragma once

#include "schemas/record.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace projection
{
// Appends the row to `out`.
void encode_row(const schema::record_type&, const void* row, std::string& out);

// Fills a freshly made row. False: these bytes are not such a row, and `row` is of no use.
[[nodiscard]] bool decode_row(const schema::record_type&, void* row, std::string_view bytes);

// Differs whenever the form of the bytes differs: names, kinds, order and enumeration values of all members.
std::uint64_t shape_of(const schema::record_type&);
}  // namespace projection
