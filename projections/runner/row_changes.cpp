// See row_changes.hpp.
#include "projections/runner/row_changes.hpp"

#include "schemas/assertion.hpp"

#include <pqxx/pqxx>

#include <algorithm>

namespace projection
{
namespace
{
using pqxx::prepare::make_dynamic_params;

void upsert(pqxx::transaction_base& work, const table& into, std::span<row_slot* const> rows)
{
    arrays tenants{1};
    column_arrays values{into.columns};
    for (const row_slot* slot : rows)
        if (slot->of == into.of)
        {
            tenants.next().id(slot->key.tenant);
            values.add(slot->row.get());
        }
    if (values.rows() == 0)
        return;
    std::vector<std::string> parameters = tenants.finish();
    for (std::size_t i = 0; i < into.columns.size(); ++i)
        parameters.push_back(values.literal(i));
    work.exec_prepared(into.statement("upsert"), make_dynamic_params(parameters));
}
}  // namespace

void row_changes::prepare(pqxx::connection_base& raw) const
{
    raw.prepare("park", insert_parked);
    raw.prepare("advance", advance_steps);
    raw.prepare("advance under lease", "select read.advance_under_lease($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)");
    raw.prepare("delete terms", delete_terms);
    raw.prepare("put terms", put_terms);
    raw.prepare("replace totals", "select read.replace_sums($1, $2, $3, $4, $5, $6, $7)");
    for (const auto& each : tables_)
        if (each.of->kind == row_kind::appended)
            raw.prepare(each.statement("insert"), each.insert());
        else
            raw.prepare(each.statement("upsert"), each.upsert());
}

void row_changes::advance(pqxx::transaction_base& work, std::span<const checkpoint> steps,
                          std::span<const held_lane> leases) const
{
    auto parameters = arrays_of(steps);
    if (!leases.empty())
    {
        parameters.emplace_back(projector_role);
        for (auto& each : arrays_of(leases))
            parameters.push_back(std::move(each));
    }
    work.exec_prepared(leases.empty() ? "advance" : "advance under lease", make_dynamic_params(parameters));
}

void row_changes::upsert(pqxx::transaction_base& work, std::span<row_slot* const> rows) const
{
    for (const auto& each : tables_)
        projection::upsert(work, each, rows);
}

void row_changes::append(pqxx::transaction_base& work, const appended_rows& lines) const
{
    if (lines.events.empty())
        return;
    const auto into = std::ranges::find(tables_, lines.of, &table::of);
    CF_ASSERT(into != tables_.end());
    work.exec_prepared(into->statement("insert"), make_dynamic_params(arrays_of(*into, lines.events)));
}

void row_changes::replace_totals(pqxx::transaction_base& work, const std::vector<commit::new_total>& totals) const
{
    if (totals.empty())
        return;
    arrays all{7};
    for (const auto& each : totals)
        all.next()
            .id(each.key.tenant)
            .text(each.key.counter)
            .number(each.key.version)
            .text(each.key.bucket)
            .number(each.before.seq)
            .number(each.now.seq)
            .number(each.now.value);
    work.exec_prepared("replace totals", make_dynamic_params(all.finish()));
}

void row_changes::change_terms(pqxx::transaction_base& work, std::span<row_slot* const> rows) const
{
    arrays gone{5}, put{7};
    std::size_t gone_count = 0, put_count = 0;
    const auto key = [](arrays& to, const row_slot& slot) -> arrays& {
        return to.next().id(slot.key.tenant).text(slot.of->name).number(slot.of->version).id(slot.key.id);
    };
    for (const row_slot* slot : rows)
    {
        for (const auto& word : slot->terms.gone)
            key(gone, *slot).text(word);
        for (const auto& each : slot->terms.put)
            key(put, *slot).text(each.word).number(static_cast<std::int16_t>(each.place)).text(each.created_at.text());
        gone_count += slot->terms.gone.size();
        put_count += slot->terms.put.size();
    }
    if (gone_count > 0)
        work.exec_prepared("delete terms", make_dynamic_params(gone.finish()));
    if (put_count > 0)
        work.exec_prepared("put terms", make_dynamic_params(put.finish()));
}

void row_changes::empty_tenant(pqxx::transaction_base& work, const definition& of, const uuid& tenant) const
{
    const std::string name{of.name}, its = " where tenant_id = " + work.quote(tenant.text());
    const std::string ours = its + " and version = " + std::to_string(of.version);
    work.exec("delete from " + std::string{of.table} + its);
    work.exec("delete from read.search_term" + ours + " and projection = " + work.quote(name));
    work.exec("delete from read.sum" + ours + " and counter like " + work.quote(name + ".%"));
}

void row_changes::park(pqxx::transaction_base& work, const std::vector<parked_key>& keys) const
{
    if (keys.empty())
        return;
    work.exec_prepared("park", make_dynamic_params(arrays_of(std::span<const parked_key>{keys})));
}
}  // namespace projection
