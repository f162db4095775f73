// How the hot statements are really run: a whole server works on a few thousand rows, without statistics and with fresh
// ones, and PostgreSQL has counted no scan of a table that grows.
#include "tests/integration/http/stage.hpp"
#include "tests/kit/eventually.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

namespace
{
using http_tests::ask;
using http_tests::value_of;

// The tables that grow with every command. Of a table of one page the planner rightly reads that page.
constexpr const char* scanned =
    "select string_agg(schemaname || '.' || relname || ' ' || seq_scan, ', ') from pg_stat_user_tables"
    " where seq_scan > 0 and schemaname || '.' || relname in ('es.event', 'es.receipt', 'es.round', 'es.quota',"
    "       'es.claim', 'es.subject_key', 'read.task', 'read.comment', 'read.client', 'read.sum')";

constexpr int tenants = 24;  // no tenant is most of a table

struct given_a_busy_site
{
    http_tests::stage site;
    std::vector<http_tests::tenant> all;
    http_tests::tenant acme;  // one of them
    std::string project, client, task;

    // A session that was ended under a reader costs one answer.
    kit::reply get(const std::string& path)
    {
        kit::reply told;
        kit::eventually([&] { return (told = ask(site, acme.key, "GET", "/api/v1" + path)).status != 503; });
        return told;
    }

    std::string make(const http_tests::tenant& of, const std::string& path, const std::string& body)
    {
        const auto made =
            ask(site, of.key, "POST", "/api/v1" + path, body, {{"Idempotency-Key", "k" + std::to_string(++keys_)}});
        REQUIRE_MESSAGE(made.status == 201, made.body);
        return value_of(made.body, "id");
    }

    // Thousands of rows, written by eight clients at once.
    void fill(int tasks_each)
    {
        for (int i = 0; i < tenants; ++i)
            all.push_back(site.new_tenant("tenant-" + std::to_string(i)));
        acme = all[5];
        std::vector<std::thread> clients;
        for (int c = 0; c < 8; ++c)
            clients.emplace_back([&, c] {
                for (int i = c; i < tenants; i += 8)
                    fill(all[static_cast<std::size_t>(i)], tasks_each);
            });
        for (std::thread& one : clients)
            one.join();
        client = make(acme, "/clients", R"({"name": "A client", "email": "c@example.org"})");
        project = make(acme, "/projects", R"({"name": "A project", "client_id": ")" + client + "\"}");
        task = make(acme, "/tasks", R"({"project_id": ")" + project + R"(", "title": "The first"})");
        make(acme, "/tasks/" + task + "/comments", R"({"body": "A word"})");
    }

    void fill(const http_tests::tenant& of, int tasks)
    {
        auto line = site.connect();
        auto post = [&, n = 0](const std::string& path, const std::string& body) mutable {
            line.request("POST", "/api/v1" + path,
                         {{"X-API-Key", of.key},
                          {"Content-Type", "application/json"},
                          {"Idempotency-Key", "fill-" + std::to_string(++n)}},
                         body);
            const auto told = line.read();
            written_ += told.status == 201 ? 1 : 0;
            return value_of(told.body, "id");
        };
        const auto in = post("/projects", R"({"name": "P"})");
        for (int i = 0; i < tasks; ++i)
        {
            const auto made = post("/tasks", R"({"title": "T", "labels": ["a"], "project_id": ")" + in + "\"}");
            if (i % 3 == 0)
                post("/tasks/" + made + "/comments", R"({"body": "A word"})");
            if (i % 6 == 0)
                post("/clients", R"({"name": "Another", "email": "c@example.org"})");
        }
    }

    // Every kind of read and write once: commands that are new, repeated, refused and changing nothing; pages, items
    // and figures.
    void work()
    {
        const std::string path = "/api/v1/tasks/" + task;
        const auto write = [&](const char* method, const std::string& target, const std::string& body, int status,
                               kit::header_list more = {}) {
            const auto told = ask(site, acme.key, method, target, body, std::move(more));
            CHECK_MESSAGE(told.status == status, told.body);
        };
        write("POST", path + "/start", "{}", 200, {{"Idempotency-Key", "start"}});
        write("POST", path + "/start", "{}", 200, {{"Idempotency-Key", "start"}});
        write("PATCH", path, R"({"title": "X"})", 412, {{"If-Match", "\"99\""}});
        write("POST", path + "/wait", "", 200);
        write("POST", path + "/complete", "", 200);
        write("POST", path + "/reopen", "", 200);
        write("DELETE", path, "", 200);
        write("POST", path + "/restore", "", 200);
        const auto member = make(acme, "/members", R"({"email": "m@example.org", "name": "M"})");
        write("POST", "/api/v1/members", R"({"email": "m@example.org", "name": "N"})", 409);
        write("DELETE", "/api/v1/members/" + member, "", 200);
        write("PATCH", "/api/v1/org", R"({"name": "Acme"})", 200);
        const auto key = make(acme, "/api-keys", R"({"name": "K", "scopes": ["read"]})");
        write("DELETE", "/api/v1/api-keys/" + key, "", 200);
        make(all[0], "/clients", R"({"name": "Elsewhere"})");

        for (const std::string& each : {std::string{"/tasks"},
                                        std::string{"/tasks?limit=200"},
                                        std::string{"/tasks?status=todo,done&sort=title"},
                                        "/tasks?project_id=" + project,
                                        std::string{"/tasks?archived=any&sort=-updated_at"},
                                        "/tasks/" + task,
                                        "/tasks/" + task + "/comments",
                                        std::string{"/clients"},
                                        "/clients/" + client,
                                        std::string{"/projects"},
                                        "/projects?client_id=" + client,
                                        std::string{"/members"},
                                        std::string{"/api-keys"},
                                        "/api-keys/" + key,
                                        "/api-keys/" + key + "/usage",
                                        std::string{"/org"},
                                        std::string{"/me"},
                                        std::string{"/dashboard"},
                                        "/dashboard?client_id=" + client,
                                        std::string{"/usage"}})
        {
            const auto told = get(each);
            CHECK_MESSAGE(told.status == 200, each << told.body);
        }
        const auto page = get("/tasks?limit=50");
        CHECK(get("/tasks?limit=50&cursor=" + value_of(page.body, "next_cursor")).status == 200);
    }

    // A runner whose cache is gone reads the rows that it folds on, page by page.
    void restart_projections()
    {
        site.runner.reset();
        std::filesystem::remove_all(site.room.path() / "cache");
        site.make_runner();
    }

    // Sessions hand in what they counted when they end; the product makes new ones, which plan anew.
    void end_sessions()
    {
        const auto pids = site.db.run("select coalesce(string_agg(pid::text, ','), '0') from pg_stat_activity"
                                      " where datname = current_database() and usename = 'clientflow_app'");
        site.db.run("select pg_terminate_backend(pid) from pg_stat_activity where pid in (" + pids + ")");
        kit::await("the sessions end", [&] {
            return site.db.run("select count(*) from pg_stat_activity where pid in (" + pids + ")") == "0";
        });
    }

    int written() const { return written_; }

private:
    std::atomic<int> written_ = 0;
    int keys_ = 0;
};
}  // namespace

TEST_CASE_FIXTURE(given_a_busy_site, "a server at work scans no table that grows, without statistics and with them")
{
    fill(100);
    CHECK(written() > 3'500);
    work();
    restart_projections();
    work();
    end_sessions();
    CHECK(site.db.run(scanned) == "");
    const std::string counted = "select n_tup_ins > 3500 and idx_scan > 0 from pg_stat_user_tables where relid = ";
    CHECK(site.db.run(counted + "'es.event'::regclass") == "t");
    CHECK(site.db.run("select n_tup_ins > 2000 from pg_stat_user_tables where relid = 'read.task'::regclass") == "t");

    site.db.run("analyze");
    end_sessions();
    work();
    restart_projections();
    work();
    end_sessions();
    CHECK(site.db.run(scanned) == "");
}
