#include "projections/runner/version_comparing.hpp"

#include <pqxx/pqxx>

namespace projection
{
namespace
{
// A session of a row store looks rows up one by one.
void plan_for_all_rows(pqxx::transaction_base& work)
{
    for (const char* way : {"enable_seqscan", "enable_hashjoin", "enable_mergejoin", "enable_bitmapscan"})
        work.exec0(std::string{"set local "} + way + " = on");
}

// Lanes in which both versions stand at the same event, and those in which they do not.
struct lanes_compared
{
    std::string same{"{"};
    std::vector<std::int32_t> apart;
};

lanes_compared lanes_of(pqxx::transaction_base& work, const version& one, const version& other)
{
    lanes_compared found;
    for (const auto& row : work.exec_params(
             "with newest as (select distinct on (version, lane) version, lane, seq from read.checkpoint"
             "                 where projection = $1 and version in ($2, $3) order by version, lane, step desc)"
             " select lane, count(*) = 2 and min(seq) = max(seq) from newest group by lane order by lane",
             one.projection, one.number, other.number))
        if (row[1].as<bool>())
            found.same.append(found.same.size() > 1 ? "," : "").append(row[0].c_str());
        else
            found.apart.push_back(row[0].as<std::int32_t>());
    found.same.push_back('}');
    return found;
}

std::string shape_of_table(pqxx::transaction_base& work, const version& of)
{
    return work
        .exec_params1("select string_agg(attname || ' ' || atttypid::regtype, ',' order by attnum)"
                      "  from pg_attribute where attrelid = $1::regclass and attnum > 0 and not attisdropped",
                      of.rows_in)[0]
        .as<std::string>();
}

// What names a row within its tenant: the thing, or the event it was made of.
std::string key_column(pqxx::transaction_base& work, const version& of)
{
    return work.exec_params("select from pg_attribute where attrelid = $1::regclass and attname = 'id'", of.rows_in)
                   .empty()
               ? "seq"
               : "id";
}

std::string rows_in_lanes(const version& of, const std::string& key)
{
    return "(select t.tenant_id, t." + key + " as key, t::text as held from " + of.rows_in +
           " t where t.tenant_id in (select h.tenant_id from es.tenant h where h.lane = any($1::integer[])))";
}

std::int64_t totals_apart(pqxx::transaction_base& work, const version& one, const version& other,
                          const std::string& lanes)
{
    return work
        .exec_params1(
            "with newest as (select distinct on (tenant_id, counter, version, bucket) tenant_id, counter, version,"
            " bucket, value from read.sum where version in ($2, $3) and counter like $4 and tenant_id in"
            " (select h.tenant_id from es.tenant h where h.lane = any($1::integer[]))"
            " order by tenant_id, counter, version, bucket, seq desc)"
            " select count(*) from (select * from newest where version = $2) a"
            " full join (select * from newest where version = $3) b using (tenant_id, counter, bucket)"
            " where coalesce(a.value, 0) <> coalesce(b.value, 0)",
            lanes, one.number, other.number, one.projection + ".%")[0]
        .as<std::int64_t>();
}
}  // namespace

std::map<std::int32_t, std::uint64_t> rows_by_lane(pqxx::transaction_base& work, const version& of)
{
    plan_for_all_rows(work);
    std::map<std::int32_t, std::uint64_t> found;
    for (const auto& row : work.exec("select h.lane, sum(t.rows) from (select tenant_id, count(*) as rows from " +
                                     of.rows_in + " group by 1) t join es.tenant h using (tenant_id) group by 1"))
        found.emplace(row[0].as<std::int32_t>(), row[1].as<std::uint64_t>());
    return found;
}

std::vector<std::int32_t> lanes_apart(pqxx::transaction_base& work, const version& one, const version& other)
{
    return lanes_of(work, one, other).apart;
}

version_comparison compare(pqxx::transaction_base& work, const version& one, const version& other,
                           std::size_t differences_max)
{
    plan_for_all_rows(work);
    version_comparison found;
    const auto lanes = lanes_of(work, one, other);
    found.lanes_apart = lanes.apart;
    const auto key = key_column(work, one);
    const auto count = [&](const version& of) {
        return work.exec_params1("select count(*) from " + rows_in_lanes(of, key) + " r", lanes.same)[0]
            .as<std::int64_t>();
    };
    found.rows_of_one = count(one);
    found.rows_of_other = count(other);
    found.is_same_shape = shape_of_table(work, one) == shape_of_table(work, other);
    found.totals_different = totals_apart(work, one, other, lanes.same);
    if (!found.is_same_shape)
        return found;
    const std::string apart = " from " + rows_in_lanes(one, key) + " a full join " + rows_in_lanes(other, key) +
                              " b using (tenant_id, key) where a.held is distinct from b.held";
    found.rows_different = work.exec_params1("select count(*)" + apart, lanes.same)[0].as<std::int64_t>();
    if (found.rows_different > 0)
        for (const auto& row : work.exec_params("select tenant_id, key" + apart + " order by 1, 2 limit " +
                                                    std::to_string(differences_max),
                                                lanes.same))
            found.differences.push_back({*uuid::parse(row[0].c_str()), row[1].c_str()});
    return found;
}
}  // namespace projection
