#include "projections/runner/row_mending.hpp"

#include "events/log/migrator.hpp"
#include "projections/runner/audited_lines.hpp"
#include "projections/runner/audited_rows.hpp"
#include "projections/runner/columns.hpp"
#include "projections/runner/personal_keys.hpp"
#include "projections/runner/row_statements.hpp"
#include "schemas/assertion.hpp"
#include "schemas/fault_point.hpp"

#include <pqxx/pqxx>

#include <algorithm>
#include <set>
#include <string>
#include <utility>

namespace projection
{
namespace
{
// How often a step is tried that somebody else takes at the same moment.
constexpr auto patience = std::chrono::seconds{30};

std::string incarnation_of(pqxx::transaction_base& in)
{
    return in
        .exec1("select ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint || '.' ||"
               " (select max(number) from es.incarnation)")[0]
        .as<std::string>();
}

void take_step(pqxx::transaction_base& in, checkpoint at)
{
    ++at.step;
    ++at.generation;
    if (at.incarnation.empty())
        at.incarnation = incarnation_of(in);
    arrays all{8};
    all.next()
        .text(at.of->name)
        .number(at.of->version)
        .number(at.lane)
        .number(at.step)
        .number(at.seq)
        .number(at.generation)
        .text(at.incarnation)
        .id_or_null(at.event_id);
    const auto literals = all.finish();
    in.exec_params("select read.advance($1, $2, $3, $4, $5, $6, $7, $8)", pqxx::prepare::make_dynamic_params(literals));
}

void upsert(pqxx::transaction_base& in, const definition& of, const uuid& tenant, const wanted_row& row)
{
    const table into{of};
    arrays tenants{1};
    tenants.next().id(tenant);
    column_arrays values{into.columns};
    values.add(row.row.get());
    auto parameters = tenants.finish();
    for (std::size_t i = 0; i < into.columns.size(); ++i)
        parameters.push_back(values.literal(i));
    in.exec_params(into.upsert(), pqxx::prepare::make_dynamic_params(parameters));
}

// The words by which a row is found; without a row none.
void replace_terms(pqxx::transaction_base& in, const definition& of, const row_key& key, const void* row)
{
    if (of.find_by == nullptr)
        return;
    in.exec_params("delete from read.search_term where tenant_id = $1 and projection = $2 and version = $3 and id = $4",
                   key.tenant.text(), std::string{of.name}, of.version, key.id.text());
    arrays put{7};
    const auto terms = row == nullptr ? std::vector<term>{} : terms_of(of, row);
    for (const auto& each : terms)
        put.next()
            .id(key.tenant)
            .text(of.name)
            .number(of.version)
            .id(key.id)
            .text(each.word)
            .number(static_cast<std::int16_t>(each.place))
            .text(each.created_at.text());
    if (!terms.empty())
        in.exec_params(put_terms, pqxx::prepare::make_dynamic_params(put.finish()));
}

bool remove(pqxx::transaction_base& in, const definition& of, const uuid& tenant, const uuid& id)
{
    return in.exec_params("delete from " + std::string{of.table} + " where tenant_id = $1 and id = $2", tenant.text(),
                          id.text())
               .affected_rows() > 0;
}

std::uint64_t rewrite_totals(pqxx::transaction_base& in, const definition& of, const uuid& tenant, std::int64_t seq,
                             std::size_t page_rows)
{
    if (of.shares == nullptr)
        return 0;
    const auto wanted = totals_from_rows(in, of, tenant, page_rows);
    in.exec_params("delete from read.sum where tenant_id = $1 and version = $2 and counter like $3", tenant.text(),
                   of.version, std::string{of.name} + ".%");
    for (const auto& [name, value] : wanted)
        in.exec_params("insert into read.sum (tenant_id, counter, version, bucket, seq, value)"
                       " values ($1, $2, $3, $4, $5, $6)",
                       tenant.text(), name.counter, of.version, name.bucket, seq, value);
    return wanted.size();
}
}  // namespace

struct row_mending::implementation
{
    implementation(row_audit_config given, event_log::keyring& ring)
        : config(std::move(given)), link(config.rows), keys(ring, config.keys)
    {}

    // Somebody else takes the same step now and then.
    template <class Work>
    void until_won(Work work)
    {
        for (const auto until = std::chrono::steady_clock::now() + patience;;)
            try
            {
                return link.call([&](pqxx::connection_base& raw) {
                    pqxx::work changed{raw};
                    work(changed);
                });
            }
            catch (const lost_race&)
            {
                if (std::chrono::steady_clock::now() >= until)
                    throw store_failed("the lane moves on each time: try again", true);
            }
    }

    const row_audit_config config;
    audit_link link;
    personal_keys keys;
};

row_mending::row_mending(row_audit_config config, event_log::keyring& ring)
    : self_(std::make_unique<implementation>(std::move(config), ring))
{}
row_mending::~row_mending() = default;

mended row_mending::rows(const definition& of, const audited_tenant& whose, std::span<const uuid> keys)
{
    CF_ASSERT(keys.size() <= keys_max);
    mended made;
    self_->until_won([&](pqxx::work& in) {
        made = {};
        as_projector(in);
        take_step(in, position_of(in, of, whose.lane));
        const audit_bounds where{whose.tenant, whose.lane, {}, 0, 0};
        const auto seen = read_streams(in, of, where, {keys.begin(), keys.end()});
        const auto held = self_->keys.fetch(seen.events);
        const auto wanted = fold_anew(of, seen, self_->keys.open());
        if (!wanted)
            throw store_failed("rows of " + std::string{of.name} + " are no streams: rebuild the projection", true);
        for (const auto& key : keys)
            if (const auto found = wanted->find(key); found != wanted->end() && !found->second.bytes.empty())
            {
                upsert(in, of, whose.tenant, found->second);
                replace_terms(in, of, {whose.tenant, key}, found->second.row.get());
                ++made.written;
            }
            else
            {
                made.removed += remove(in, of, whose.tenant, key) ? 1 : 0;
                replace_terms(in, of, {whose.tenant, key}, nullptr);
            }
        made.totals = rewrite_totals(in, of, whose.tenant, seen.at.seq, self_->config.rows_max);
        FAULT_POINT("mend_rows.before_commit");
        in.commit();
    });
    FAULT_POINT("mend_rows.after_commit");
    return made;
}

mended row_mending::lines(const definition& of, std::int32_t lane, std::span<const line_key> keys)
{
    CF_ASSERT(keys.size() <= lines_max && of.kind == row_kind::appended);
    const std::set<line_key> meant(keys.begin(), keys.end());
    mended made;
    self_->until_won([&](pqxx::work& in) {
        made = {};
        as_projector(in);
        const auto at = position_of(in, of, lane);
        take_step(in, at);
        as_application(in);
        auto events = envelopes_at(in, lane, keys, at.seq);
        std::erase_if(events, [&](const recorded& each) { return !meant.contains({each.stream.tenant, each.at.seq}); });
        as_projector(in);
        const auto removed = remove_lines(in, of, keys);
        insert_lines(in, of, lines_of(of, events));
        made.written = events.size();
        made.removed = removed - std::min<std::uint64_t>(removed, events.size());
        FAULT_POINT("mend_lines.before_commit");
        in.commit();
    });
    FAULT_POINT("mend_lines.after_commit");
    return made;
}

void row_mending::position(const definition& of, std::int32_t lane)
{
    self_->until_won([&](pqxx::work& in) {
        as_projector(in);
        auto at = position_of(in, of, lane);
        const auto head =
            in.exec_params1("select coalesce(max(seq), 0) from es.event where lane = $1", lane)[0].as<std::int64_t>();
        at.seq = std::min(at.seq, head);
        at.event_id = {};
        for (const auto& row :
             in.exec_params("select event_id from es.event where lane = $1 and seq = $2", lane, at.seq))
            at.event_id = uuid::parse(row[0].c_str()).value_or(uuid{});
        take_step(in, at);
        FAULT_POINT("mend_position.before_commit");
        in.commit();
    });
    FAULT_POINT("mend_position.after_commit");
}
}  // namespace projection
