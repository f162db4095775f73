// Rows and totals of two versions of a read model, held against each other within one transaction of the projector's.
#pragma once

#include "projections/runner/versions.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

namespace pqxx
{
class transaction_base;
}

namespace projection
{
// See version_store, which calls them.
std::map<std::int32_t, std::uint64_t> rows_by_lane(pqxx::transaction_base&, const version&);
std::vector<std::int32_t> lanes_apart(pqxx::transaction_base&, const version& one, const version& other);

// In a snapshot that stays the same.
version_comparison compare(pqxx::transaction_base&, const version& one, const version& other,
                           std::size_t differences_max);
}  // namespace projection
