// Records as documents: JSON Schema for OpenAPI and AsyncAPI. Pure and thread-safe.
//
// Sources: JSON Schema 2020-12 (core and validation), which OpenAPI 3.1 uses as it is. What the standard has no word
// for stands in members that begin with "x-": x-unit, x-format, x-personal, x-secret.
#pragma once

#include "schemas/json_writer.hpp"
#include "schemas/record.hpp"

#include <string>

namespace schema
{
enum class described_as : std::uint8_t
{
    request,  // what may be sent: without read-only members, nothing beside the members
    answer    // what comes back: every member present, more may come with a later version
};

// One schema object, self-contained (nested records stand inside), as the next value of the writer.
void describe(const record_type&, json_writer&, described_as = described_as::request);

// A document of its own, with "$schema" and "$id" (the record's name and version).
std::string json_schema(const record_type&, described_as = described_as::request);
}  // namespace schema
