#include "events/log/self_check.hpp"

#include "events/log/store.hpp"

#include <pqxx/pqxx>

#include <array>

namespace event_log
{
namespace
{
// `sql` answers with one value: empty or null when all is well, else what was found.
struct check
{
    const char* id;
    extent from;
    bool grave;
    const char* promise;
    const char* sql;
    const char* what_to_do;
};

constexpr auto server = extent::server;
constexpr auto log = extent::server_and_log;

constexpr std::array checks{
    check{"server_version", server, true, "PostgreSQL 15 or newer",
          "select case when current_setting('server_version_num')::int < 150000"
          " then 'PostgreSQL ' || current_setting('server_version') || ' is too old' end",
          "Use PostgreSQL 15 or newer."},
    check{"primary", server, true, "the server takes writes",
          "select case when pg_is_in_recovery() then 'the server is a standby' end",
          "Point the DSN at the primary server."},
    check{"fsync", server, true, "commits reach the disk",
          "select case when not current_setting('fsync')::boolean then 'fsync is off' end",
          "Set fsync = on: without it a crash of the machine loses or tears acknowledged events."},
    check{"full_page_writes", server, true, "pages are not torn by a crash",
          "select case when not current_setting('full_page_writes')::boolean then 'full_page_writes is off' end",
          "Set full_page_writes = on."},
    check{"synchronous_commit", server, true, "a commit is durable when it is answered",
          "select 'synchronous_commit is off for ' || coalesce(r.rolname, d.datname, 'everybody')"
          "  from pg_db_role_setting s left join pg_roles r on r.oid = s.setrole"
          "  left join pg_database d on d.oid = s.setdatabase"
          " where 'synchronous_commit=off' = any (s.setconfig)"
          "   and (d.oid is null or d.datname = current_database())"
          " union all "
          "select 'synchronous_commit is ' || reset_val || ' by default' from pg_settings"
          " where name = 'synchronous_commit' and reset_val = 'off' limit 1",
          "Set synchronous_commit = on. Appends ask for it themselves; every other write of the product does not."},
    check{"data_sync_retry", server, true, "a failed write to disk is not taken for a success later",
          "select case when current_setting('data_sync_retry')::boolean then 'data_sync_retry is on' end",
          "Set data_sync_retry = off."},
    check{"damage_is_seen", server, true, "damaged pages stop the server instead of becoming empty",
          "select string_agg(name || ' is on', ', ') from pg_settings"
          " where name in ('zero_damaged_pages', 'ignore_checksum_failure', 'ignore_invalid_pages') and setting = 'on'",
          "Switch these developer settings off."},
    check{
        "data_checksums", server, false, "silent damage of the disk is noticed",
        "select case when not current_setting('data_checksums')::boolean then 'the cluster has no data checksums' end",
        "Stop the server and run pg_checksums --enable, or make the cluster with initdb --data-checksums."},
    check{"encoding", server, true, "text is UTF-8",
          "select case when current_setting('server_encoding') <> 'UTF8'"
          " then 'the database is encoded as ' || current_setting('server_encoding') end",
          "Create the database with encoding UTF8."},
    check{"isolation_default", server, true, "transactions run at read committed by default",
          "select case when reset_val <> 'read committed' then 'the default is ' || reset_val end"
          "  from pg_settings where name = 'default_transaction_isolation'",
          "Remove the setting default_transaction_isolation; appends refuse any other level."},
    check{"autovacuum", server, false, "autovacuum keeps statistics and visibility",
          "select case when not current_setting('autovacuum')::boolean or not current_setting('track_counts')::boolean"
          " then 'autovacuum is off' end",
          "Set autovacuum = on and track_counts = on."},
    check{"lock_patience", server, false, "deadlocks are found before a lane's waiters give up",
          "select case when setting::int >= 4000 then 'deadlock_timeout is ' || setting || ' ms' end"
          "  from pg_settings where name = 'deadlock_timeout'",
          "Set deadlock_timeout = 1s."},
    check{"owner_rights", log, true, "the owner of the log cannot log in and cannot bypass row security",
          "select case when count(*) = 0 then 'role clientflow_owner is missing'"
          "  when bool_or(rolcanlogin) then 'clientflow_owner may log in'"
          "  when bool_or(rolbypassrls or rolsuper) then 'clientflow_owner may bypass row security' end"
          "  from pg_roles where rolname = 'clientflow_owner'",
          "alter role clientflow_owner nologin nosuperuser nobypassrls."},
    check{
        "app_rights", log, true, "the application may not more than it must",
        "select case when count(*) filter (where rolname = 'clientflow_app') = 0"
        "   then 'role clientflow_app is missing'"
        "  else string_agg(rolname || ' has too many rights', ', ') filter"
        "       (where rolsuper or rolbypassrls or rolcreaterole or rolreplication"
        "           or pg_has_role(oid, (select o.oid from pg_roles o where o.rolname = 'clientflow_owner'), 'member'))"
        " end from pg_roles where rolname in ('clientflow_app', 'clientflow_operator')",
        "Make it an ordinary login: nosuperuser, nobypassrls, no member of clientflow_owner."},
    check{"ownership", log, true, "everything of schema es belongs to clientflow_owner",
          "select string_agg(relname || ' belongs to ' || pg_get_userbyid(relowner), ', ') from pg_class"
          " where relnamespace = to_regnamespace('es') and relkind in ('r', 'S', 'v')"
          "   and pg_get_userbyid(relowner) <> 'clientflow_owner'",
          "alter table … owner to clientflow_owner."},
    check{"append_only", log, true, "the application cannot write to the log but through the append functions",
          "select string_agg(format('clientflow_app may %s on es.%s', p, relname), ', ') from pg_class,"
          "       unnest(array['insert', 'update', 'delete', 'truncate']) as p"
          " where relnamespace = to_regnamespace('es') and relkind = 'r'"
          "   and exists (select from pg_roles where rolname = 'clientflow_app')"
          "   and has_table_privilege('clientflow_app', oid, p)",
          "Revoke these rights; appending goes through es.append."},
    check{"immutability", log, true, "history cannot be edited",
          "select case when count(*) <> 2 then 'the triggers that refuse changes of es.event are gone or disabled' end"
          "  from pg_trigger where tgrelid = to_regclass('es.event') and tgenabled = 'A' and not tgisinternal",
          "Find out who disabled them, verify the log, and run: alter table es.event enable always trigger …"},
    check{"log_indexes", log, true, "positions, versions, receipts, claims and totals are unique",
          "select string_agg('es.' || wanted || ' is gone or not valid', ', ') from unnest(array['event_pk',"
          "       'event_stream', 'tenant_pkey', 'round_pkey', 'receipt_pk', 'claim_pk', 'quota_pk', 'subject_key_pk'])"
          "       as wanted where not exists (select from pg_index i join pg_class c on c.oid = i.indexrelid"
          "   where c.relnamespace = to_regnamespace('es') and c.relname = wanted"
          "     and i.indisunique and i.indisvalid and i.indisready)",
          "Restore the constraint of that name, and verify the log before serving."},
    check{"lane_locks", log, false, "nobody but the append functions can stop a lane",
          "select case when count(*) > 0 then 'everybody may execute ' || min(p.oid::regprocedure::text) end"
          "  from pg_proc p where p.pronamespace = 'pg_catalog'::regnamespace and p.proname ~ '^pg_(try_)?advisory_'"
          "   and p.proname !~ 'unlock' and exists (select from aclexplode(coalesce(p.proacl, acldefault('f', "
          "p.proowner))) a"
          "               where a.grantee = 0 and a.privilege_type = 'EXECUTE')",
          "As superuser: revoke execute on the pg_advisory_* functions from public, in this database."},
    check{"write_functions", log, false,
          "whoever may only read is given no function that fills the disk or takes transactions' ids",
          "select case when count(*) > 0 then 'everybody may execute ' || min(p.oid::regprocedure::text) end"
          "  from pg_proc p where p.pronamespace = 'pg_catalog'::regnamespace"
          "   and p.proname in ('pg_logical_emit_message', 'pg_export_snapshot', 'pg_current_xact_id', 'txid_current')"
          "   and exists (select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a"
          "                where a.grantee = 0 and a.privilege_type = 'EXECUTE')",
          "As superuser, in this database: revoke execute on the function from public (a backup role that is no"
          " superuser needs pg_export_snapshot granted)."},
    check{"analysts_elsewhere", log, false,
          "analysts' logins are granted no other database of the server (pg_hba.conf may refuse them all the same)",
          "select r.rolname || ' may connect to ' || string_agg(d.datname, ', ' order by d.datname)"
          "  from pg_roles r join pg_database d on d.datallowconn and d.datname <> current_database()"
          " where r.rolcanlogin and not r.rolsuper and has_database_privilege(r.oid, d.oid, 'connect')"
          "   and exists (select from pg_auth_members m join pg_roles g on g.oid = m.roleid"
          "                where m.member = r.oid and g.rolname in ('clientflow_analyst', 'clientflow_tenant_analyst'))"
          " group by r.rolname order by r.rolname limit 1",
          "As superuser: revoke connect, temporary on database … from public; or refuse them in pg_hba.conf."},
    check{"append_functions", log, true, "appending runs with the owner's rights",
          "select string_agg('es.' || wanted || ' does not run as clientflow_owner', ', ')"
          "  from unnest(array['append', 'append_carefully', 'settle', 'prune', 'rehearse']) as wanted"
          " where not exists (select from pg_proc p where p.pronamespace = to_regnamespace('es') and p.proname = wanted"
          "   and p.prosecdef and pg_get_userbyid(p.proowner) = 'clientflow_owner')",
          "alter function es.… security definer; alter function es.… owner to clientflow_owner."},
    check{"function_paths", log, true, "functions that run with the owner's rights have a fixed search path",
          "select string_agg(oid::regprocedure::text, ', ') from pg_proc"
          " where pronamespace = to_regnamespace('es') and prosecdef"
          "   and not coalesce(proconfig::text like '%search_path=pg_catalog, pg_temp%', false)",
          "Run clientflow migrate on an unedited schema."},
    check{"public_functions", log, true, "nobody executes the product's functions but whom they are granted to",
          "select string_agg('everybody may execute ' || p.oid::regprocedure::text, ', ') from pg_proc p"
          " where p.pronamespace in (to_regnamespace('es'), to_regnamespace('read'))"
          "   and exists (select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a"
          "                where a.grantee = 0 and a.privilege_type = 'EXECUTE')",
          "revoke execute on function … from public."},
    check{"platform_tenant", log, true, "the platform tenant lives in lane 0",
          "select case when not exists (select from es.tenant where lane = 0"
          "   and tenant_id = '00000000-0000-0000-0000-000000000000') then 'it does not' end",
          "Run clientflow migrate."},
    check{"connections", server, false, "there is room for the product's connections",
          "select case when current_setting('max_connections')::int < 40"
          " then 'max_connections is ' || current_setting('max_connections') end",
          "Set max_connections to 100 or more."},
    check{"log_of_statements", server, false, "the server's log does not tell what customers wrote",
          "select case when current_setting('log_statement') not in ('none', 'ddl')"
          " then 'log_statement is ' || current_setting('log_statement') end",
          "Set log_statement = none."},
    check{"log_of_parameters", server, false, "the server's log does not tell parameters",
          "select case when current_setting('log_parameter_max_length_on_error') <> '0'"
          " then 'log_parameter_max_length_on_error is not 0' end",
          "Set log_parameter_max_length_on_error = 0."},
    check{"icu", server, false, "words are compared by the rules of Unicode",
          "select case when not exists (select from pg_collation where collname = 'und-x-icu')"
          " then 'it was built without ICU, so that q= on lists fails' end",
          "Use a PostgreSQL built with ICU, as Debian's is."},
    check{"long_transactions", server, false, "vacuum can follow",
          "select 'process ' || min(pid) || ' holds a transaction open for ' ||"
          "       round(max(extract(epoch from now() - xact_start)) / 60) || ' min' from pg_stat_activity"
          " where xact_start < now() - interval '10 minutes' and backend_type = 'client backend' having count(*) > 0",
          "End it, or set idle_in_transaction_session_timeout: nothing is cleaned up behind it."},
};

finding judge(connection& on, const check& each)
{
    finding found{each.id, true, each.grave, each.promise, {}};
    try
    {
        const connection::deadline limit{on, std::chrono::seconds{10}};
        pqxx::nontransaction work{on.raw()};
        const pqxx::result answer = work.exec(each.sql);
        if (!answer.empty() && !answer[0][0].is_null() && answer[0][0].size() > 0)
        {
            found.message = answer[0][0].c_str();
            found.ok = false;
        }
    }
    catch (const std::exception& problem)
    {
        const failure why = understand(problem, on);
        if (why.kind == failure_kind::lost)
            throw unreachable{"the server was lost while it was checked: " + why.message};
        found.message = "could not be checked: " + why.message;
        found.ok = false;
    }
    if (!found.ok)
        found.what_to_do = each.what_to_do;
    return found;
}
}  // namespace

std::vector<finding> check_database(connection& on, extent of)
{
    std::vector<finding> out;
    for (const check& each : checks)
        if (each.from == extent::server || of == extent::server_and_log)
            out.push_back(judge(on, each));
    return out;
}
}  // namespace event_log
