// The set-wise statements on rows and positions, as text, and the arrays they are given. Included by .cpp files alone.
#pragma once

#include "projections/runner/columns.hpp"
#include "projections/runner/definition.hpp"
#include "projections/runner/row_store.hpp"

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace projection
{
// Array literals for a set-wise statement, a column each.
class arrays
{
public:
    explicit arrays(std::size_t columns) : texts_(columns, "{") {}

    arrays& next()
    {
        at_ = 0;
        return *this;
    }
    arrays& plain(std::string_view text)
    {
        comma().append(text);
        return *this;
    }
    arrays& number(std::int64_t n) { return plain(std::to_string(n)); }
    arrays& id(const uuid& given) { return plain(given.text()); }
    arrays& id_or_null(const uuid& given) { return given.is_nil() ? plain("NULL") : id(given); }
    arrays& text(std::string_view given)
    {
        append_element(comma(), given);
        return *this;
    }

    std::vector<std::string> finish()
    {
        for (auto& each : texts_)
            each.push_back('}');
        return std::move(texts_);
    }

private:
    std::string& comma()
    {
        auto& text = texts_[at_++];
        if (text.size() > 1)
            text.push_back(',');
        return text;
    }

    std::vector<std::string> texts_;
    std::size_t at_ = 0;
};

// For read.advance and read.advance_under_lease.
inline std::vector<std::string> arrays_of(std::span<const checkpoint> steps)
{
    arrays all{8};
    for (const auto& each : steps)
        all.next()
            .text(each.of->name)
            .number(each.of->version)
            .number(each.lane)
            .number(each.step)
            .number(each.seq)
            .number(each.generation)
            .text(each.incarnation)
            .id_or_null(each.event_id);
    return all.finish();
}

// Lanes and terms, behind those of the steps in read.advance_under_lease.
inline std::vector<std::string> arrays_of(std::span<const held_lane> leases)
{
    arrays all{2};
    for (const auto& each : leases)
        all.next().number(each.lane).number(each.term);
    return all.finish();
}

// For insert_parked.
inline std::vector<std::string> arrays_of(std::span<const parked_key> keys)
{
    arrays all{8};
    for (const auto& each : keys)
        all.next()
            .text(each.of->name)
            .number(each.of->version)
            .number(each.lane)
            .id(each.key.tenant)
            .id(each.key.id)
            .number(each.from_seq)
            .text(each.cause)
            .text(each.kind);
    return all.finish();
}

inline constexpr const char* advance_steps = "select read.advance($1, $2, $3, $4, $5, $6, $7, $8)";

inline std::string names(const std::vector<column>& columns, std::string_view before = {})
{
    std::string all;
    for (const auto& each : columns)
        all.append(all.empty() ? "" : ", ").append(before).append(each.name);
    return all;
}

// A definition with its columns and the names of its statements.
struct table
{
    explicit table(const definition& given) : of(&given), columns(columns_of(*given.record)) {}

    std::string statement(std::string_view verb) const
    {
        return std::string{verb} + ' ' + std::string{of->name} + ' ' + std::to_string(of->version);
    }

    // The rows given as one array per column, the tenant first: u (c0, c1, …).
    struct rows_given
    {
        std::string from;    // "unnest($1::uuid[], …) as u (c0, …)"
        std::string picked;  // "u.c0, u.c1, …", each as its column's type
    };
    rows_given given() const
    {
        std::string types = "$1::uuid[]", aliases = "c0", picked = "u.c0";
        for (std::size_t i = 0; i < columns.size(); ++i)
        {
            const auto& type = columns[i].sql_type;
            types += ", $" + std::to_string(i + 2) + "::" + (columns[i].is_list ? "text" : std::string{type}) + "[]";
            aliases += ", " + alias(i);
            picked += ", u." + alias(i) + (columns[i].is_list ? "::" + std::string{type} : "");
        }
        return {"unnest(" + types + ") as u (" + aliases + ")", picked};
    }

    std::string insert() const
    {
        const auto rows = given();
        return "insert into " + std::string{of->table} + " (tenant_id, " + names(columns) + ") select " + rows.picked +
               " from " + rows.from;
    }

    std::string upsert() const
    {
        std::string set;
        for (const auto& each : columns)
            if (each.name != "id")
                set += (set.empty() ? "" : ", ") + each.name + " = excluded." + each.name;
        return insert() + " on conflict (tenant_id, id) do update set " + set;
    }

    // Appended rows beside what they should be.
    std::string differing() const
    {
        const auto rows = given();
        const std::string seq =
            "u." + alias(static_cast<std::size_t>(std::ranges::find(columns, "seq", &column::name) - columns.begin()));
        return "select u.c0, " + seq + ", t.seq is null from " + rows.from + " left join lateral (select * from " +
               std::string{of->table} + " held where held.tenant_id = u.c0 and held.seq = " + seq +
               " limit 1) as t on true where row(t.tenant_id, " + names(columns, "t.") + ") is distinct from row(" +
               rows.picked + ")";
    }

    // Tenant by tenant, each along its key; with each row whether the log has its event there.
    std::string appended_after() const
    {
        return "select home.tenant_id, t.seq, t.is_known"
               " from (select tenant_id from es.tenant where lane = $1 and tenant_id >= $2::uuid order by tenant_id)"
               " as home cross join lateral (select held.tenant_id, held.seq, held.seq <= $4::bigint and exists"
               " (select from es.event e where e.lane = $1 and e.seq = held.seq and e.event_id = held.event_id"
               " and e.tenant_id = held.tenant_id) as is_known from " +
               std::string{of->table} +
               " held where held.tenant_id = home.tenant_id and (held.tenant_id, held.seq) > ($2::uuid, $3::bigint)"
               " order by held.tenant_id, held.seq limit $5) as t order by home.tenant_id, t.seq limit $5";
    }

    std::string load() const
    {
        return "select k.nth, " + names(columns, "t.") +
               " from unnest($1::uuid[], $2::uuid[]) with ordinality as k (tenant_id, id, nth) cross join lateral "
               "(select * from " +
               std::string{of->table} + " held where held.tenant_id = k.tenant_id and held.id = k.id limit 1) as t";
    }

    // Tenant by tenant, each along its key, so that a page can end where it is full.
    std::string rows_after() const
    {
        return "select home.tenant_id, " + names(columns, "t.") +
               " from (select tenant_id from es.tenant where lane = $1 and tenant_id >= $2::uuid order by tenant_id)"
               " as home cross join lateral (select * from " +
               std::string{of->table} +
               " held where held.tenant_id = home.tenant_id and (held.tenant_id, held.id) > ($2::uuid, $3::uuid)"
               " order by held.tenant_id, held.id limit $4) as t order by home.tenant_id, t.id limit $4";
    }

    static std::string alias(std::size_t nth_column) { return "c" + std::to_string(nth_column + 1); }

    const definition* of;
    std::vector<column> columns;
};

// For insert and differing: the rows of these events, a column each.
inline std::vector<std::string> arrays_of(const table& of, std::span<const recorded* const> events)
{
    arrays tenants{1};
    column_arrays values{of.columns};
    const auto row = of.of->make();
    for (const recorded* happened : events)
    {
        of.of->apply(row.get(), *happened, nullptr);
        tenants.next().id(happened->stream.tenant);
        values.add(row.get());
    }
    std::vector<std::string> parameters = tenants.finish();
    for (std::size_t i = 0; i < of.columns.size(); ++i)
        parameters.push_back(values.literal(i));
    return parameters;
}

inline constexpr const char* newest_checkpoints =
    "select p.nth, l.lane, c.step, c.seq, c.generation, c.incarnation, c.event_id "
    "from unnest($1::text[], $2::integer[]) with ordinality as p (projection, version, nth) "
    "cross join unnest($3::integer[]) as l (lane) "
    "cross join lateral (select * from read.checkpoint k where k.projection = p.projection and k.version = p.version "
    "and k.lane = l.lane order by k.step desc limit 1) as c";

inline constexpr const char* parked_keys =
    "select p.nth, k.lane, k.tenant_id, k.key, k.from_seq, k.cause, k.kind, k.discarded_at is not null "
    "from unnest($1::text[], $2::integer[]) with ordinality as p (projection, version, nth) "
    "join read.parked k on k.projection = p.projection and k.version = p.version where k.lane = any($3::integer[])";

inline constexpr const char* newest_totals =
    "select k.nth, s.seq, s.value "
    "from unnest($1::uuid[], $2::text[], $3::integer[], $4::text[]) with ordinality "
    "as k (tenant_id, counter, version, bucket, nth) "
    "cross join lateral (select * from read.sum t where t.tenant_id = k.tenant_id and t.counter = k.counter "
    "and t.version = k.version and t.bucket = k.bucket order by t.seq desc limit 1) as s";

inline constexpr const char* totals_of_lane =
    "select distinct on (s.tenant_id, s.counter, s.version, s.bucket) s.tenant_id, s.counter, s.version, s.bucket, "
    "s.seq, s.value from read.sum s where s.tenant_id in (select home.tenant_id from es.tenant home where home.lane = "
    "$1) "
    "and s.version = $2 and s.counter like $3 and (s.tenant_id, s.counter, s.version, s.bucket) > ($4::uuid, $5, $6, "
    "$7) "
    "order by s.tenant_id, s.counter, s.version, s.bucket, s.seq desc limit $8";

inline constexpr const char* insert_parked =
    "insert into read.parked (projection, version, lane, tenant_id, key, from_seq, cause, kind) "
    "select * from unnest($1::text[], $2::integer[], $3::integer[], $4::uuid[], $5::uuid[], $6::bigint[], $7::text[],"
    " $8::text[])";

inline constexpr const char* delete_terms =
    "delete from read.search_term held using unnest($1::uuid[], $2::text[], $3::integer[], $4::uuid[], $5::text[]) "
    "as gone (tenant_id, projection, version, id, term) where held.tenant_id = gone.tenant_id "
    "and held.projection = gone.projection and held.version = gone.version and held.id = gone.id "
    "and held.term = gone.term";

// Where the words of a version lie while it is built (read.begin_terms).
inline std::string term_table(const definition& of)
{
    return "read.search_term_" + std::string{of.name} + "_v" + std::to_string(of.version);
}

inline constexpr const char* put_terms =
    "insert into read.search_term (tenant_id, projection, version, id, term, place, created_at) "
    "select * from unnest($1::uuid[], $2::text[], $3::integer[], $4::uuid[], $5::text[], $6::smallint[], "
    "$7::timestamptz[]) on conflict (tenant_id, projection, version, id, term) "
    "do update set place = excluded.place, created_at = excluded.created_at";

// Tenant by tenant, like rows_after. Times in microseconds.
inline constexpr const char* terms_of_lane =
    "select home.tenant_id, t.id, t.term, t.place, (extract(epoch from t.created_at) * 1000000)::bigint "
    "from (select tenant_id from es.tenant where lane = $1 and tenant_id >= $4::uuid order by tenant_id) as home "
    "cross join lateral (select * from read.search_term held where held.tenant_id = home.tenant_id "
    "and held.projection = $2 and held.version = $3 and (held.tenant_id, held.projection, held.version, held.id, "
    "held.term) > ($4::uuid, $2, $3, $5::uuid, $6) order by held.id, held.term limit $7) as t "
    "order by home.tenant_id, t.id, t.term limit $7";

inline constexpr const char* of_one_key = " where projection = $1 and version = $2 and tenant_id = $3 and key = $4";
}  // namespace projection
