#include "projections/runner/audited_lines.hpp"

#include "events/log/wire.hpp"
#include "projections/runner/row_statements.hpp"
#include "schemas/assertion.hpp"
#include "schemas/row_codec.hpp"

#include <pqxx/pqxx>

#include <algorithm>

namespace projection
{
namespace
{
constexpr const char* envelope = "select e.seq, e.tenant_id, e.schema_version, e.version, e.event_id, e.category,"
                                 " e.stream_id, e.type, e.recorded_at, e.meta from es.event e where e.lane = $1";

uuid uuid_of(const pqxx::field& from)
{
    const auto parsed = uuid::parse(std::string_view{from.c_str(), from.size()});
    CF_ASSERT(parsed.has_value());
    return *parsed;
}

std::vector<recorded> envelopes_in(const pqxx::result& found, std::int32_t lane)
{
    std::vector<recorded> made;
    made.reserve(found.size());
    for (const auto& row : found)
    {
        recorded one;
        one.at = {lane, row[0].as<std::int64_t>()};
        one.schema_version = row[2].as<std::int32_t>();
        one.version = row[3].as<std::int64_t>();
        one.event_id = uuid_of(row[4]);
        one.stream = {uuid_of(row[1]), row[5].as<std::string>(), uuid_of(row[6])};
        one.type = row[7].as<std::string>();
        one.recorded_at = event_log::wire::read_timestamptz(row[8].c_str());
        one.meta = row[9].as<std::string>();
        made.push_back(std::move(one));
    }
    return made;
}

std::vector<std::string> arrays_of(std::span<const line_key> keys)
{
    arrays all{2};
    for (const auto& each : keys)
        all.next().id(each.tenant).number(each.seq);
    return all.finish();
}
}  // namespace

std::vector<recorded> envelopes_after(pqxx::transaction_base& in, std::int32_t lane, std::int64_t after,
                                      std::int64_t up_to, std::size_t count_max)
{
    return envelopes_in(
        in.exec_params(std::string{envelope} + " and e.seq > $2 and e.seq <= $3 order by e.seq limit $4", lane, after,
                       up_to, count_max),
        lane);
}

std::vector<recorded> envelopes_at(pqxx::transaction_base& in, std::int32_t lane, std::span<const line_key> keys,
                                   std::int64_t up_to)
{
    return envelopes_in(
        in.exec_params(std::string{envelope} + " and e.seq = any($2::bigint[]) and e.seq <= $3 order by e.seq", lane,
                       arrays_of(keys)[1], up_to),
        lane);
}

std::vector<line_key> places_of(pqxx::transaction_base& in, std::int32_t lane, const uuid& tenant, std::int64_t up_to,
                                std::size_t count_max)
{
    // Sorted here: an ORDER BY with a LIMIT would be answered along the lane, however few events are the tenant's.
    std::vector<line_key> made;
    for (const auto& row : in.exec_params("select e.seq from es.event e where e.tenant_id = $1 and e.lane = $2"
                                          " and e.seq <= $3 limit $4",
                                          tenant.text(), lane, up_to, count_max))
        made.push_back({tenant, row[0].as<std::int64_t>()});
    std::ranges::sort(made);
    return made;
}

made_lines lines_of(const definition& of, std::span<const recorded> events)
{
    made_lines made;
    const auto columns = columns_of(*of.record);
    arrays tenants{1};
    column_arrays values{columns};
    const auto row = of.make();
    for (const auto& each : events)
    {
        of.apply(row.get(), each, nullptr);
        tenants.next().id(each.stream.tenant);
        values.add(row.get());
        schema::encode_row(*of.record, row.get(), made.bytes.emplace_back());
    }
    made.parameters = tenants.finish();
    for (std::size_t i = 0; i < columns.size(); ++i)
        made.parameters.push_back(values.literal(i));
    return made;
}

std::vector<std::pair<line_key, row_difference::kind>> differing_lines(pqxx::transaction_base& in, const definition& of,
                                                                       const made_lines& lines)
{
    using kind = row_difference::kind;
    std::vector<std::pair<line_key, kind>> found;
    for (const auto& row : in.exec_params(table{of}.differing(), pqxx::prepare::make_dynamic_params(lines.parameters)))
        found.push_back(
            {{uuid_of(row[0]), row[1].as<std::int64_t>()}, row[2].as<bool>() ? kind::missing : kind::other});
    return found;
}

std::vector<stored_line> stored_lines_after(pqxx::transaction_base& in, const definition& of, std::int32_t lane,
                                            const line_key& after, std::int64_t up_to, std::size_t count_max)
{
    std::vector<stored_line> found;
    for (const auto& row :
         in.exec_params(table{of}.appended_after(), lane, after.tenant.text(), after.seq, up_to, count_max))
        found.push_back({{uuid_of(row[0]), row[1].as<std::int64_t>()}, row[2].as<bool>()});
    return found;
}

std::uint64_t remove_lines(pqxx::transaction_base& in, const definition& of, std::span<const line_key> keys)
{
    const auto literals = arrays_of(keys);
    return in
        .exec_params("delete from " + std::string{of.table} +
                         " held using unnest($1::uuid[], $2::bigint[]) as gone (tenant_id, seq)"
                         " where held.tenant_id = gone.tenant_id and held.seq = gone.seq",
                     literals[0], literals[1])
        .affected_rows();
}

void insert_lines(pqxx::transaction_base& in, const definition& of, const made_lines& lines)
{
    if (!lines.bytes.empty())
        in.exec_params(table{of}.insert(), pqxx::prepare::make_dynamic_params(lines.parameters));
}
}  // namespace projection
