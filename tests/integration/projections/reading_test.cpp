// Reads through row security: lists, cursors, and what a stranger to the tenant sees.
#include "events/client.hpp"
#include "events/member.hpp"
#include "events/project.hpp"
#include "events/task.hpp"
#include "projections/client.hpp"
#include "projections/org.hpp"
#include "projections/project.hpp"
#include "projections/runner/position_poll.hpp"
#include "projections/runner/self_check.hpp"
#include "projections/task.hpp"
#include "tests/kit/projections/world.hpp"

#include <doctest/doctest.h>
#include <pqxx/pqxx>

#include <algorithm>
#include <set>

using namespace projection_tests;
using projection::parameters;

namespace
{
const std::string secret(32, 's');

// The ids of a page, read from its JSON.
std::vector<std::string> ids(const std::string& data)
{
    std::vector<std::string> found;
    constexpr std::string_view mark = "{\"id\":\"";
    for (std::size_t at = data.find(mark); at != std::string::npos; at = data.find(mark, at + 1))
        found.push_back(data.substr(at + mark.size(), data.find('"', at + mark.size()) - at - mark.size()));
    return found;
}

struct tasks_of
{
    projection::reader& from;
    uuid tenant;

    projection::page page(const parameters& given) const
    {
        const projection::list_place place{tenant, "/api/v1/tasks"};
        const auto ask = projection::read_list_query(task::listing(), given, place, secret);
        REQUIRE(ask);
        return from.list(task::listing(), place, *ask);
    }

    // Every id of a list, page by page; each exactly once, and the same on the way back.
    std::vector<std::string> all(parameters given) const
    {
        given.emplace_back("limit", "7");
        std::vector<std::string> found;
        auto cursor = given;
        for (int pages = 0; pages < 500; ++pages)
        {
            const auto one = page(cursor);
            const auto shown = ids(one.data);
            CHECK(shown.size() == one.count);
            found.insert(found.end(), shown.begin(), shown.end());
            CHECK(one.prev_cursor.has_value() == (pages > 0 && one.count > 0));
            if (!one.next_cursor)
            {
                std::vector<std::string> back = shown;
                walk_back(given, one.prev_cursor, back);
                CHECK(back == found);
                break;
            }
            CHECK(one.count == 7);
            cursor = given;
            cursor.emplace_back("cursor", *one.next_cursor);
        }
        CHECK(std::set<std::string>(found.begin(), found.end()).size() == found.size());
        return found;
    }

    // Puts the pages before this cursor in front.
    void walk_back(const parameters& given, std::optional<std::string> cursor, std::vector<std::string>& found) const
    {
        for (int pages = 0; pages < 500 && cursor; ++pages)
        {
            auto asked = given;
            asked.emplace_back("cursor", *cursor);
            const auto one = page(asked);
            const auto shown = ids(one.data);
            CHECK(shown.size() == 7);
            CHECK(one.next_cursor);
            found.insert(found.begin(), shown.begin(), shown.end());
            cursor = one.prev_cursor;
        }
    }
};

// The same list, asked of the database by its superuser.
std::vector<std::string> expected(world& in, const uuid& tenant, const std::string& condition, const std::string& order)
{
    const std::string text = in.db.run("select coalesce(string_agg(id::text, ' ' order by " + order +
                                       ", id), '')"
                                       " from read.task where tenant_id = '" +
                                       tenant.text() + "' and " + condition);
    std::vector<std::string> found;
    std::istringstream words{text};
    for (std::string id; words >> id;)
        found.push_back(task::task_id{*uuid::parse(id)}.text());
    return found;
}

pqxx::result as_app(world& in, const std::string& sql)
{
    pqxx::connection raw{in.db.dsn()};
    pqxx::nontransaction work{raw};
    return work.exec(sql);
}
}  // namespace

TEST_CASE("filters, sorts and cursors give every row once and in order")
{
    world in;
    const auto tenants = random_history(in, 71, {2, 900});
    running it{in, in.room.path() / "cache"};
    it.catch_up();
    projection::reader from{in.reading()};
    const tasks_of list{from, tenants[0]};
    const std::string here = "archived_at is null";
    const std::string rank = "array_position(array['low', 'normal', 'high', 'urgent'], priority)";

    CHECK(list.all({}) == expected(in, tenants[0], here, "created_at desc"));
    CHECK(list.all({}).size() > 30);
    CHECK(list.all({{"archived", "any"}}) == expected(in, tenants[0], "true", "created_at desc"));
    CHECK(list.all({{"archived", "true"}}) == expected(in, tenants[0], "archived_at is not null", "created_at desc"));
    CHECK(list.all({{"status", "todo,done"}}) ==
          expected(in, tenants[0], here + " and status in ('todo', 'done')", "created_at desc"));
    CHECK(list.all({{"sort", "due_on"}}) == expected(in, tenants[0], here, "due_on nulls last"));
    CHECK(list.all({{"sort", "-due_on"}}) == expected(in, tenants[0], here, "due_on desc nulls last"));
    CHECK(list.all({{"sort", "-priority"}}) == expected(in, tenants[0], here, rank + " desc"));
    CHECK(list.all({{"sort", "title"}}) == expected(in, tenants[0], here, "title"));
    CHECK(list.all({{"sort", "createdAt"}}) == expected(in, tenants[0], here, "created_at"));
    CHECK(list.all({{"due_on", "null"}}) == expected(in, tenants[0], here + " and due_on is null", "created_at desc"));
    CHECK(list.all({{"due_on[gte]", "2022-06-01"}, {"due_on[lt]", "2023-06-01"}}) ==
          expected(in, tenants[0], here + " and due_on >= '2022-06-01' and due_on < '2023-06-01'", "created_at desc"));
    CHECK(list.all({{"created_at[gt]", "2020-10-01T00:00:00+02:00"}}) ==
          expected(in, tenants[0], here + " and created_at > '2020-10-01T00:00:00+02:00'", "created_at desc"));
    const auto assignee =
        in.db.run("select assignee_ids[1] from read.task where assignee_ids <> '{}' and archived_at is null"
                  " and tenant_id = '" +
                  tenants[0].text() + "' limit 1");
    const auto by_assignee = list.all({{"assignee_id", member::member_id{*uuid::parse(assignee)}.text()}});
    CHECK(by_assignee ==
          expected(in, tenants[0], here + " and '" + assignee + "' = any (assignee_ids)", "created_at desc"));
    CHECK_FALSE(by_assignee.empty());
    CHECK(list.all({{"labels", "null"}}) == expected(in, tenants[0], here + " and labels = '{}'", "created_at desc"));
    const auto newest = list.all({});
    CHECK(ids(list.page({{"offset", "3"}, {"limit", "2"}}).data) ==
          std::vector<std::string>(newest.begin() + 3, newest.begin() + 5));
    CHECK(ids(list.page({{"limit", "500"}, {"archived", "any"}}).data).size() <= 200);
}

TEST_CASE("rows that share their sort value are split between pages by their ids")
{
    world in;
    const uuid tenant = in.tenant(2);
    for (int i = 0; i < 40; ++i)
    {
        task::created fact;
        fact.id = {fresh_id()};
        fact.project_id = {fresh_id()};
        fact.title = "the same";
        in.append(tenant, "task", fact.id.value, fact, {1'700'000'000'000'000});
    }
    in.flush();
    running it{in, in.room.path() / "cache"};
    it.catch_up();
    projection::reader from{in.reading()};
    const tasks_of list{from, tenant};
    const auto in_order = expected(in, tenant, "true", "id");
    for (const char* sort : {"created_at", "-created_at", "title", "-title", "due_on", "-due_on", "priority"})
        CHECK(list.all({{"sort", sort}}) == in_order);
}

namespace
{
// The titles that `q` finds in a tenant's tasks, oldest first.
std::string found_by(world& in, const tasks_of& list, const std::string& q)
{
    CAPTURE(q);
    std::string titles;
    for (const auto& id : list.all({{"q", q}, {"sort", "created_at"}}))
        titles += (titles.empty() ? "" : "; ") +
                  in.db.run("select title from read.task where id = '" + task::task_id::parse(id)->value.text() + "'");
    return titles;
}
}  // namespace

TEST_CASE("words find the rows in which each of them begins a word, in one tenant alone")
{
    world in;
    const uuid tenant = in.tenant(1), other = in.tenant(1), twin = in.tenant(2);
    std::int64_t at = 1'700'000'000'000'000;
    for (const uuid& of : {tenant, other})
        for (const char* title : {"Print the Straße plan", "Reprint O'Brien's plan", "50% off: a_b c:\\d", "ΟΔΟΣ οδος",
                                  "Café (urgent)", "Éclair", "100", "a.*b [x] {y} $^ | ?", "Заказ №5"})
        {
            task::created fact;
            fact.id = {fresh_id()};
            fact.project_id = {fresh_id()};
            fact.title = title;
            in.append(of, "task", fact.id.value, fact, {at += 1'000'000});
        }
    in.flush();
    running it{in, in.room.path() / "cache"};
    it.catch_up();
    projection::reader from{in.reading()};
    const tasks_of list{from, tenant};
    const auto found = [&](const std::string& q) { return found_by(in, list, q); };

    CHECK(found("print") == "Print the Straße plan");
    CHECK(found("PLAN") == "Print the Straße plan; Reprint O'Brien's plan");
    CHECK(found("pla pri") == "Print the Straße plan");
    CHECK(found("lan") == "");
    CHECK(found("strasse") == "Print the Straße plan");
    CHECK(found("STRASS") == "Print the Straße plan");
    CHECK(found("brien") == "Reprint O'Brien's plan");
    CHECK(found("o'b") == "Reprint O'Brien's plan");
    CHECK(found("οδοσ") == "ΟΔΟΣ οδος");
    CHECK(found("cafe\xCC\x81 URG") == "Café (urgent)");
    CHECK(found("cafe") == "");
    CHECK(found("éc") == "Éclair");
    CHECK(found("ЗАК 5") == "Заказ №5");

    // What means something to LIKE, to regular expressions or to SQL means itself.
    CHECK(found("%") == "50% off: a_b c:\\d");
    CHECK(found("50%") == "50% off: a_b c:\\d");
    CHECK(found("_") == "50% off: a_b c:\\d");
    CHECK(found("a_b") == "50% off: a_b c:\\d");
    CHECK(found("a_") == "50% off: a_b c:\\d");
    CHECK(found("1_0") == "");
    CHECK(found("\\") == "50% off: a_b c:\\d");
    CHECK(found("\\y") == "");
    CHECK(found("a.*b") == "a.*b [x] {y} $^ | ?");
    CHECK(found(".*") == "a.*b [x] {y} $^ | ?");
    CHECK(found("[x] {y} $^ | ?") == "a.*b [x] {y} $^ | ?");
    CHECK(found("[[:alpha:]]") == "");
    CHECK(found("(?i)print") == "");
    CHECK(found("***=print") == "");
    CHECK(found("^100$") == "");
    for (const char* attack :
         {"'", "' or 'a'='a", "'; drop table read.task; --", "') or true --", "$1", "$2", "{", "}", "\"", "\\'", "x\\",
          "({[", "a{1000000}", "(a|a)*(a|a)*b", "\xEF\xBF\xBF", "{\"a\",null}"})
        CHECK(found(attack).find("Print") == std::string::npos);
    CHECK(found("'") == "Reprint O'Brien's plan");

    CHECK(tasks_of{from, twin}.all({{"q", "print"}}).empty());
    CHECK(tasks_of{from, fresh_id()}.page({{"q", "print"}}).data == "[]");
    CHECK(list.all({{"q", "plan"}, {"status", "done"}}).empty());
    CHECK(list.all({{"archived", "any"}}).size() == 9);
}

TEST_CASE("words are sought in all texts of a row together, forgotten ones left out, page by page")
{
    world in;
    const uuid tenant = in.tenant(1);
    for (int i = 0; i < 40; ++i)
    {
        client::created fact;
        fact.id = {fresh_id()};
        fact.name = i % 2 ? "Ann Lee" : "Bob Lee";
        if (i % 4)
            fact.email = schema::personal<std::string>{"office@north.example"};
        in.append(tenant, "client", fact.id.value, fact);
    }
    in.flush();
    running it{in, in.room.path() / "cache"};
    it.catch_up();
    projection::reader from{in.reading()};
    const projection::list_place place{tenant, "/api/v1/clients"};
    const auto count = [&](const std::string& q) {
        std::size_t rows = 0;
        std::set<std::string> seen;
        parameters given{{"q", q}, {"limit", "3"}};
        for (bool more = true; more;)
        {
            const auto ask = projection::read_list_query(client::listing(), given, place, secret);
            REQUIRE(ask);
            const auto page = from.list(client::listing(), place, *ask);
            rows += page.count;
            for (const auto& id : ids(page.data))
                CHECK(seen.insert(id).second);
            more = page.next_cursor.has_value();
            given.resize(2);
            if (more)
                given.emplace_back("cursor", *page.next_cursor);
        }
        return rows;
    };
    CHECK(count("ann") == 20);
    CHECK(count("lee") == 40);
    CHECK(count("north") == 30);
    CHECK(count("bob OFFICE@") == 10);
    CHECK(count("leeoffice") == 0);
}

TEST_CASE("what is read is written as the item itself would be")
{
    world in;
    const auto tenants = random_history(in, 72, {2, 700});
    running it{in, in.room.path() / "cache"};
    it.catch_up();
    projection::reader from{in.reading()};
    const auto same = [&]<class Item>(const projection::list_shape& shape, const char* table, const Item*) {
        const std::string all = in.db.run("select string_agg(id::text, ' ') from " + std::string{table} +
                                          " where tenant_id = '" + tenants[0].text() + "'");
        std::istringstream words{all};
        int count = 0;
        for (std::string id; words >> id; ++count)
        {
            const auto shown = from.get(shape, tenants[0], *uuid::parse(id));
            REQUIRE(shown.data);
            const auto back = schema::read_json<Item>(*shown.data, schema::reading::stored);
            REQUIRE(back);
            std::string again;
            schema::write_json(*back, again);
            CHECK(again == *shown.data);
        }
        CHECK(count > 0);
    };
    same(task::listing(), "read.task", static_cast<task::item*>(nullptr));
    same(project::listing(), "read.project", static_cast<project::item*>(nullptr));
    same(client::listing(), "read.client", static_cast<client::item*>(nullptr));
}

TEST_CASE("an answer says which position it shows, also when it is empty")
{
    world in;
    const uuid tenant = in.tenant(3), empty = in.tenant(2);
    task::created fact;
    fact.id = {fresh_id()};
    fact.title = "one";
    in.append(tenant, "task", fact.id.value, fact);
    in.flush();
    running it{in, in.room.path() / "cache"};
    it.catch_up();
    projection::reader from{in.reading()};

    const auto page = tasks_of{from, tenant}.page({});
    CHECK(page.count == 1);
    CHECK(page.as_of.at == in.heads()[3]);
    CHECK(page.as_of.incarnation == "1.1");
    const auto none = tasks_of{from, empty}.page({});
    CHECK(none.data == "[]");
    CHECK(none.as_of.at == in.heads()[2]);
    CHECK(tasks_of{from, fresh_id()}.page({}).data == "[]");
    CHECK_FALSE(from.get(task::listing(), empty, fact.id.value).data);
    CHECK(from.get(task::listing(), tenant, fact.id.value).data);
    CHECK(from.get(task::listing(), tenant, fact.id.value, projection::under{"project_id", uuid{}}).data);
    CHECK_FALSE(from.get(task::listing(), tenant, fact.id.value, projection::under{"project_id", fresh_id()}).data);
}

TEST_CASE("without a tenant every table refuses; with one only its rows are seen; and the application may not write")
{
    world in;
    const auto tenants = random_history(in, 73);
    running it{in, in.room.path() / "cache"};
    it.catch_up();

    for (const char* table : {"org", "member", "client", "project", "task", "comment", "sum", "audit_log"})
    {
        CAPTURE(table);
        const std::string all = "select count(*), count(distinct tenant_id) from read." + std::string{table};
        CHECK_THROWS_AS(as_app(in, all), pqxx::sql_error);
        const auto own = as_app(in, "select set_config('app.tenant', '" + tenants[0].text() + "', false); " + all);
        CHECK(own[0][0].as<int>() > 0);
        CHECK(own[0][1].as<int>() == 1);
        const auto strange = as_app(in, "select set_config('app.tenant', '" + fresh_id().text() + "', false); " + all);
        CHECK(strange[0][0].as<int>() == 0);
        // A tenant that was set for one transaction does not last.
        CHECK_THROWS_AS(
            as_app(in, "begin; select set_config('app.tenant', '" + tenants[0].text() + "', true); commit; " + all),
            pqxx::sql_error);
        CHECK_THROWS_AS(as_app(in, "delete from read." + std::string{table}), pqxx::sql_error);
        CHECK_THROWS_AS(as_app(in, "alter table read." + std::string{table} + " disable row level security"),
                        pqxx::sql_error);
    }
    CHECK_THROWS_AS(as_app(in, "select read.advance('{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}')"), pqxx::sql_error);
}

TEST_CASE("the self-check is silent, and names what is wrong")
{
    world in;
    event_log::connection admin{in.connection("postgres"), in.watchdog};
    CHECK(projection::check_row_security(admin).empty());

    const auto found = [&](const std::string& damage) {
        in.db.run(damage);
        std::string all;
        for (const auto& each : projection::check_row_security(admin))
            all += each.object + " " + each.what + "; ";
        return all;
    };
    CHECK(found("set role clientflow_owner; create table read.task_v2 (like read.task);"
                " grant select, insert on read.task_v2 to clientflow_projector; reset role") == "");  // being built
    CHECK(found("grant select on read.task_v2 to clientflow_app").find("read.task_v2 holds tenants and has no") !=
          std::string::npos);
    in.db.run("drop table read.task_v2");
    CHECK(
        found("alter table read.task no force row level security").find("read.task has row security that its owner") ==
        0);
    CHECK(found("alter table read.client disable row level security").find("read.client holds tenants and has no") !=
          std::string::npos);
    CHECK(found("alter table read.member owner to postgres").find("read.member is owned by postgres") !=
          std::string::npos);
    CHECK(found("drop policy tenant_alone on read.comment").find("read.comment holds tenants and has no policy") !=
          std::string::npos);
    CHECK(found("create policy open on read.project for select to clientflow_app using (true)")
              .find("does not ask for the tenant: open") != std::string::npos);
    CHECK(found("create view read.all_tasks as select * from read.task").find("read.all_tasks is a view") !=
          std::string::npos);
}

TEST_CASE("the columns of every read model are those of the item's field rows")
{
    world in;
    for (const auto* of : projection::read_models())
    {
        std::string wanted = "tenant_id uuid not null, ";
        for (const auto& column : projection::columns_of(*of->record))
            wanted += column.name + " " + std::string{column.sql_type} + (column.is_nullable ? ", " : " not null, ");
        const std::string table{of->table};
        CHECK(in.db.run("select string_agg(attname || ' ' || format_type(atttypid, atttypmod) ||"
                        " case when attnotnull then ' not null, ' else ', ' end, '' order by attnum) from pg_attribute"
                        " where attrelid = '" +
                        table + "'::regclass and attnum > 0 and not attisdropped") == wanted);
        CHECK(in.db.run("select a.attname from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum ="
                        " i.indkey[0] where i.indrelid = '" +
                        table + "'::regclass and i.indisprimary") == "tenant_id");
    }
}

TEST_CASE("a reader in another process than the runner learns of a position by asking")
{
    world in;
    random_history(in, 74);
    projection::positions seen;
    projection::position_poll poll{
        {in.rows(), std::chrono::milliseconds{5}, std::chrono::milliseconds{20}}, projection::read_models(), seen};
    const auto heads = in.heads();
    CHECK_FALSE(seen.wait_until(heads, std::chrono::steady_clock::now() + std::chrono::milliseconds{50}));
    running it{in, in.room.path() / "cache"};
    CHECK(seen.wait_until(heads, std::chrono::steady_clock::now() + std::chrono::seconds{20}));
}

TEST_CASE("a reader whose session was ended meanwhile reads on by another one")
{
    world in;
    const auto tenants = random_history(in, 75, {2, 300});
    running it{in, in.room.path() / "cache"};
    it.catch_up();
    projection::reader from{in.reading()};
    const tasks_of list{from, tenants[0]};
    const auto end_sessions = [&] {
        return in.db.run("select count(pg_terminate_backend(pid, 5000)) from pg_stat_activity"
                         " where application_name = 'clientflow query' and datname = current_database()");
    };
    const auto before = list.page({}), by_title = list.page({{"sort", "title"}});
    REQUIRE(before.count > 0);
    CHECK(end_sessions() == "1");
    CHECK(list.page({}).data == before.data);
    CHECK(end_sessions() == "1");
    CHECK(list.page({{"sort", "title"}}).data == by_title.data);
}

TEST_CASE("a page goes by an index, with the tenant and the sort value as its bounds")
{
    world in;
    const uuid tenant = in.tenant(0);
    in.db.run("insert into read.task select '" + tenant.text() +
              "', gen_random_uuid(), 1, now() - n * interval '1 s', now(),"
              " null, md5(n::text)::uuid, 'a title', null, 'todo', 'normal', null, '{}', null, '{}', null, null"
              " from generate_series(1, 20000) n; analyze read.task");
    const projection::list_place place{tenant, "/api/v1/tasks"};
    const auto plan = [&](const parameters& given) {
        const auto ask = projection::read_list_query(task::listing(), given, place, secret);
        REQUIRE(ask);
        auto made = projection::list_statement(task::listing(), *ask, {}, projection::planned::once_for_all);
        made.body.replace(made.body.find("{task}"), 6, "read.task");
        std::string arguments = "null, null";  // what stands before a page's own
        for (const auto& each : made.arguments)
            arguments += ", '" + each + "'";
        const auto rows = as_app(in, "set plan_cache_mode = force_generic_plan; select set_config('app.tenant', '" +
                                         tenant.text() + "', false); prepare page (text, text) as " + made.body +
                                         "; explain execute page (" + arguments + ")");
        std::string text;
        for (const auto& row : rows)
            text += row[0].c_str() + std::string{"\n"};
        return text;
    };
    const auto newest = plan({});
    CHECK_MESSAGE(newest.find("Index Scan using task_newest") != std::string::npos, newest);
    CHECK_MESSAGE(newest.find("Sort") == std::string::npos, newest);
    const auto by_project =
        plan({{"project_id",
               project::project_id{*uuid::parse(in.db.run("select project_id from read.task limit 1"))}.text()}});
    CHECK_MESSAGE(by_project.find("task_by_project") != std::string::npos, by_project);
    const auto by_status = plan({{"status", "todo"}});
    CHECK_MESSAGE(by_status.find("(status = $") != std::string::npos, by_status);
    CHECK_MESSAGE(by_status.find("InitPlan 2") == std::string::npos, by_status);  // but for the tenant's own
    const auto ask = projection::read_list_query(task::listing(), {}, place, secret);
    const auto cursor = projection::cursor_from(*ask, place, {"2026-01-01 00:00:00+00", uuid{}}, secret);
    const auto later = plan({{"cursor", cursor}});
    CHECK_MESSAGE(later.find("(created_at <= $") != std::string::npos, later);
    CHECK_MESSAGE(later.find("Index Cond: ((tenant_id") != std::string::npos, later);
}

TEST_CASE("a session that served a small tenant first reads a large one's page along its order, and no row more")
{
    world in;
    const uuid small = in.tenant(0), large = in.tenant(1);
    const auto project = project::project_id{fresh_id()}, other = project::project_id{fresh_id()};
    for (const auto& [tenant, rows] : {std::pair{small, 5}, std::pair{large, 20'000}})
        in.db.run("insert into read.task select '" + tenant.text() +
                  "', gen_random_uuid(), 1, now() - n * interval '1 s', now(),"
                  " null, md5(n::text)::uuid, 'a title', null, 'todo', 'normal', null, '{}', null, '{}', null, null"
                  " from generate_series(1, " +
                  std::to_string(rows) + ") n");
    // The oldest of the large tenant's, so that they are found in their project or behind all the others.
    in.db.run("update read.task set project_id = '" + project.value.text() +
              "' where id in (select id from read.task where tenant_id = '" + large.text() +
              "' order by created_at limit 30)");
    const auto one = *uuid::parse(
        in.db.run("select min(id::text) from read.task where project_id = '" + project.value.text() + "'"));
    in.db.run("vacuum analyze read.task");
    in.db.run("select pg_stat_reset()");
    {
        projection::reader from{in.reading()};
        CHECK(tasks_of{from, small}.page({}).count == 5);
        CHECK(tasks_of{from, small}.page({{"project_id", project.text()}}).count == 0);
        CHECK_FALSE(from.get(task::listing(), small, one).data);
        CHECK(tasks_of{from, large}.page({{"project_id", project.text()}}).count == 30);
        CHECK(tasks_of{from, large}.page({{"project_id", project.text() + "," + other.text()}}).count == 30);
        CHECK(from.get(task::listing(), large, one).data);
        const auto first = tasks_of{from, large}.page({{"status", "todo"}});
        CHECK(first.count == 50);
        CHECK(tasks_of{from, large}.page({}).count == 50);
        CHECK(tasks_of{from, large}.page({{"status", "todo"}, {"cursor", *first.next_cursor}}).count == 50);
    }
    kit::await("the closed session's figures are seen", [&] {
        return std::stoi(in.db.run("select idx_tup_fetch from pg_stat_user_tables where relname = 'task'")) >=
               5 + 30 + 30 + 1 + 3 * 51;
    });
    CHECK(in.db.run("select idx_tup_fetch < 240 and seq_scan = 0 from pg_stat_user_tables where relname = 'task'") ==
          "t");
    CHECK(in.db.run("select sum(idx_tup_read) < 300 from pg_stat_user_indexes where relname = 'task'") == "t");
}

TEST_CASE("more kinds of questions than a session keeps prepared are all answered, each with its tenant's rows alone")
{
    world in;
    const auto tenants = random_history(in, 73, {2, 700});
    running it{in, in.room.path() / "cache"};
    it.catch_up();
    projection::reader from{in.reading()};
    const auto value = [&](const std::string& column) {
        return in.db.run("select " + column + " from read.task where " + column + " is not null limit 1");
    };
    in.db.run("update read.task set parent_id = (select min(t.id::text)::uuid from read.task t) where due_on is null");
    const std::string project = value("project_id"), parent = value("parent_id");
    const std::vector<std::pair<parameters, std::string>> filters{
        {{{"status", "todo"}}, "status = 'todo'"},
        {{{"priority", "normal"}}, "priority = 'normal'"},
        {{{"project_id", project::project_id{*uuid::parse(project)}.text()}}, "project_id = '" + project + "'"},
        {{{"parent_id", task::task_id{*uuid::parse(parent)}.text()}}, "parent_id = '" + parent + "'"}};
    const std::pair<const char*, const char*> archived[] = {
        {"any", "true"}, {"true", "archived_at is not null"}, {"false", "archived_at is null"}};
    for (const auto& tenant : {tenants[0], tenants[1], tenants[0]})
        for (unsigned chosen = 0; chosen < 16; ++chosen)
            for (const auto& [name, condition] : archived)
                for (const auto* direction : {"", "-"})
                {
                    parameters given{
                        {"archived", name}, {"sort", std::string{direction} + "created_at"}, {"limit", "200"}};
                    std::string all = condition;
                    for (unsigned i = 0; i < filters.size(); ++i)
                        if ((chosen >> i & 1) != 0)
                        {
                            given.push_back(filters[i].first.front());
                            all += " and " + filters[i].second;
                        }
                    const auto order = std::string{"created_at "} + (*direction == '-' ? "desc" : "asc");
                    auto wanted = expected(in, tenant, all, order);
                    wanted.resize(std::min<std::size_t>(wanted.size(), 200));
                    CHECK(ids(tasks_of{from, tenant}.page(given).data) == wanted);
                }
    CHECK(tasks_of{from, tenants[0]}.page({{"archived", "any"}, {"q", "it's \\ \"quoted\""}}).data == "[]");
}
