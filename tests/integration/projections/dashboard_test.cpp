// The dashboard's and the usage page's figures: months in the organisation's zone, totals, amounts and calls.
#include "events/client.hpp"
#include "events/comment.hpp"
#include "events/member.hpp"
#include "events/project.hpp"
#include "events/task.hpp"
#include "projections/dashboard.hpp"
#include "projections/org.hpp"
#include "projections/project.hpp"
#include "projections/runner/self_check.hpp"
#include "projections/usage.hpp"
#include "tests/kit/projections/world.hpp"

#include <doctest/doctest.h>
#include <pqxx/pqxx>

using namespace projection_tests;

namespace
{
void as_app(world& in, const std::string& sql)
{
    pqxx::connection raw{in.db.dsn()};
    pqxx::nontransaction{raw}.exec(sql);
}
}  // namespace

TEST_CASE("the dashboard forms months in the organisation's zone and counts what is not archived")
{
    world in;
    const uuid tenant = in.tenant(1, "Pacific/Auckland");
    const uuid client = fresh_id(), project = fresh_id(), other = fresh_id(), ann = fresh_id();
    client::created a_client;
    a_client.id = {client};
    in.append(tenant, "client", client, a_client);
    member::added a_member;
    a_member.id = {ann};
    in.append(tenant, "member", ann, a_member);
    for (const uuid& id : {project, other})
    {
        project::created fact;
        fact.id = {id};
        fact.status = project::status::active;
        if (id == project)
            fact.client_id = client::client_id{client};
        fact.budget = schema::money{125'000, "EUR"};
        in.append(tenant, "project", id, fact, *moment::parse("2025-12-31T10:59:59.999999Z"));  // 23:59 in Auckland
    }
    const auto add = [&](const uuid& of, task::status status, const char* at) {
        task::created fact;
        fact.id = {fresh_id()};
        fact.project_id = {of};
        fact.status = status;
        fact.assignee_ids = {{ann}};
        in.append(tenant, "task", fact.id.value, fact, *moment::parse(at));
        return fact.id;
    };
    add(project, task::status::todo, "2025-12-31T11:00:00Z");  // midnight of the new year in Auckland
    add(project, task::status::done, "2025-12-31T10:45:00Z");
    const auto gone = add(other, task::status::done, "2025-12-31T10:44:59Z");
    in.append(tenant, "task", gone.value, task::archived{gone});
    add(other, task::status::done, "2026-06-30T11:59:59Z");  // winter: twelve hours ahead, still June
    in.flush();
    running it{in, in.room.path() / "cache"};
    it.catch_up();
    projection::reader from{in.reading()};

    const auto shown = dashboard::read(from, tenant);
    CHECK(shown.as_of.at == in.heads()[1]);
    CHECK(
        *shown.data ==
        R"({"totals":{"clients":1,"projects_active":2,"projects_completed":0,"tasks_open":1,)"
        R"("tasks_done":2,"members":1},)"
        R"("projects_by_status":{"planned":0,"active":2,"on_hold":0,"completed":0},)"
        R"("tasks_by_status":{"todo":1,"in_progress":0,"waiting":0,"done":2},)"
        R"("created_per_month":[{"month":"2025-12","projects":2,"tasks":2},{"month":"2026-01","projects":0,"tasks":1},)"
        R"({"month":"2026-06","projects":0,"tasks":1}],)"
        R"("done_per_member":[{"member_id":")" +
            member::member_id{ann}.text() +
            R"(","count":2}],"budgets_by_currency":[{"currency":"EUR","open_minor":250000,"completed_minor":0}]})");
    CHECK(*dashboard::read(from, tenant, client).data ==
          R"({"totals":{"clients":1,"projects_active":1,"projects_completed":0,"tasks_open":1,)"
          R"("tasks_done":1,"members":1},)"
          R"("projects_by_status":{"planned":0,"active":1,"on_hold":0,"completed":0},)"
          R"("tasks_by_status":{"todo":1,"in_progress":0,"waiting":0,"done":1},)"
          R"("created_per_month":[{"month":"2025-12","projects":1,"tasks":1},)"
          R"({"month":"2026-01","projects":0,"tasks":1}],)"
          R"("done_per_member":[{"member_id":")" +
              member::member_id{ann}.text() +
              R"(","count":1}],"budgets_by_currency":[{"currency":"EUR","open_minor":125000,"completed_minor":0}]})");

    const usage::allowance allowances[] = {{"members", 5}, {"tasks", std::nullopt}, {"files", 50}};
    CHECK(usage::read(from, tenant, allowances)
              .data->starts_with(R"({"metrics":[{"metric":"members","used":1,"limit":5,"month":null},)"
                                 R"({"metric":"tasks","used":3,"limit":null,"month":null},)"
                                 R"({"metric":"files","used":0,"limit":50,"month":null},)"
                                 R"({"metric":"members_created","used":0,"limit":null,"month":")" +
                                 in.db.run("select to_char(now() at time zone 'Pacific/Auckland', 'YYYY-MM')") + "\""));
    CHECK(from.get(org::listing(), tenant, tenant).data->find("Pacific/Auckland") != std::string::npos);
}

TEST_CASE("a month's usage is what was created and called in it, in the organisation's zone, archived since or not")
{
    world in;
    const uuid tenant = in.tenant(1, "Pacific/Auckland"), other = in.tenant(1);
    const auto task_at = [&](const char* at) {
        task::created fact;
        fact.id = {fresh_id()};
        fact.project_id = {fresh_id()};
        in.append(tenant, "task", fact.id.value, fact, *moment::parse(at));
        return fact.id;
    };
    task_at("2025-11-30T10:59:59Z");                    // still November in Auckland
    const auto gone = task_at("2025-11-30T11:00:00Z");  // its December begins
    in.append(tenant, "task", gone.value, task::archived{gone});
    task_at("2025-12-31T10:59:59Z");
    task_at("2025-12-31T11:00:00Z");
    member::added ann;
    ann.id = {fresh_id()};
    in.append(tenant, "member", ann.id.value, ann, *moment::parse("2025-12-24T12:00:00Z"));
    in.flush();
    const auto call = [&](const uuid& of, int calls, const std::string& at) {
        as_app(in, "select read.note_api_key_use('{" + of.text() + "," + of.text() + "}', '{" + fresh_id().text() +
                       "," + fresh_id().text() + "}', '{" + std::to_string(calls) + ",1}', '{\"" + at + "\",\"" + at +
                       "\"}')");
    };
    call(tenant, 2, "2025-12-31 10:59:59.999999Z");
    call(tenant, 4, "2025-12-31 10:50:00Z");
    call(tenant, 9, "2025-12-31 11:00:00Z");
    call(other, 99, "2025-12-31 10:50:00Z");
    running it{in, in.room.path() / "cache"};
    it.catch_up();
    projection::reader from{in.reading()};

    const auto used = [&](const std::string& month) {
        std::string all;
        const auto shown = usage::read(from, tenant, {}, month);
        constexpr std::string_view mark = "\"used\":";
        for (auto at = shown.data->find(mark); at != std::string::npos; at = shown.data->find(mark, at + 1))
            all += shown.data->substr(at + mark.size(), shown.data->find(',', at) - at - mark.size()) + " ";
        CHECK(shown.data->find("\"month\":\"" + month + "\"") != std::string::npos);
        CHECK(shown.data->find("\"month\":null") == std::string::npos);
        return all;
    };
    // members, clients, projects, tasks, comments, calls
    CHECK(used("2025-11") == "0 0 0 1 0 0 ");
    CHECK(used("2025-12") == "1 0 0 2 0 8 ");
    CHECK(used("2026-01") == "0 0 0 1 0 10 ");
    CHECK(used("2024-02") == "0 0 0 0 0 0 ");
    CHECK(used("9999-12") == "0 0 0 0 0 0 ");
    CHECK(in.verified().different == 0);

    for (const char* month : {"2025-12", "0001-01", "9999-12"})
        CHECK(usage::is_month(month));
    for (const char* nonsense :
         {"", "2025", "2025-13", "2025-00", "2025-1", "0000-01", "2025-12-01", "12-2025", "2025/12"})
        CHECK_FALSE(usage::is_month(nonsense));
}

TEST_CASE(
    "budgets are summed by currency, completed ones apart, as far as numbers go; archived projects take theirs along")
{
    world in;
    const uuid tenant = in.tenant(2);
    const auto budgeted = [&](std::int64_t amount, const char* currency, project::status status) {
        project::created fact;
        fact.id = {fresh_id()};
        fact.status = status;
        fact.budget = schema::money{amount, currency};
        in.append(tenant, "project", fact.id.value, fact);
        return fact.id;
    };
    budgeted(100, "EUR", project::status::planned);
    const auto done = budgeted(30, "EUR", project::status::active);
    in.append(tenant, "project", done.value,
              project::completed{done, {project::status::active, project::status::completed}});
    const auto gone = budgeted(5, "USD", project::status::completed);
    std::vector<project::project_id> huge;
    for (int i = 0; i < 1'100; ++i)  // more together than 64 bits hold
        huge.push_back(budgeted(schema::integer_max, "JPY", project::status::on_hold));
    in.flush();
    running it{in, in.room.path() / "cache"};
    it.catch_up();
    projection::reader from{in.reading()};
    const auto budgets = [&] {
        const auto shown = dashboard::read(from, tenant);
        return shown.data->substr(shown.data->find("\"budgets_by_currency\":") + 22);
    };
    const std::string eur = R"({"currency":"EUR","open_minor":100,"completed_minor":30})";
    CHECK(budgets() == "[" + eur +
                           R"(,{"currency":"JPY","open_minor":9007199254740991,"completed_minor":0},)"
                           R"({"currency":"USD","open_minor":0,"completed_minor":5}]})");

    const projection::definition* again = &project::read_model();
    in.rebuild({&again, 1});
    CHECK(in.db.run("select count(distinct version) || ' ' || count(distinct value) from (select distinct on (version)"
                    " version, value from read.sum where bucket = 'JPY/open' order by version, seq desc) held") ==
          "2 1");

    in.append(tenant, "project", gone.value, project::archived{gone});
    for (std::size_t i = 1; i < huge.size(); ++i)
        in.append(tenant, "project", huge[i].value, project::archived{huge[i]});
    in.flush();
    it.catch_up();
    CHECK(budgets() == "[" + eur + R"(,{"currency":"JPY","open_minor":9007199254740991,"completed_minor":0}]})");
    CHECK(in.db.run("select value from read.sum where bucket = 'JPY/open' and version = 2 order by seq desc limit 1") ==
          std::to_string(schema::integer_max));
    CHECK(in.verified().different == 0);
}
