// Routes of API keys. The secret leaves the server once, in the answer that created it; a replay shows null.
#pragma once

#include "http/server/route.hpp"
#include "schemas/record.hpp"
#include "schemas/time.hpp"

#include <cstdint>
#include <optional>
#include <span>

namespace api_key
{
std::span<const http::route> routes();

// The answer of /api-keys/{id}/usage.
struct usage
{
    std::optional<schema::moment> last_used_at;
    std::int64_t calls_this_month = 0;
};
}  // namespace api_key

template <>
inline constexpr schema::record_type schema::schema_of<api_key::usage> = schema::record(
    "api_key.usage", 1,
    schema::field<&api_key::usage::last_used_at>("last_used_at", "Up to a second behind; null: never used."),
    schema::field<&api_key::usage::calls_this_month>("calls_this_month", "In the month as UTC has it."));
