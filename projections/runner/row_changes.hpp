// What a transaction of the rows' store changes, a prepared statement each: steps, rows, words, totals, stopped keys.
//
// Holds no connection: the transaction is the caller's, who says in which order and what a failure means. Everything
// here throws what pqxx does. Included by .cpp files alone.
#pragma once

#include "projections/runner/row_statements.hpp"
#include "projections/runner/row_store.hpp"

#include <span>
#include <vector>

namespace pqxx
{
class transaction_base;
}

namespace projection
{
class row_changes
{
public:
    // Of these tables, which outlive it.
    explicit row_changes(const std::vector<table>& of) : tables_(of) {}

    // Once per connection, before anything else.
    void prepare(pqxx::connection_base&) const;

    // First in its transaction: whoever comes second waits there. With leases, only while they are held.
    void advance(pqxx::transaction_base&, std::span<const checkpoint>, std::span<const held_lane> = {}) const;
    void upsert(pqxx::transaction_base&, std::span<row_slot* const>) const;
    void append(pqxx::transaction_base&, const appended_rows&) const;
    void change_terms(pqxx::transaction_base&, std::span<row_slot* const>) const;
    void replace_totals(pqxx::transaction_base&, const std::vector<commit::new_total>&) const;
    void park(pqxx::transaction_base&, const std::vector<parked_key>&) const;

    // All rows, words and totals that the tenant has of the projection; not its stopped keys.
    void empty_tenant(pqxx::transaction_base&, const definition&, const uuid& tenant) const;

private:
    const std::vector<table>& tables_;
};
}  // namespace projection
