// What the schema forbids, who may do what, and how the hot statements are planned.
#include "events/feed/store_feed.hpp"
#include "events/log/session.hpp"
#include "tests/kit/eventually.hpp"
#include "tests/kit/log/rounds.hpp"

#include <doctest/doctest.h>
#include <pqxx/pqxx>

using namespace log_tests;

namespace
{
struct given_a_tenant
{
    kit::database db;
    store log{at(db.dsn())};
    tenant acme = new_born(log);
};

std::string sqlstate_of(const std::string& dsn, const std::string& sql)
{
    connection_config config;
    config.dsn = dsn;
    connection as{config, nullptr};
    try
    {
        pqxx::nontransaction work{as.raw()};
        work.exec(sql);
        return "";
    }
    catch (const std::exception& refused)
    {
        return understand(refused, as).sqlstate;
    }
}

const std::string insufficient_privilege = "42501";
}  // namespace

TEST_CASE_FIXTURE(given_a_tenant, "history is not edited, not even by the superuser")
{
    const std::string super = db.dsn("postgres");
    CHECK(sqlstate_of(super, "update es.event set data = '{}'") == "CF009");
    CHECK(sqlstate_of(super, "delete from es.event") == "CF009");
    CHECK(sqlstate_of(super, "truncate es.event") == "CF009");
    CHECK(sqlstate_of(super, "set session_replication_role = replica; delete from es.event") == "CF009");
    CHECK(sqlstate_of(super, "update es.tenant set lane = 5") == "CF009");
    CHECK(sqlstate_of(super, "delete from es.tenant") == "CF009");
    CHECK(db.run("select count(*) from es.event") == "1");
}

TEST_CASE_FIXTURE(given_a_tenant, "the application reads and appends, and nothing else")
{
    const std::string app = db.dsn();
    CHECK(sqlstate_of(app, "select count(*) from es.event") == "");
    for (const char* sql : {"insert into es.event select * from es.event",
                            "update es.event set data = '{}'",
                            "delete from es.event",
                            "truncate es.event",
                            "insert into es.round select * from es.round",
                            "delete from es.receipt",
                            "delete from es.claim",
                            "insert into es.quota values (gen_random_uuid(), 'x', 1, 1)",
                            "update es.tenant set wrapped_key = ''",
                            "delete from es.subject_key",
                            "create table es.mine (n int)",
                            "alter table es.event disable trigger all",
                            "drop table es.event",
                            "set role clientflow_owner",
                            "select pg_advisory_lock(7105, 3)",
                            "select pg_try_advisory_lock(7105)",
                            "select pg_advisory_xact_lock(7105, 3)",
                            "select pg_advisory_xact_lock_shared(7105, 3)",
                            "select es.open_round(gen_random_uuid(), '{3}', '{}')",
                            "insert into es.incarnation values (2, 'x')",
                            "delete from es.migration"})
    {
        CAPTURE(sql);
        CHECK(sqlstate_of(app, sql) == insufficient_privilege);
    }
}

TEST_CASE_FIXTURE(given_a_tenant, "another login neither reads the log nor stops a lane")
{
    db.run("do $$ begin create role bystander login; exception when duplicate_object then null; end $$");
    db.run("grant connect on database " + db.name() + " to bystander");
    const std::string other = db.dsn("bystander");
    CHECK(sqlstate_of(other, "select count(*) from es.event") == insufficient_privilege);
    CHECK(sqlstate_of(other, "select pg_advisory_lock(7105, 3)") == insufficient_privilege);
    CHECK(sqlstate_of(other, "select es.prune(0, '24 hours', null)") == insufficient_privilege);
}

TEST_CASE_FIXTURE(given_a_tenant, "the operator reads facts and no keys")
{
    const std::string operators = db.dsn("clientflow_operator");
    CHECK(sqlstate_of(operators, "select count(*) from es.event") == "");
    CHECK(sqlstate_of(operators, "select tenant_id, lane from es.tenant") == "");
    CHECK(sqlstate_of(operators, "select wrapped_key from es.tenant") == insufficient_privilege);
    CHECK(sqlstate_of(operators, "select * from es.subject_key") == insufficient_privilege);
    CHECK(sqlstate_of(operators, "delete from es.receipt") == insufficient_privilege);
}

TEST_CASE_FIXTURE(given_a_tenant, "the owner cannot log in and cannot bypass row security")
{
    CHECK(db.run("select count(*) from pg_roles where rolname = 'clientflow_owner' and not rolcanlogin"
                 " and not rolbypassrls and not rolsuper") == "1");
    CHECK(db.run("select count(*) from pg_class where relnamespace = 'es'::regnamespace"
                 " and relowner <> 'clientflow_owner'::regrole") == "0");
    CHECK(
        db.run("select count(*) from pg_proc where pronamespace = 'es'::regnamespace"
               " and (proowner <> 'clientflow_owner'::regrole or has_function_privilege('public', oid, 'execute'))") ==
        "0");
    CHECK(db.run("select count(*) from pg_proc where pronamespace = 'es'::regnamespace and prosecdef"
                 " and not coalesce(proconfig::text like '%search_path=pg_catalog, pg_temp%', false)") == "0");
}

TEST_CASE_FIXTURE(given_a_tenant, "an append runs at read committed or not at all")
{
    CHECK(sqlstate_of(db.dsn("postgres"), "begin isolation level repeatable read; select es.append('" +
                                              fresh_id().text() +
                                              "', '{3}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}')") == "CF005");
}

TEST_CASE_FIXTURE(given_a_tenant, "the log's tables are vacuumed and analyzed by fixed thresholds")
{
    CHECK(db.run("select count(*) from pg_class where relname in ('event', 'receipt', 'round', 'quota')"
                 " and relnamespace = 'es'::regnamespace and reloptions::text like '%analyze_scale_factor=0%'") == "4");
    CHECK(db.run("select count(*) from pg_index where indrelid = 'es.event'::regclass") == "2");
    CHECK(db.run("select string_agg(format_type(atttypid, null), ',') from pg_attribute"
                 " where attrelid = 'es.event'::regclass and attname in ('data', 'meta')") == "json,json");
}

TEST_CASE_FIXTURE(given_a_tenant, "hot statements never scan a table, with and without statistics")
{
    const auto planned_without_a_scan = [&](const std::string& text) {
        pqxx::connection app{db.dsn()};
        pqxx::nontransaction work{app};
        work.exec("set plan_cache_mode = force_generic_plan; set enable_seqscan = off; set enable_bitmapscan = off;"
                  "set enable_hashjoin = off; set enable_mergejoin = off; set jit = off");
        work.exec("prepare hot as " + text);
        std::string parameters;
        const auto count = work.exec1("select cardinality(parameter_types) from pg_prepared_statements")[0].as<int>();
        for (int i = 0; i < count; ++i)
            parameters += i == 0 ? "(null" : ", null";
        std::string plan;
        for (const pqxx::row& line : work.exec("explain execute hot" + (count == 0 ? "" : parameters + ")")))
            plan += line[0].c_str() + std::string{"\n"};
        CAPTURE(plan);
        CHECK(plan.find("Seq Scan") == std::string::npos);
        CHECK(plan.find("Hash") == std::string::npos);
        CHECK(plan.find("Bitmap") == std::string::npos);
        // No sort but the one that orders a handful of rows by their place in the question.
        CHECK(plan.find("Sort Key: e.") == std::string::npos);
        CHECK(plan.find("Index") != std::string::npos);
    };
    for (const bool analyzed : {false, true})
    {
        CAPTURE(analyzed);
        if (analyzed)
        {
            stream task = acme.fresh_stream();
            for (int i = 0; i < 5; ++i)
                log.append(round_of({command{acme}.write(task).remember("k" + std::to_string(i))}));
            db.run("analyze");
        }
        planned_without_a_scan(event_feed::store_feed::read_statement());
        for (const char* name :
             {event_log::statement::load, event_log::statement::confirm, event_log::statement::find_tenant,
              event_log::statement::find_claim, event_log::statement::subject_keys, event_log::statement::quotas})
        {
            CAPTURE(name);
            planned_without_a_scan(std::string{event_log::text_of(name)});
        }
    }
}

TEST_CASE_FIXTURE(given_a_tenant, "an append reads its tables by index alone")
{
    // PostgreSQL counts it: the plans inside the functions are not shown.
    stream task = acme.fresh_stream();
    for (int i = 0; i < 40; ++i)
        log.append(
            round_of({command{acme}.expect(acme.org).write(task).remember("k" + std::to_string(i)).count("tasks", 1)}));
    stream stale = acme.fresh_stream();
    stale.key = task.key;
    for (int i = 0; i < 10; ++i)
    {
        stream again = stale, other = acme.fresh_stream();
        log.append(
            round_of({command{acme}.write(again), command{acme}.write(other).take("s", std::to_string(i), other.key)}));
    }
    // Statistics are handed in when a session ends.
    log = store{at(db.dsn())};
    const std::string scans =
        "select coalesce(sum(seq_scan), 0) from pg_stat_user_tables where schemaname = 'es'"
        " and relname in ('event', 'receipt', 'round', 'quota', 'claim', 'tenant', 'subject_key')";
    const std::string writes = "select n_tup_ins from pg_stat_user_tables where relid = 'es.event'::regclass";
    CHECK(kit::eventually([&] { return db.run(writes) == "61"; }));
    CHECK(db.run(scans) == "0");
}
