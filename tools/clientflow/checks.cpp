// See checks.hpp.
#include "tools/clientflow/checks.hpp"

#include "events/log/migrator.hpp"
#include "events/log/store.hpp"
#include "projections/runner/self_check.hpp"
#include "schemas/time.hpp"
#include "tools/clientflow/database.hpp"
#include "tools/clientflow/dsn.hpp"
#include "tools/clientflow/schema_of_store.hpp"

#include <array>
#include <cstdlib>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

namespace cli
{
namespace
{
// A question whose answer is one row: nothing or null when all is well, otherwise the sentence.
struct question
{
    const char* name;
    bool fatal;
    bool needs_schema;
    const char* sql;
};

constexpr std::array<question, 23> questions{{
    {"server_version", true, false,
     "select 'PostgreSQL ' || current_setting('server_version') || ' is too old: 15 is needed'"
     " where current_setting('server_version_num')::int < 150000"},
    {"primary", true, false, "select 'the server is a standby and takes no writes' where pg_is_in_recovery()"},
    {"fsync", true, false,
     "select 'fsync is off: after a crash the database may be unreadable; set fsync = on'"
     " where current_setting('fsync') <> 'on'"},
    {"full_page_writes", true, false,
     "select 'full_page_writes is off: a torn page cannot be mended; set full_page_writes = on'"
     " where current_setting('full_page_writes') <> 'on'"},
    {"synchronous_commit", true, false,
     "select 'synchronous_commit is ' || current_setting('synchronous_commit') ||"
     " ': an answer may be given before its events are on the disk; set synchronous_commit = on'"
     " where current_setting('synchronous_commit') = 'off'"},
    {"synchronous_commit_of_role", true, false,
     "select 'a role or database turns synchronous_commit off: ' || string_agg(coalesce(r.rolname, d.datname, '?'), ', "
     "')"
     " from pg_db_role_setting s left join pg_roles r on r.oid = s.setrole left join pg_database d on d.oid ="
     " s.setdatabase where 'synchronous_commit=off' = any (s.setconfig) having count(*) > 0"},
    {"data_sync_retry", true, false,
     "select 'data_sync_retry is on: a failed fsync would be tried again and believed; set data_sync_retry = off'"
     " where current_setting('data_sync_retry') <> 'off'"},
    {"encoding", true, false,
     "select 'the database is encoded in ' || current_setting('server_encoding') || ': UTF8 is needed'"
     " where current_setting('server_encoding') <> 'UTF8'"},
    {"autovacuum", false, false,
     "select 'autovacuum is off: old positions and receipts pile up' where current_setting('autovacuum') <> 'on'"},
    {"log_of_statements", false, false,
     "select 'log_statement is ' || current_setting('log_statement') || ': the server''s log names what customers "
     "wrote'"
     " where current_setting('log_statement') not in ('none', 'ddl')"},
    {"log_of_parameters", false, false,
     "select 'log_parameter_max_length_on_error is not 0: parameters of failed statements are logged'"
     " where current_setting('log_parameter_max_length_on_error') <> '0'"},
    {"connections", false, false,
     "select 'max_connections is ' || current_setting('max_connections') || ': the server wants 20'"
     " where current_setting('max_connections')::int < 25"},
    {"clock", false, false,
     "select 'the clocks of this machine and the database differ by ' || round(off::numeric, 1) || ' s'"
     " from (select abs(extract(epoch from clock_timestamp()) - $1::float8) as off) c where off > 5"},
    {"long_transactions", false, false,
     "select 'process ' || min(pid) || ' holds a transaction open for ' ||"
     " round(max(extract(epoch from now() - xact_start)) / 60) || ' min: vacuum waits for it'"
     " from pg_stat_activity where xact_start < now() - interval '10 minutes' and backend_type = 'client backend'"
     " having count(*) > 0"},
    {"owner", true, true,
     "select 'role clientflow_owner can log in or bypass row security: alter role clientflow_owner nologin nobypassrls'"
     " from pg_roles where rolname = 'clientflow_owner' and (rolcanlogin or rolbypassrls or rolsuper)"},
    {"application_role", true, true,
     "select 'role clientflow_app is a superuser or may bypass row security'"
     " from pg_roles where rolname = 'clientflow_app' and (rolsuper or rolbypassrls)"},
    {"owned_objects", true, true,
     "select min(c.oid::regclass::text) || ' is not owned by clientflow_owner' from pg_class c"
     " join pg_namespace n on n.oid = c.relnamespace where n.nspname in ('es', 'read') and c.relkind in ('r', 'v', 'p')"
     " and c.relowner <> 'clientflow_owner'::regrole having count(*) > 0"},
    {"log_is_immutable", true, true,
     "select 'the triggers that refuse changes of the log are missing or switched off'"
     " where (select count(*) from pg_trigger where tgrelid = 'es.event'::regclass and tgenabled = 'A'"
     "        and not tgisinternal) < 2"},
    {"log_is_read_only", true, true,
     "select 'role clientflow_app may write es.event directly, past the append function'"
     " where has_table_privilege('clientflow_app', 'es.event', 'insert, update, delete, truncate')"},
    {"append_function", true, true,
     "select 'es.append is not SECURITY DEFINER of clientflow_owner' where not exists (select from pg_proc p"
     " where p.pronamespace = 'es'::regnamespace and p.proname = 'append' and p.prosecdef"
     " and p.proowner = 'clientflow_owner'::regrole)"},
    {"advisory_locks", false, true,
     "select 'any login may take a lane''s lock and stop it: revoke execute on the advisory-lock functions from public'"
     " from pg_proc p where p.pronamespace = 'pg_catalog'::regnamespace and p.proname = 'pg_advisory_xact_lock'"
     " and (p.proacl is null or exists (select from aclexplode(p.proacl) a where a.grantee = 0)) having count(*) > 0"},
    {"projections", false, true,
     "select 'read model ' || min(n.projection) || ' is behind by up to ' || max(h.seq - n.seq) || ' events; is a"
     " projector running?' from (select distinct on (projection, version, lane) projection, lane, seq"
     " from read.checkpoint order by projection, version, lane, step desc) n cross join lateral"
     " (select e.seq, e.recorded_at from es.event e where e.lane = n.lane order by e.seq desc limit 1) h"
     " where h.seq > n.seq and h.recorded_at < clock_timestamp() - interval '60 s' having count(*) > 0"},
    {"parked_keys", false, true,
     "select count(*) || ' keys are parked: a read model could not fold them' from read.parked having count(*) > 0"},
}};

class report
{
public:
    void add(const std::string& name, bool fatal, std::string complaint)
    {
        results_.push_back({name, complaint.empty(), fatal, std::move(complaint)});
    }
    std::vector<check_result> take() { return std::move(results_); }

private:
    std::vector<check_result> results_;
};

std::string ask(database& store, const question& each)
{
    try
    {
        std::vector<field> parameters;
        if (std::string_view{each.sql}.find("$1") != std::string_view::npos)
            parameters.push_back(std::to_string(static_cast<double>(schema::system_clock{}.now().us) / 1e6));
        const auto found = store.ask_one(each.sql, parameters);
        return found && found->front() ? *found->front() : "";
    }
    catch (const std::runtime_error& wrong)
    {
        return std::string{"cannot be asked: "} + wrong.what();
    }
}

event_log::connection_config config_for(const std::string& dsn)
{
    event_log::connection_config made;
    made.dsn = dsn;
    made.application_name = "clientflow doctor";
    return made;
}

std::string schema_complaint(event_log::connection& link)
{
    const auto found = event_log::inspect_schema(link, wanted_migrations());
    switch (found.state)
    {
    case event_log::schema_state::current:
        return "";
    case event_log::schema_state::empty:
        return "nothing was ever migrated here: run clientflow migrate";
    case event_log::schema_state::behind:
        return std::to_string(found.pending.size()) + " migrations are still to be run: clientflow migrate";
    default:
        return found.detail.empty() ? "the schema is not one that this program knows" : found.detail;
    }
}

void check_store(report& into, const settings& of)
{
    event_log::connection link{config_for(of.operator_dsn()), std::make_shared<event_log::watchdog>()};
    into.add("store", true, "");
    const auto complaint = schema_complaint(link);
    into.add("schema", true, complaint);
    database store{of.operator_dsn()};
    for (const auto& each : questions)
        if (!each.needs_schema || complaint.empty())
            into.add(each.name, each.fatal, ask(store, each));
    if (!complaint.empty())
        return;
    std::string findings;
    for (const auto& each : projection::check_row_security(link))
        findings += (findings.empty() ? "" : "; ") + each.object + ' ' + each.what;
    into.add("row_security", true, findings);
    database as_app{as_application(of.store.dsn)};
    into.add("application_login", true,
             ask(as_app, {"", true, true,
                          "select 'the server would work as ' || current_user || ', not as clientflow_app'"
                          " where current_user <> 'clientflow_app'"}));
}

void check_master_key(report& into, const settings& of)
{
    const auto& file = of.keys.master_key_file;
    struct stat seen
    {};
    std::string complaint;
    if (::stat(file.c_str(), &seen) != 0)
        complaint = file.string() + " is not there: clientflow migrate makes one for a fresh store";
    else if ((seen.st_mode & 077) != 0)
        complaint = file.string() + " can be read by others: chmod 600";
    else
    {
        std::string key;
        std::ifstream{file} >> key;
        if (key.size() != 64 || key.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos)
            complaint = file.string() + " does not hold 64 hex digits";
    }
    into.add("master_key", true, complaint);
}

void check_machine(report& into, const settings& of)
{
    std::error_code trouble;
    const auto space = std::filesystem::space(of.data, trouble);
    into.add("data_directory", true,
             trouble                                ? of.data.string() + ": " + trouble.message()
             : ::access(of.data.c_str(), W_OK) != 0 ? of.data.string() + " is not writable"
                                                    : "");
    constexpr std::uintmax_t wanted = 512ULL * 1024 * 1024;
    into.add("disk_space", false,
             !trouble && space.available < wanted ? "less than 512 MiB are free at " + of.data.string() : "");
    const std::uintmax_t processors = static_cast<std::uintmax_t>(::sysconf(_SC_NPROCESSORS_ONLN));
    into.add("threads", false,
             static_cast<std::uintmax_t>(of.http.api.shards) > 4 * processors ? "many more shards than processors"
                                                                              : "");
}
}  // namespace

std::vector<check_result> run_checks(const settings& of)
{
    report into;
    check_machine(into, of);
    check_master_key(into, of);
    try
    {
        check_store(into, of);
    }
    catch (const event_log::unreachable& away)
    {
        into.add("store", true, std::string{"cannot be reached: "} + away.what());
    }
    return into.take();
}
}  // namespace cli
