// What analysts are shown, and everything that they are tried for and must not get.
#include "events/task.hpp"
#include "projections/runner/self_check.hpp"
#include "projections/runner/view_notes.hpp"
#include "tests/kit/projections/world.hpp"

#include <doctest/doctest.h>
#include <pqxx/pqxx>

#include <algorithm>
#include <fstream>
#include <sstream>

using namespace projection_tests;

namespace
{
constexpr std::array views{"orgs",           "members",          "api_keys",     "clients", "projects",
                           "tasks",          "comments",         "time_entries", "actions", "counts",
                           "created_by_day", "created_by_month", "usage",        "budgets", "api_calls"};
const std::string refused = "42501";

// Two tenants with a history each, one analyst of both and one of the first alone.
struct given_analysts
{
    given_analysts()
    {
        it.catch_up();
        admit(of_all, "null");
        admit(of_one, "'" + mine.text() + "'");
    }
    ~given_analysts()
    {
        for (const auto& login : {of_all, of_one})
            in.db.run("select read.dismiss_analyst('" + login + "')");
    }

    void admit(const std::string& login, const std::string& tenant)
    {
        in.db.run("select read.admit_analyst('" + login + "', " + tenant + "::uuid, 'no password')");
    }

    std::string ask(const std::string& login, const std::string& sql)
    {
        pqxx::connection raw{in.db.dsn(login)};
        pqxx::nontransaction work{raw};
        const auto found = work.exec(sql);
        return found.empty() || found[0].empty() || found[0][0].is_null() ? "" : found[0][0].as<std::string>();
    }

    // Of the first tenant, as a node adds them.
    void note_calls(const uuid& key, int calls, const std::string& at)
    {
        in.db.run("set role clientflow_app; select read.note_api_key_use('{" + mine.text() + "}', '{" + key.text() +
                  "}', '{" + std::to_string(calls) + "}', '{\"" + at + "\"}')");
    }

    // Of what the server says no with; empty when it does not.
    std::string sqlstate_of(const std::string& login, const std::string& sql)
    {
        auto config = in.connection(login);
        event_log::connection link{config, in.watchdog};
        try
        {
            pqxx::nontransaction work{link.raw()};
            work.exec(sql);
            return "";
        }
        catch (const std::exception& fault)
        {
            return event_log::understand(fault, link).sqlstate;
        }
    }

    std::string table_of(const std::string& view)
    {
        return in.db.run("select of_table from read.analyst_view where name = '" + view + "'");
    }

    // To readers and analysts; answers the versions that were live.
    std::vector<projection::version> show(const std::vector<projection::version>& these)
    {
        projection::version_store versions{in.rows()};
        versions.open();
        auto before = versions.all();
        std::erase_if(before, [](const auto& each) { return each.state != projection::version_state::live; });
        versions.swap_all(these, false);
        for (const auto& each : these)
        {
            REQUIRE(versions.show_to_analysts(each.projection, std::chrono::milliseconds{5'000}));
            CHECK(in.db.run("select string_agg(of_table, ',') from read.analyst_view where projection = '" +
                            each.projection + "'") == each.rows_in);
        }
        return before;
    }

    // Views, their columns, and these as the field rows say.
    void check_that_all_is_explained()
    {
        CHECK(in.db.run("select string_agg(c.relname || '.' || a.attname, ', ') from pg_class c join pg_attribute a"
                        " on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped"
                        " where c.relnamespace = 'read'::regnamespace and c.relkind = 'v'"
                        "   and coalesce(col_description(c.oid, a.attnum), '') = ''") == "");
        CHECK(in.db.run("select count(*) from pg_class c where c.relnamespace = 'read'::regnamespace"
                        " and c.relkind = 'v' and coalesce(obj_description(c.oid, 'pg_class'), '') = ''") == "0");
        for (const auto* of : projection::read_models())
            for (const auto& column : projection::columns_of(*of->record))
            {
                const auto view =
                    in.db.run("select name from read.analyst_view where projection = '" + std::string{of->name} + "'");
                CAPTURE(view);
                CAPTURE(column.name);
                const auto told = in.db.run("select coalesce((select col_description(a.attrelid, a.attnum) from"
                                            " pg_attribute a where a.attrelid = 'read." +
                                            view + "'::regclass and a.attname = '" + column.name + "'), 'kept back')");
                CHECK(told == (column.row->personal ? "kept back" : projection::note_of(column, of->name)));
            }
    }

    world in;
    const std::vector<uuid> tenants = random_history(in, 90, {2, 600});
    const uuid mine = tenants[0], theirs = tenants[1];
    running it{in, in.room.path() / "cache"};
    const std::string of_all = "analyst_all_" + in.db.name(), of_one = "analyst_one_" + in.db.name();
};

std::vector<std::string> statements_in(const std::string& block)
{
    std::vector<std::string> found;
    std::istringstream lines{block};
    std::string statement;
    for (std::string line; std::getline(lines, line);)
    {
        statement += line + '\n';
        if (line.ends_with(";"))
            found.push_back(std::exchange(statement, {}));
    }
    return found;
}

// The statements of every block of SQL in a document.
std::vector<std::string> queries_of(const std::filesystem::path& document)
{
    std::ifstream file{document};
    std::stringstream text;
    text << file.rdbuf();
    const std::string all = text.str(), begin = "```sql\n", end = "```";
    std::vector<std::string> found;
    for (auto at = all.find(begin); at != std::string::npos; at = all.find(begin, at + 1))
        for (auto& each : statements_in(all.substr(at + begin.size(), all.find(end, at + 3) - at - begin.size())))
            found.push_back(std::move(each));
    return found;
}
}  // namespace

TEST_CASE_FIXTURE(given_analysts, "an analyst of one tenant sees that tenant's rows alone, in every view and table")
{
    for (const char* view : views)
    {
        CAPTURE(view);
        const std::string from = std::string{" from read."} + view;
        const std::string seen = "select coalesce(string_agg(distinct tenant_id::text, ','), '')" + from;
        const auto count = "select count(*)" + from;
        const auto own = in.db.run(count + " where tenant_id = '" + mine.text() + "'");
        const auto strange = in.db.run(count + " where tenant_id = '" + theirs.text() + "'");
        CHECK(ask(of_one, count) == own);
        CHECK(ask(of_one, seen) == (own == "0" ? "" : mine.text()));
        CHECK(ask(of_one, count + " where tenant_id = '" + theirs.text() + "'") == "0");
        CHECK(std::stoll(ask(of_all, count)) == std::stoll(own) + std::stoll(strange));
    }
    CHECK(ask(of_one, "select count(*) from read.tasks") != "0");
    for (const auto* of : projection::read_models())
    {
        const auto count = "select count(tenant_id) from " + std::string{of->table};
        CHECK(ask(of_one, count) == in.db.run(count + " where tenant_id = '" + mine.text() + "'"));
        CHECK(ask(of_all, count) == in.db.run(count));
    }
    CHECK(ask(of_one, "select count(distinct lane) from read.freshness") == "1");
    CHECK(ask(of_all, "select count(distinct lane) from read.freshness") == "16");
}

TEST_CASE_FIXTURE(given_analysts,
                  "usage by month, calls by key and budgets are what the rows and the counted calls say")
{
    const uuid key = fresh_id();
    note_calls(key, 3, "2025-12-31T23:59:59Z");
    note_calls(key, 4, "2025-12-31T23:00:00Z");
    note_calls(key, 9, "2026-01-01T00:00:00Z");
    CHECK(ask(of_one, "select string_agg(month || ' ' || used, ', ' order by month) from read.usage"
                      " where metric = 'api_calls'") == "2025-12-01 7, 2026-01-01 9");
    CHECK(ask(of_one, "select string_agg(api_key_id || ' ' || month || ' ' || calls, ', ' order by month)"
                      " from read.api_calls") == key.text() + " 2025-12-01 7, " + key.text() + " 2026-01-01 9");
    for (const std::string noun : {"client", "member", "project", "task", "comment"})
    {
        CAPTURE(noun);
        const auto rows = ask(of_one, "select count(*) from read." + noun + "s");
        CHECK(rows != "0");
        CHECK(ask(of_one, "select sum(used) from read.usage where metric = '" + noun + "s_created'") == rows);
    }
    CHECK(ask(of_all, "select string_agg(tenant_id || currency || open_minor || '/' || completed_minor, ', '"
                      " order by tenant_id, currency) from read.budgets where open_minor + completed_minor <> 0") ==
          ask(of_all, "select string_agg(tenant_id || budget_currency || o || '/' || d, ', '"
                      " order by tenant_id, budget_currency) from (select tenant_id, budget_currency,"
                      " sum(case status when 'completed' then 0 else budget_amount_minor end) as o,"
                      " sum(case status when 'completed' then budget_amount_minor else 0 end) as d"
                      " from read.projects where archived_at is null and budget_currency is not null"
                      " group by 1, 2 having sum(budget_amount_minor) <> 0) p"));
}

TEST_CASE_FIXTURE(given_analysts, "no setting, role or function of a session shows an analyst another tenant")
{
    const std::string theirs_of = "select count(*) from read.tasks where tenant_id = '" + theirs.text() + "'";
    CHECK(in.db.run(theirs_of) != "0");
    CHECK(ask(of_one, "set app.tenant = '" + theirs.text() + "'; " + theirs_of) == "0");
    CHECK(ask(of_one, "set role clientflow_tenant_analyst; " + theirs_of) == "0");
    for (const char* role : {"clientflow_analyst", "clientflow_owner", "clientflow_app", "clientflow_projector",
                             "clientflow_operator", "postgres"})
    {
        CAPTURE(role);
        CHECK(sqlstate_of(of_one, std::string{"set role "} + role) == refused);
        CHECK(sqlstate_of(of_one, std::string{"set session authorization "} + role) == refused);
    }
    CHECK(sqlstate_of(of_one, "set row_security = off; " + theirs_of) == refused);
    // A condition that tells what it is shown is not shown what the policy hides.
    CHECK(ask(of_one, "set client_min_messages = notice; select count(*) from read.tasks"
                      " where (1 / (case when tenant_id = '" +
                          theirs.text() + "' then 0 else 1 end)) = 1") ==
          in.db.run("select count(*) from read.tasks where tenant_id = '" + mine.text() + "'"));
}

TEST_CASE_FIXTURE(given_analysts, "whoever is not admitted, or no more, is refused instead of shown nothing")
{
    CHECK(sqlstate_of("postgres", "set role clientflow_analyst; select count(*) from read.tasks") == refused);
    CHECK(sqlstate_of("postgres", "set role clientflow_tenant_analyst; select count(*) from read.tasks") == refused);
    pqxx::connection open{in.db.dsn(of_one)};
    const auto count = [&] {
        pqxx::nontransaction work{open};
        return work.exec("select count(*) from read.tasks")[0][0].as<int>();
    };
    CHECK(count() > 0);
    in.db.run("delete from read.analyst where login = '" + of_one + "'");
    CHECK_THROWS_AS(count(), pqxx::sql_error);
    admit(of_one, "'" + mine.text() + "'");
    CHECK(count() > 0);
    CHECK(in.db.run("select read.dismiss_analyst('" + of_one + "')") == "t");
    CHECK_THROWS_AS(count(), pqxx::sql_error);
    CHECK_THROWS(pqxx::connection{in.db.dsn(of_one)});
    CHECK(in.db.run("select read.dismiss_analyst('" + of_one + "')") == "f");
}

TEST_CASE_FIXTURE(given_analysts, "an analyst writes nothing, anywhere, and reaches neither the log nor its keys")
{
    const std::vector<std::string> tries{
        "insert into read.task (tenant_id) values (gen_random_uuid())",
        "update read.tasks set title = 'mine'",
        "update read.task set title = 'mine'",
        "delete from read.tasks",
        "truncate read.task",
        "merge into read.task t using (select 1) s on false when matched then delete",
        "insert into read.analyst values ('x')",
        "update read.analyst set of_tenant = null",
        "delete from read.parked",
        "insert into read.checkpoint values ('task', 1, 0, 1, 1, 1, '1.1', null)",
        "select * from read.analyst",
        "select * from read.checkpoint",
        "update read.usage_counter set value = 0",
        "delete from read.api_key_use",
        "select read.note_api_key_use('{}', '{}', '{}', '{}')",
        "select cause from read.parked",
        "select email from read.client",
        "select notes from read.client",
        "select name from read.member",
        "select t from read.client t",
        "select count(*) from es.event",
        "select data from es.event",
        "select * from es.tenant",
        "select * from es.subject_key",
        "select * from es.claim",
        "select * from es.receipt",
        "select * from es.migration",
        "create table read.mine (n int)",
        "create table public.mine (n int)",
        "create temporary table mine (n int)",
        "create schema mine",
        "create view read.mine as select 1",
        "create function read.mine() returns int language sql return 1",
        "select lo_create(0)",
        "select lo_from_bytea(0, 'x')",
        "select pg_logical_emit_message(false, 'x', 'x')",
        "select pg_logical_emit_message(true, 'x', 'x'::bytea)",
        "select pg_export_snapshot()",
        "select pg_current_xact_id()",
        "select txid_current()",
        "copy read.task to program 'true'",
        "copy read.task from program 'true'",
        "copy (select 1) to '/tmp/analyst'",
        "select pg_read_file('/etc/passwd')",
        "select pg_advisory_lock(7105, 3)",
        "select pg_try_advisory_xact_lock(7105, 3)",
        "select pg_advisory_xact_lock_shared(7105, 3)",
        "select read.show('tasks', 'task', 1, 'read.task')",
        "select read.admit_analyst('x', null, 'x')",
        "select read.dismiss_analyst('x')",
        "select read.bound_analyst('x')",
        "select read.copy_comments('tasks')",
        "select read.open_to_analysts('read.task', '{}')",
        "select read.advance('{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}')",
        "select es.prune(0, '25 hours', null)",
        "select es.settle(gen_random_uuid())",
        "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'clientflow_app'",
        "alter role clientflow_app nologin",
        "create role mine",
        "alter table read.task disable row level security",
        "drop view read.tasks",
        "comment on view read.tasks is 'mine'",
    };
    for (const auto& login : {of_all, of_one})
        for (const auto& sql : tries)
        {
            CAPTURE(login);
            CAPTURE(sql);
            CHECK(sqlstate_of(login, "set default_transaction_read_only = off") == "");
            CHECK(sqlstate_of(login, "set transaction_read_only = off; " + sql) != "");
            CHECK(sqlstate_of(login, "begin; set transaction read write; " + sql) == refused);
        }
}

TEST_CASE_FIXTURE(given_analysts, "an analyst cannot lock what the writers need")
{
    for (const char* mode : {"row share", "row exclusive", "share update exclusive", "share", "share row exclusive",
                             "exclusive", "access exclusive"})
        CHECK(sqlstate_of(of_all, std::string{"begin; lock table read.task in "} + mode + " mode") == refused);
    for (const char* strength : {"update", "no key update", "share", "key share"})
        CHECK(sqlstate_of(of_all, std::string{"begin; set transaction read write; select id from read.task for "} +
                                      strength) == refused);

    // A long query stands open, and the rows go on.
    pqxx::connection raw{in.db.dsn(of_all)};
    pqxx::work long_query{raw};
    long_query.exec("select (select count(*) from tasks), (select count(*) from orgs), (select count(*) from counts),"
                    " (select count(*) from created_by_month), (select count(*) from freshness)");
    const auto held = in.db.run("select count(*) from pg_locks l join pg_stat_activity a on a.pid = l.pid"
                                " where a.usename = '" +
                                of_all + "' and l.mode <> 'AccessShareLock' and l.locktype <> 'virtualxid'");
    CHECK(held == "0");
    task::created fact;
    fact.id = {fresh_id()};
    fact.project_id = {fresh_id()};
    fact.title = "written meanwhile";
    in.append(mine, "task", fact.id.value, fact);
    in.flush();
    it.catch_up();
    CHECK(in.db.run("select count(*) from read.task where id = '" + fact.id.value.text() + "'") == "1");
    CHECK(in.verified().different == 0);
}

TEST_CASE_FIXTURE(given_analysts, "a login begins read-only, in the schema of the views, and with bounds on its time")
{
    const auto setting = [&](const std::string& name) { return ask(of_one, "show " + name); };
    CHECK(setting("default_transaction_read_only") == "on");
    CHECK(setting("statement_timeout") == "1min");
    CHECK(setting("lock_timeout") == "2s");
    CHECK(setting("idle_in_transaction_session_timeout") == "1min");
    CHECK(ask(of_one, "select count(*) > 0 from tasks") == "t");
    CHECK(in.db.run("select rolconnlimit from pg_roles where rolname = '" + of_one + "'") == "8");
}

TEST_CASE_FIXTURE(given_analysts,
                  "an analyst fills no disk: not the log of writes, nor with a sort, nor the server's log")
{
    for (const char* call :
         {"pg_logical_emit_message(false, 'x', 'x')", "pg_logical_emit_message(false, 'x', 'x'::bytea)",
          "pg_export_snapshot()", "pg_current_xact_id()", "txid_current()"})
        CHECK(sqlstate_of(of_one, std::string{"begin transaction read only; select "} + call) == refused);

    for (const auto& login : {of_all, of_one})
    {
        CHECK(ask(login, "show temp_file_limit") == "256MB");
        const auto of_itself = "set transaction read write; alter role " + login + " in database " + in.db.name();
        for (const std::string name : {"temp_file_limit", "log_min_messages"})
        {
            CHECK(sqlstate_of(login, "set " + name + " to default") == refused);
            CHECK(sqlstate_of(login, of_itself + " reset " + name) == refused);
        }
        CHECK(sqlstate_of(login, of_itself + " reset all") == "");
        CHECK(ask(login, "show temp_file_limit") == "256MB");
        CHECK(ask(login, "show log_min_messages") == "fatal");
    }
    CHECK(sqlstate_of(of_one, "set statement_timeout = 0; select count(*) from (select repeat(md5(n::text), 32) as wide"
                              " from generate_series(1, 300000) n order by 1 offset 0) sorted") == "53400");

    const auto shout = [](const std::string& what) {
        return "do $$ begin raise warning '" + what + "'; raise log '" + what + "'; end $$";
    };
    CHECK(sqlstate_of(of_one, "set debug_print_plan = on; " + shout("raised by the analyst")) == "");
    in.db.run(shout("raised by the superuser"));
    REQUIRE(kit::eventually([&] { return in.db.server().log().find("by the superuser") != std::string::npos; }));
    CHECK(in.db.server().log().find("by the analyst") == std::string::npos);
}

TEST_CASE_FIXTURE(given_analysts, "what a login has set for itself lasts until it is admitted again")
{
    for (const std::string& where : {std::string{}, " in database " + in.db.name()})
        for (const char* set : {"statement_timeout = 0", "default_transaction_read_only = off", "work_mem = '1GB'"})
            CHECK(sqlstate_of(of_one, "set transaction read write; alter role " + of_one + where + " set " + set) ==
                  "");
    CHECK(ask(of_one, "show statement_timeout") == "0");
    admit(of_one, "'" + mine.text() + "'");
    CHECK(ask(of_one, "show statement_timeout") == "1min");
    CHECK(ask(of_one, "show default_transaction_read_only") == "on");
    CHECK(ask(of_one, "show work_mem") == in.db.run("show work_mem"));
    CHECK(ask(of_one, "show temp_file_limit") == "256MB");
}

TEST_CASE_FIXTURE(given_analysts, "an admission names a tenant there is, and takes over no other login")
{
    const auto tried = [&](const std::string& login, const std::string& tenant) {
        return sqlstate_of("postgres", "select read.admit_analyst('" + login + "', " + tenant + "::uuid, 'none')");
    };
    CHECK(tried("analyst_x", "'" + fresh_id().text() + "'") == "CFA01");
    CHECK(tried(of_one, "null") == "CFA02");
    CHECK(tried(of_all, "'" + mine.text() + "'") == "CFA02");
    CHECK(tried(of_one, "'" + mine.text() + "'") == "");
    for (const char* login : {"postgres", "clientflow_app", "clientflow_owner", "clientflow_operator"})
        CHECK(tried(login, "null") == "CFA03");
    CHECK(in.db.run("select count(*) from read.analyst") == "2");
}

TEST_CASE_FIXTURE(given_analysts, "every column that is shown is explained, from the field rows of its noun")
{
    event_log::connection admin{in.connection("postgres"), in.watchdog};
    CHECK(projection::write_view_notes(admin, projection::read_models()) > 0);
    CHECK(projection::write_view_notes(admin, projection::read_models()) == 0);
    check_that_all_is_explained();
    CHECK(projection::check_row_security(admin).empty());
    in.db.run("create policy open on read.task for select to clientflow_tenant_analyst using (true)");
    CHECK(projection::check_row_security(admin).size() == 1);
}

TEST_CASE_FIXTURE(given_analysts,
                  "what is shown stays explained when a version is swapped in, and when it is taken back")
{
    event_log::connection admin{in.connection("postgres"), in.watchdog};
    projection::write_view_notes(admin, projection::read_models());
    it.stop();
    const auto built = in.rebuild(projection::read_models());
    const auto fallen_back = show(built);
    check_that_all_is_explained();
    CHECK(projection::write_view_notes(admin, projection::read_models()) == 0);

    // A note that is written anew is written on what is shown, and on what can be shown again.
    in.db.run("comment on column read.task.title is 'An earlier sentence.';"
              "comment on column " +
              table_of("tasks") + ".title is 'An earlier sentence.'; select read.copy_comments('tasks')");
    CHECK(projection::write_view_notes(admin, projection::read_models()) == 2);
    check_that_all_is_explained();

    show(fallen_back);
    CHECK(table_of("tasks") == "read.task");
    check_that_all_is_explained();
}

TEST_CASE_FIXTURE(given_analysts, "views that were swapped before versions were explained are explained again")
{
    event_log::connection admin{in.connection("postgres"), in.watchdog};
    projection::write_view_notes(admin, projection::read_models());
    it.stop();
    const auto built = in.rebuild(projection::read_models());
    for (const auto& each : built)
        in.db.run("do $$ declare c text; begin execute 'comment on table " + each.rows_in +
                  " is null'; for c in select attname from pg_attribute where attrelid = '" + each.rows_in +
                  "'::regclass and attnum > 0 loop execute format('comment on column " + each.rows_in +
                  ".%I is null', c); end loop; end $$");
    show(built);
    REQUIRE(in.db.run("select obj_description('read.tasks'::regclass, 'pg_class') is null") == "t");
    std::ifstream file{kit::source_root() / "migrations/0132_notes_of_versions.sql"};
    std::stringstream healing;
    healing << file.rdbuf();
    const auto all = healing.str();
    in.db.run("begin; set local role clientflow_owner; " + all.substr(all.rfind("do $$")) + " commit");
    check_that_all_is_explained();
}

TEST_CASE_FIXTURE(given_analysts, "a view is swapped for another table, while nobody reads it, and keeps its name")
{
    in.db.run("set role clientflow_owner; create table read.task_v2 (like read.task including all);"
              "alter table read.task_v2 add column colour text;"
              "alter table read.task_v2 enable row level security;"
              "alter table read.task_v2 force row level security");
    in.db.run("insert into read.task_v2 select *, 'red' from read.task");
    const auto swap = "set role clientflow_projector; set lock_timeout = '50ms';"
                      " select read.show('tasks', 'task', 2, 'read.task_v2')";
    {
        pqxx::connection raw{in.db.dsn(of_all)};
        pqxx::work reading{raw};
        reading.exec("select count(*) from tasks");
        CHECK(sqlstate_of("clientflow_app", swap) == "55P03");
    }
    CHECK(sqlstate_of("clientflow_app", swap) == "");
    CHECK(ask(of_one, "select string_agg(distinct colour || tenant_id, ',') from tasks") == "red" + mine.text());
    CHECK(in.db.run("select count(*) from read.counts where counter like 'task.%'") == "0");
    CHECK(sqlstate_of("clientflow_app", "set role clientflow_projector; select read.show('tasks', 'task', 1,"
                                        " 'read.task')") == "");
    CHECK(sqlstate_of(of_one, "select colour from tasks") == "42703");
    CHECK(sqlstate_of("clientflow_app", "set role clientflow_projector; select read.show('keys', 'key', 1,"
                                        " 'es.subject_key')") == "42809");
}

TEST_CASE_FIXTURE(given_analysts, "figures agree with the log, and say how fresh they are")
{
    CHECK(ask(of_all, "select sum(created) from created_by_month where noun = 'task'") ==
          in.db.run("select count(*) from es.event where type = 'task.created'"));
    CHECK(ask(of_one, "select sum(created) from created_by_month where noun = 'task'") ==
          in.db.run("select count(*) from es.event where type = 'task.created' and tenant_id = '" + mine.text() + "'"));
    CHECK(ask(of_all, "select count(*) from tasks") ==
          in.db.run("select count(distinct stream_id) from es.event where category = 'task'"));
    CHECK(ask(of_all, "select count(*) from ((select tenant_id, bucket, value from counts where counter ="
                      " 'task.status' except select tenant_id, status, count(*) from tasks where archived_at is null"
                      " group by 1, 2)) d") == "0");
    CHECK(ask(of_one, "select bool_and(behind = 0 and shown = head and stopped = 0) from freshness") == "t");
    it.stop();
    in.append(mine, "task", fresh_id(), task::archived{});
    in.flush();
    CHECK(ask(of_one, "select sum(behind) from freshness where projection = 'task'") == "1");
    CHECK(ask(of_one, "select bool_and(complete_until < clock_timestamp()) from freshness") == "t");
    // A condition on the view may be tried on the rows of other counters before the view's own.
    CHECK(ask(of_one, "select count(*) from created_by_day where day > '1999-01-01'") != "0");
}

TEST_CASE_FIXTURE(given_analysts, "the queries of the handbook run as they stand, for one tenant and for all")
{
    note_calls(fresh_id(), 1, "2026-01-01T00:00:00Z");
    const auto queries = queries_of(kit::source_root() / "projections/README.md");
    CHECK(queries.size() >= 8);
    for (const auto& sql : queries)
    {
        CAPTURE(sql);
        CHECK(sqlstate_of(of_all, sql) == "");
        CHECK(sqlstate_of(of_one, sql) == "");
        CHECK(ask(of_all, sql) != "");
    }
}
