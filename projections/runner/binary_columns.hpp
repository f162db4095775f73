// A row's columns in PostgreSQL's binary form (PostgreSQL 15, "COPY", "Binary Format"; the same bytes come as results),
// of which neither side has to print or read a text: written from a struct, and shown as JSON in GET's shape.
//
// JSON is rendered straight from the bytes, without the struct, and is the same text that the struct itself would be
// written as (a test holds them side by side). Thread-safe, keeps nothing. Reading throws std::runtime_error, naming
// the kind and no value, when bytes are not what the column's type sends.
#pragma once

#include "projections/runner/columns.hpp"

#include <span>
#include <string>
#include <string_view>

namespace projection
{
// Appends one value, or NULL, as a field of COPY.
void append_binary(const column&, const void* row, std::string& out);

// Appends a row whose columns came as these bytes as a JSON object.
void append_json(std::span<const column>, std::span<const cell> bytes, std::string& out);

// A value that is no list as PostgreSQL would print it; an enumeration is its name.
std::string text_of(const column&, std::string_view bytes);
}  // namespace projection
