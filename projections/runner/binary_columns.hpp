// A row's columns as the fields of COPY's binary form (PostgreSQL 15, "COPY", "Binary Format"), which PostgreSQL takes
// without reading a text. Thread-safe, keeps nothing.
#pragma once

#include "projections/runner/columns.hpp"

#include <string>

namespace projection
{
// Appends one value, or NULL.
void append_binary(const column&, const void* row, std::string& out);
}  // namespace projection
