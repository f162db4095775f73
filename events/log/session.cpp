#include "events/log/session.hpp"

#include <pqxx/pqxx>

#include <algorithm>
#include <array>
#include <utility>

namespace event_log
{
namespace
{
struct prepared
{
    const char* name;
    const char* text;
};

constexpr std::array<prepared, 12> all_statements{{
    {statement::append, "select es.append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"},
    {statement::append_carefully, "select heads, kinds, scopes, limits, used, lasts"
                                  " from es.append_carefully($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"},
    {statement::settle, "select is_void, heads, kinds, scopes, limits, used, lasts from es.settle($1)"},
    {statement::rehearse, "select kind, scope, at_most, used, head from es.rehearse($1, $2, $3, $4)"},
    // One statement, one snapshot: what it finds was all true at one moment.
    {statement::confirm,
     "select (select array_agg(coalesce(last.seq, 0) order by l.at)"
     "          from unnest($1::int[]) with ordinality as l(lane, at)"
     "               left join lateral (select e.seq from es.event as e where e.lane = l.lane"
     "                                   order by e.seq desc limit 1) as last on true),"
     "       (select coalesce(array_agg(h.nth), '{}')"
     "          from unnest($2::es.head_in[]) with ordinality as h(version, tenant_id, stream_id, category, event_id, "
     "nth)"
     "               left join lateral (select e.version, e.event_id from es.event as e"
     "                                   where e.tenant_id = h.tenant_id and e.category = h.category"
     "                                     and e.stream_id = h.stream_id"
     "                                   order by e.version desc limit 1) as found on true"
     "         where coalesce(found.version, 0) <> h.version"
     "            or (h.version > 0 and found.event_id <> h.event_id))"},
    {statement::load,
     "select a.nth, e.lane, e.seq, e.event_id, e.version, e.type, e.schema_version, e.data, e.meta, e.recorded_at,"
     "       null::text, null::bytea, null::int, null::uuid, null::text, null::uuid, null::bigint, null::int"
     "  from unnest($1::uuid[], $2::text[], $3::uuid[], $4::bigint[], $5::bigint[])"
     "       with ordinality as a(tenant_id, category, stream_id, after_version, up_to_version, nth)"
     "       cross join lateral (select * from es.event as e"
     "                            where e.tenant_id = a.tenant_id and e.category = a.category"
     "                              and e.stream_id = a.stream_id and e.version > a.after_version"
     "                              and e.version <= a.up_to_version order by e.version) as e "
     "union all "
     "select a.nth, null, null, null, null, null, null, null, null, null, r.principal, r.fingerprint, r.status,"
     "       coalesce(r.shown_tenant_id, r.tenant_id), r.category, r.stream_id, r.version, r.kept_as"
     "  from unnest($6::uuid[], $7::text[]) with ordinality as a(tenant_id, key, nth)"
     "       cross join lateral (select * from es.receipt as r"
     "                            where r.tenant_id = a.tenant_id and r.key = a.key limit 1) as r"},
    {statement::find_tenant, "select t.lane, t.wrapped_key from es.tenant as t where t.tenant_id = $1"},
    {statement::last_seq, "select coalesce(max(e.seq), 0) from es.event as e where e.lane = $1"},
    {statement::least_lane, "select l.lane from es.lane as l"
                            " order by (select count(*) from es.tenant as t where t.lane = l.lane), l.lane limit 1"},
    {statement::find_claim, "select c.owner_tenant_id, c.owner_category, c.owner_id from es.claim as c"
                            " where c.tenant_id = $1 and c.scope = $2 and c.hash = $3"},
    {statement::subject_keys,
     "select k.subject_id, k.version, k.wrapped from unnest($2::uuid[]) as a(subject_id)"
     "       cross join lateral (select * from es.subject_key as k"
     "                            where k.tenant_id = $1 and k.subject_id = a.subject_id and k.wrapped is not null"
     "                            order by k.version) as k"},
    // Every metric's newest total by a walk over the primary key from metric to metric.
    {statement::quotas,
     "with recursive newest as ("
     "    (select q.metric, q.total from es.quota as q where q.tenant_id = $1 order by q.metric desc, q.n desc limit 1)"
     "    union all"
     "    select below.metric, below.total from newest"
     "           cross join lateral (select q.metric, q.total from es.quota as q"
     "                                where q.tenant_id = $1 and q.metric < newest.metric"
     "                                order by q.metric desc, q.n desc limit 1) as below)"
     " select metric, total from newest order by metric"},
}};

connection_config settings_for(const store_config& config, std::chrono::milliseconds connect_within)
{
    connection_config out;
    out.dsn = config.dsn;
    out.password_file = config.password_file;
    out.application_name = config.application_name;
    out.connect_deadline = connect_within;
    // Below the watch over an append (see store.cpp): what the server ends by itself needs no settling.
    out.statement_timeout = std::max(config.append_deadline * 6 / 10, config.read_deadline);
    out.lock_timeout = config.lock_timeout;
    // An append is durable when it is answered, whatever the server's default; plans are fixed ones that use indexes,
    // also before the first statistics exist; a backend notices that its client is gone.
    out.settings = {{"synchronous_commit", "on"},
                    {"plan_cache_mode", "force_generic_plan"},
                    {"enable_seqscan", "off"},
                    {"enable_bitmapscan", "off"},
                    {"enable_hashjoin", "off"},
                    {"enable_mergejoin", "off"},
                    {"jit", "off"},
                    {"client_connection_check_interval", "1s"}};
    return out;
}

constexpr std::chrono::milliseconds connect_within_max{3'000};
}  // namespace

session::session(store_config config) : config_(std::move(config))
{
    if (!config_.guard)
        config_.guard = std::make_shared<watchdog>();
}

void session::open(time_point until)
{
    if (is_open())
        return;
    link_.reset();
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - watchdog::clock::now());
    if (left.count() <= 0)
        throw unreachable{"no connection to PostgreSQL before the deadline"};
    auto fresh = std::make_unique<connection>(settings_for(config_, std::min(left, connect_within_max)), config_.guard);
    try
    {
        const connection::deadline limit{*fresh, until};
        pqxx::nontransaction work{fresh->raw()};
        types_.clear();
        for (const pqxx::row& each : work.exec("select t.typname, t.oid::bigint from pg_catalog.pg_type as t"
                                               " where t.typnamespace = 'es'::regnamespace and t.typtype = 'c'"))
            types_[each[0].c_str()] = static_cast<wire::oid>(each[1].as<long long>());
    }
    catch (const std::exception& problem)
    {
        throw unreachable{"the database cannot be used: " + event_log::understand(problem, *fresh).message};
    }
    for (const prepared& each : all_statements)
        fresh->raw().prepare(each.name, each.text);
    link_ = std::move(fresh);
}

pqxx::result session::run(const char* name, const std::vector<std::string>& parameters, time_point until)
{
    const connection::deadline limit{*link_, until};
    const std::vector<pqxx::binarystring> binary(parameters.begin(), parameters.end());
    pqxx::nontransaction work{link_->raw()};
    return work.exec_prepared(name, pqxx::prepare::make_dynamic_params(binary));
}

failure session::understand(const std::exception& problem)
{
    failure out = link_ ? event_log::understand(problem, *link_) : failure{failure_kind::lost, {}, problem.what()};
    if (out.kind == failure_kind::lost)
        drop();
    return out;
}

pqxx::result session::read(const char* name, const std::vector<std::string>& parameters)
{
    const time_point until = watchdog::clock::now() + config_.read_deadline;
    for (bool again = false;; again = true)
    {
        open(until);
        try
        {
            return run(name, parameters, until);
        }
        catch (const std::exception& problem)
        {
            const failure why = understand(problem);
            const bool in_time = watchdog::clock::now() < until;
            if (why.kind == failure_kind::refused && why.sqlstate.starts_with("22"))
                throw std::logic_error{"a question that the database cannot hold: " + why.message};
            if (why.kind == failure_kind::refused || again || !in_time)
                throw unreachable{"reading failed: " + why.message};
        }
    }
}

std::string_view text_of(std::string_view name)
{
    const auto found = std::find_if(all_statements.begin(), all_statements.end(),
                                    [&](const prepared& each) { return name == each.name; });
    return found == all_statements.end() ? std::string_view{} : found->text;
}
}  // namespace event_log
