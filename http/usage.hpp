// What of its plan an organisation uses.
#pragma once

#include "http/server/route.hpp"
#include "schemas/record.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace usage
{
std::span<const http::route> routes();

struct metric
{
    std::string name;
    std::int64_t used = 0;
    std::optional<std::int64_t> limit;
    std::optional<std::string> month;
};

struct item
{
    std::vector<metric> metrics;
};
}  // namespace usage

template <>
inline constexpr schema::record_type schema::schema_of<usage::metric> = schema::record(
    "usage.metric", 1, schema::field<&usage::metric::name>("metric"), schema::field<&usage::metric::used>("used"),
    schema::field<&usage::metric::limit>("limit", "Null: as many as you like."),
    schema::field<&usage::metric::month>("month",
                                         "Of metrics that begin again every month; null: counts what there is."));

template <>
inline constexpr schema::record_type schema::schema_of<usage::item> =
    schema::record("usage", 1, schema::field<&usage::item::metrics>("metrics"));
