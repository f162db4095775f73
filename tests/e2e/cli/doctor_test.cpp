// A doctor that is silent when all is well and names each thing that was bent; a server that refuses to start on it.
#include "tests/e2e/cli/session.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using cli_session::member;
using cli_session::store;
using names = std::vector<std::string>;

namespace
{
// The checks that are not well, in their order.
names named_by(const kit::finished& doctor)
{
    names found;
    const std::string begin = "{\"name\":\"";
    for (auto at = doctor.output.find(begin); at != std::string::npos; at = doctor.output.find(begin, at + 1))
    {
        const auto check = doctor.output.substr(at, doctor.output.find('}', at) - at);
        if (check.find("\"well\":false") != std::string::npos)
            found.push_back(member(check, "name"));
    }
    return found;
}

names bent(store& here) { return named_by(here.run({"doctor", "--json"})); }

kit::finished serve(store& here) { return here.run({"serve", "--json", "--port", "0", "--admin-port", "0"}); }
}  // namespace

TEST_CASE("the doctor is silent when all is well, and has looked at many things")
{
    kit::cluster sound;
    store here{sound};
    const auto got = here.run({"doctor"});
    CHECK_MESSAGE(got.end.exit_code == 0, got.output);
    CHECK(got.output.empty());
    CHECK(got.errors.empty());
    const auto all = here.run({"doctor", "--all"});
    CHECK(std::count(all.output.begin(), all.output.end(), '\n') >= 15);
}

TEST_CASE("the doctor names each setting of the server that breaks a promise, and the server refuses to start")
{
    const std::vector<std::pair<std::string, std::string>> table{
        {"fsync", "off"}, {"full_page_writes", "off"}, {"synchronous_commit", "off"}, {"data_sync_retry", "on"}};
    for (const auto& [name, value] : table)
    {
        CAPTURE(name);
        kit::cluster_options options;
        options.settings[name] = value;
        kit::cluster broken{options};
        store here{broken};
        CHECK(bent(here) == names{name});
        const auto said = here.run({"doctor"});
        CHECK(said.end.exit_code == 6);
        CHECK(said.output.find("FATAL    " + name + ": " + name + " is " + value) == 0);

        const auto refused = serve(here);
        CHECK(refused.end.exit_code == 4);
        CHECK(member(refused.errors, "code") == "unsound_" + name);
    }
}

TEST_CASE("the doctor names what was bent in the database, and is silent again when it is mended")
{
    struct bend
    {
        std::string sql;
        std::string undo;
        names found;
    };
    const std::vector<bend> table{
        {"alter role clientflow_owner login", "alter role clientflow_owner nologin", {"owner_rights", "row_security"}},
        {"alter table es.event drop constraint event_stream",
         "alter table es.event add constraint event_stream unique (tenant_id, category, stream_id, version)",
         {"log_indexes"}},
        {"alter role clientflow_app set synchronous_commit = off",
         "alter role clientflow_app reset synchronous_commit",
         {"synchronous_commit"}},
        {"alter table es.event disable trigger event_is_immutable",
         "alter table es.event enable always trigger event_is_immutable",
         {"immutability"}},
        {"grant execute on function pg_advisory_xact_lock(int, int) to public",
         "revoke execute on function pg_advisory_xact_lock(int, int) from public",
         {"lane_locks"}},
        {"alter table read.task no force row level security",
         "alter table read.task force row level security",
         {"row_security"}},
    };
    kit::cluster sound;
    store here{sound};
    for (const auto& each : table)
    {
        CAPTURE(each.sql);
        here.database().run(each.sql);
        CHECK(bent(here) == each.found);
        here.database().run(each.undo);
        CHECK(bent(here).empty());
    }
}

TEST_CASE("the doctor names an encoding that cannot hold what people write")
{
    kit::cluster sound;
    store here{sound};
    sound.run("create database ascii template template0 encoding 'SQL_ASCII' lc_collate 'C' lc_ctype 'C'");
    const auto got = cli_session::clientflow(
        {"doctor", "--json", "--data", here.data().string(), "--dsn", sound.dsn("postgres", "ascii")});
    CHECK(got.end.exit_code == 6);
    CHECK(named_by(got) == names{"schema", "encoding"});
}

TEST_CASE("a server does not start on read models that would show one tenant another's rows")
{
    kit::cluster sound;
    store here{sound};
    here.database().run("alter table read.task disable row level security");
    const auto refused = serve(here);
    CHECK(refused.end.exit_code == 4);
    CHECK(member(refused.errors, "code") == "unsound_row_security");
    CHECK(member(refused.errors, "detail").find("read.task") != std::string::npos);
    CHECK(refused.output.empty());
}

TEST_CASE("a server does not start on rows that another definition has made, and says how to make them anew")
{
    kit::cluster sound;
    store here{sound};
    here.database().run("insert into read.projection (projection, version, definition, digest, rows_in, state)"
                        " values ('task', 1, 1, 'of another shape', 'read.task', 'live')");
    const auto refused = serve(here);
    CHECK(refused.end.exit_code == 4);
    CHECK(member(refused.errors, "code") == "unsound_definitions");
    CHECK(member(refused.errors, "detail").find("projection rebuild task") != std::string::npos);
}

TEST_CASE("rows of an earlier program are upgraded before a server of this one starts on them")
{
    kit::cluster sound;
    store here{sound};
    here.database().run("insert into read.projection (projection, version, definition, digest, rows_in, state)"
                        " values ('client', 1, 1, 'of the program before', 'read.client', 'live')");
    const auto refused = serve(here);
    CHECK(refused.end.exit_code == 4);
    CHECK(member(refused.errors, "code") == "unsound_definitions");
    CHECK(member(refused.errors, "detail").find("projection upgrade") != std::string::npos);

    const auto rehearsed = here.run({"projection", "upgrade", "--dry-run", "--json"});
    CHECK(rehearsed.end.exit_code == 0);
    CHECK(rehearsed.output.find(R"("upgraded":[{"name":"client","version":null,"before":1}])") != std::string::npos);
    const auto upgraded = here.run({"projection", "upgrade", "--json"});
    CHECK_MESSAGE(upgraded.end.exit_code == 0, upgraded.errors);
    CHECK(upgraded.output.find(R"("upgraded":[{"name":"client","version":2,"before":1}])") != std::string::npos);
    CHECK(here.database().run("select of_table from read.analyst_view where name = 'clients'") == "read.client_v2");
    const auto again = here.run({"projection", "upgrade", "--json"});
    CHECK(again.end.exit_code == 0);
    CHECK(again.output.find(R"("upgraded":[])") != std::string::npos);
    CHECK(here.run({"doctor", "--json"}).output.find("projection upgrade") == std::string::npos);
}

TEST_CASE("an upgrade of several read models shows all of them or none, so that a program can start on them")
{
    kit::cluster sound;
    store here{sound};
    here.make_tenant("acme");
    for (const std::string name : {"client", "project", "comment"})
        here.database().run("insert into read.projection (projection, version, definition, digest, rows_in, state)"
                            " values ('" +
                            name + "', 1, 1, 'of the program before', 'read." + name + "', 'live')");
    const auto live = [&] {
        return here.database().run("select string_agg(projection || ' ' || version, ', ' order by projection)"
                                   "  from read.projection where state = 'live'"
                                   "   and projection in ('client', 'project', 'comment')");
    };
    // The last one's rows are built, and one of them is stopped.
    REQUIRE(here.run({"projection", "rebuild", "comment"}).end.exit_code == 0);
    here.database().run("insert into read.parked (projection, version, lane, tenant_id, key, from_seq, cause, kind)"
                        " select 'comment', 2, lane, tenant_id, '01912345-6789-7abc-8def-0123456789ab', 1, 'a test',"
                        " 'cannot_decode' from es.tenant where tenant_id in (select tenant_id from es.event where type"
                        " = 'org.created') limit 1");
    const auto refused = here.run({"projection", "upgrade", "--json"});
    CHECK(refused.end.exit_code == 4);
    CHECK(member(refused.errors, "detail").find("comment has 1 stopped keys") != std::string::npos);
    CHECK(live() == "client 1, comment 1, project 1");
    const auto accepted = here.run({"projection", "upgrade", "--with-stopped-keys", "--json"});
    CHECK_MESSAGE(accepted.end.exit_code == 0, accepted.errors);
    CHECK(live() == "client 2, comment 2, project 2");
}

TEST_CASE("a server does not start on a schema that is missing, older or newer than it knows")
{
    store here;
    auto& database = here.database();
    kit::plain_cluster().run("create database " + database.name() + "_bare");
    const auto bare =
        cli_session::clientflow({"serve", "--json", "--port", "0", "--admin-port", "0", "--data", here.data().string(),
                                 "--dsn", kit::plain_cluster().dsn("postgres", database.name() + "_bare")});
    kit::plain_cluster().drop_database(database.name() + "_bare");
    CHECK(bare.end.exit_code == 4);
    CHECK(member(bare.errors, "code") == "unsound_schema");
    CHECK(bare.errors.find("clientflow migrate") != std::string::npos);

    database.run("insert into es.migration (number, name, checksum) values (9999, 'of_the_future', 'unknown')");
    const auto newer = serve(here);
    CHECK(newer.end.exit_code == 4);
    CHECK(member(newer.errors, "code") == "unsound_schema");
    CHECK(newer.errors.find("of_the_future") != std::string::npos);

    database.run("delete from es.migration where number = 9999");
    database.run("delete from es.migration where number = (select max(number) from es.migration)");
    const auto older = serve(here);
    CHECK(older.end.exit_code == 4);
    CHECK(member(older.errors, "code") == "unsound_schema");
    CHECK(older.errors.find("clientflow migrate") != std::string::npos);
}
