// What an audit and a repair of appended rows read: some events of a lane without what they say, and the rows that
// these make, inside a transaction of the caller's. Throws what pqxx throws. Included by row_audit.cpp and
// row_mending.cpp alone.
#pragma once

#include "projections/runner/row_audit.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace pqxx
{
class transaction_base;
}

namespace projection
{
// Behind `after` and at most at `up_to`, in the order of the log.
std::vector<recorded> envelopes_after(pqxx::transaction_base&, std::int32_t lane, std::int64_t after,
                                      std::int64_t up_to, std::size_t count_max);
// Those of these places that the log has, at most at `up_to`, in the order of the log.
std::vector<recorded> envelopes_at(pqxx::transaction_base&, std::int32_t lane, std::span<const line_key>,
                                   std::int64_t up_to);
// Where a tenant's events lie, in the order of the log, at most at `up_to`: `count_max` of them. PostgreSQL goes by the
// tenant's streams, or along the lane where that is less.
std::vector<line_key> places_of(pqxx::transaction_base&, std::int32_t lane, const uuid& tenant, std::int64_t up_to,
                                std::size_t count_max);

// The rows of these events, compact, and as the arrays that a table's statements are given.
struct made_lines
{
    std::vector<std::string> bytes;
    std::vector<std::string> parameters;
};
made_lines lines_of(const definition&, std::span<const recorded>);

// Those whose row in the table is missing or another, and which of the two.
std::vector<std::pair<line_key, row_difference::kind>> differing_lines(pqxx::transaction_base&, const definition&,
                                                                       const made_lines&);

struct stored_line
{
    line_key key;
    bool is_known = false;  // the log has its event, at most at `up_to`
};
// A page, tenant by tenant, each along its key. Empty: that was all.
std::vector<stored_line> stored_lines_after(pqxx::transaction_base&, const definition&, std::int32_t lane,
                                            const line_key& after, std::int64_t up_to, std::size_t count_max);

std::uint64_t remove_lines(pqxx::transaction_base&, const definition&, std::span<const line_key>);
void insert_lines(pqxx::transaction_base&, const definition&, const made_lines&);
}  // namespace projection
