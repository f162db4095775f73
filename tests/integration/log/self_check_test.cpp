// A doctor is silent when all is well, and names each thing that breaks a promise.
#include "events/log/self_check.hpp"
#include "tests/kit/database.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

using namespace event_log;

namespace
{
std::vector<std::string> complaints(const std::string& dsn)
{
    connection_config config;
    config.dsn = dsn;
    connection on{config, nullptr};
    std::vector<std::string> out;
    for (const finding& each : check_database(on))
        if (!each.ok)
        {
            CHECK_FALSE(each.what_to_do.empty());
            out.push_back(each.id);
        }
    return out;
}
}  // namespace

TEST_CASE("the doctor says nothing of a database as we make it but what the test cluster saves on")
{
    kit::database db;
    connection_config config;
    config.dsn = db.dsn();
    connection on{config, nullptr};
    CHECK(check_database(on).size() >= 15);
    for (const std::string& id : complaints(db.dsn()))
    {
        CAPTURE(id);
        const std::vector<std::string> of_a_fast_cluster{"fsync", "full_page_writes"};
        CHECK(std::count(of_a_fast_cluster.begin(), of_a_fast_cluster.end(), id) == 1);
    }
}

TEST_CASE("before anything was migrated only the server is asked")
{
    kit::database db;
    connection_config config;
    config.dsn = db.dsn("postgres");
    connection on{config, nullptr};
    const auto all = check_database(on);
    const auto some = check_database(on, extent::server);
    CHECK(some.size() < all.size());
    CHECK(std::none_of(some.begin(), some.end(), [](const finding& each) { return each.id == "immutability"; }));
}

TEST_CASE("a function that the owner makes later is nobody's until it is granted")
{
    kit::database db;
    const auto known = complaints(db.dsn());
    for (const char* schema : {"es", "read"})
        db.run("set role clientflow_owner; create function " + std::string{schema} +
               ".made_later() returns int language sql return 1");
    CHECK(complaints(db.dsn()) == known);
    CHECK(db.run("select has_function_privilege('clientflow_app', 'es.made_later()', 'execute')") == "f");
}

TEST_CASE("the doctor names what was bent")
{
    kit::database db;
    const auto known = complaints(db.dsn());
    const auto also = [&](const std::string& sql, const std::string& undo) {
        db.run(sql);
        auto now = complaints(db.dsn());
        db.run(undo);
        std::erase_if(now, [&](const std::string& id) { return std::count(known.begin(), known.end(), id) > 0; });
        return now;
    };
    const auto only = [](const char* id) { return std::vector<std::string>{id}; };

    CHECK(also("alter table es.event disable trigger event_is_immutable",
               "alter table es.event enable always trigger event_is_immutable") == only("immutability"));
    CHECK(also("alter table es.event enable trigger event_is_immutable",
               "alter table es.event enable always trigger event_is_immutable") == only("immutability"));
    CHECK(also("grant execute on function pg_advisory_lock(int, int) to public",
               "revoke execute on function pg_advisory_lock(int, int) from public") == only("lane_locks"));
    CHECK(also("grant execute on function pg_export_snapshot() to public",
               "revoke execute on function pg_export_snapshot() from public") == only("write_functions"));
    const auto login = "analyst_doctor_" + db.name();
    CHECK(also("create role " + login + " login in role clientflow_analyst", "drop role " + login) ==
          only("analysts_elsewhere"));
    CHECK(also("grant insert on es.event to clientflow_app", "revoke insert on es.event from clientflow_app") ==
          only("append_only"));
    CHECK(also("alter table es.claim owner to postgres", "alter table es.claim owner to clientflow_owner") ==
          only("ownership"));
    CHECK(also("alter function es.append_carefully reset all",
               "alter function es.append_carefully set search_path = pg_catalog, pg_temp") == only("function_paths"));
    CHECK(also("alter table es.event drop constraint event_stream",
               "alter table es.event add constraint event_stream unique (tenant_id, category, stream_id, version)") ==
          only("log_indexes"));
    CHECK(also("alter table es.receipt drop constraint receipt_pk",
               "alter table es.receipt add constraint receipt_pk primary key (tenant_id, key)") == only("log_indexes"));
    CHECK(also("grant execute on function es.round_time to public",
               "revoke execute on function es.round_time from public") == only("public_functions"));
    CHECK(also("grant execute on function read.query to public", "revoke execute on function read.query from public") ==
          only("public_functions"));
    CHECK(also("alter function es.settle security invoker", "alter function es.settle security definer") ==
          only("append_functions"));
    CHECK(also("alter database " + db.name() + " set default_transaction_isolation = 'serializable'",
               "alter database " + db.name() + " reset default_transaction_isolation") == only("isolation_default"));
}
