// The nouns over HTTP, as a client lives with them: created, read, changed, repeated, refused.
#include "events/client.hpp"
#include "events/project.hpp"
#include "tests/integration/http/stage.hpp"

#include <doctest/doctest.h>

#include <string>

namespace
{
using http_tests::ask;
using http_tests::stage;
using http_tests::value_of;

// One stage for all cases of this file: each takes a tenant of its own.
stage& shared()
{
    static stage made;
    return made;
}

http_tests::tenant fresh(org::plan plan = org::plan::business)
{
    static int count = 0;
    return shared().new_tenant("nouns-" + std::to_string(++count), plan);
}

std::string made(const http_tests::tenant& of, const std::string& path, const std::string& body)
{
    const auto reply = ask(shared(), of.key, "POST", path, body);
    REQUIRE_MESSAGE(reply.status == 201, reply.body);
    return value_of(reply.body, "id");
}
}  // namespace

TEST_CASE("a project is created, read back at once, changed, archived and restored")
{
    const auto of = fresh();
    const auto created =
        ask(shared(), of.key, "POST", "/api/v1/projects", R"({"name": "Gemini", "due_on": "2026-12-24"})");
    REQUIRE_MESSAGE(created.status == 201, created.body);
    const auto id = value_of(created.body, "id");
    const auto path = "/api/v1/projects/" + id;
    CHECK(created.header("Location") == path);
    CHECK(created.header("ETag") == "\"1\"");
    CHECK(created.header("Clientflow-Position").has_value());
    CHECK(created.header("X-Request-Id").has_value());
    CHECK(created.header("Content-Type") == "application/json");
    CHECK(value_of(created.body, "status") == "planned");

    const auto shown = ask(shared(), of.key, "GET", path);
    CHECK(shown.status == 200);
    CHECK(shown.body == created.body);
    CHECK(shown.header("ETag") == "\"1\"");
    CHECK_FALSE(shown.header("Clientflow-Stale").has_value());
    CHECK(ask(shared(), of.key, "GET", path, "", {{"If-None-Match", "\"1\""}}).status == 304);
    const auto head = ask(shared(), of.key, "HEAD", path);
    CHECK(head.status == 200);
    CHECK(head.header("Content-Length") == std::to_string(shown.body.size()));

    const auto changed = ask(shared(), of.key, "PATCH", path, R"({"name": "Apollo", "due_on": null})");
    CHECK(changed.status == 200);
    CHECK(value_of(changed.body, "name") == "Apollo");
    CHECK(value_of(changed.body, "due_on") == "null");
    CHECK(changed.header("ETag") == "\"2\"");
    CHECK(ask(shared(), of.key, "PATCH", path, "{}").header("ETag") == "\"2\"");

    CHECK(value_of(ask(shared(), of.key, "POST", path + "/activate").body, "status") == "active");
    CHECK(ask(shared(), of.key, "POST", path + "/activate", "{}").header("ETag") == "\"3\"");
    const auto refused = ask(shared(), of.key, "POST", path + "/reopen");
    CHECK(refused.status == 200);

    CHECK(ask(shared(), of.key, "DELETE", path).status == 200);
    CHECK(ask(shared(), of.key, "DELETE", path).status == 200);
    const auto archived = ask(shared(), of.key, "PATCH", path, R"({"name": "X"})");
    CHECK(archived.status == 409);
    CHECK(value_of(archived.body, "code") == "project.archived");
    CHECK(ask(shared(), of.key, "POST", path + "/restore").status == 200);
}

TEST_CASE("a verb that the state does not allow says which would be")
{
    const auto of = fresh();
    const auto id = made(of, "/api/v1/projects", R"({"name": "P"})");
    CHECK(ask(shared(), of.key, "POST", "/api/v1/projects/" + id + "/complete").status == 200);
    const auto refused = ask(shared(), of.key, "POST", "/api/v1/projects/" + id + "/hold");
    CHECK(refused.status == 409);
    CHECK(value_of(refused.body, "code") == "state_conflict");
    CHECK(value_of(refused.body, "state") == "completed");
    CHECK(refused.body.find("\"allowed_verbs\":[\"reopen\"]") != std::string::npos);
}

TEST_CASE("tasks, their comments, and what lists show of them")
{
    const auto of = fresh();
    const auto project = made(of, "/api/v1/projects", R"({"name": "P"})");
    std::string newest;
    for (const auto* title : {"one", "two", "three"})
        newest = made(of, "/api/v1/tasks", R"({"project_id": ")" + project + R"(", "title": ")" + title + "\"}");
    const auto page = ask(shared(), of.key, "GET", "/api/v1/tasks?project_id=" + project + "&limit=2");
    CHECK(page.status == 200);
    CHECK(page.body.find("\"data\":[{\"id\":\"" + newest) == 1);
    CHECK(value_of(page.body, "prev_cursor") == "null");
    const auto link = page.header("Link");
    REQUIRE(link);
    CHECK(link->ends_with("rel=\"next\""));
    const auto next = ask(shared(), of.key, "GET", link->substr(1, link->find('>') - 1));
    CHECK(next.status == 200);
    CHECK(next.body.find("\"one\"") != std::string::npos);
    CHECK(value_of(next.body, "next_cursor") == "null");
    const auto back_link = next.header("Link");
    REQUIRE(back_link);
    CHECK(back_link->ends_with("rel=\"prev\""));
    const auto back = ask(shared(), of.key, "GET", back_link->substr(1, back_link->find('>') - 1));
    CHECK(back.body.substr(0, back.body.find("],")) == page.body.substr(0, page.body.find("],")));

    const auto comments = "/api/v1/tasks/" + newest + "/comments";
    const auto comment = made(of, comments, R"({"body": "Look\nhere"})");
    const auto shown = ask(shared(), of.key, "GET", comments + "/" + comment);
    CHECK(shown.status == 200);
    CHECK(value_of(shown.body, "author_id").starts_with("member_"));
    CHECK(ask(shared(), of.key, "GET", comments).body.find(comment) != std::string::npos);
    CHECK(ask(shared(), of.key, "GET", "/api/v1/tasks/" + shared().new_id().text() + "/comments").status == 404);
    CHECK(ask(shared(), of.key, "PATCH", comments + "/" + comment, R"({"body": "Changed"})").status == 200);

    CHECK(ask(shared(), of.key, "POST", "/api/v1/tasks/" + newest + "/complete").status == 200);
    const auto dashboard = ask(shared(), of.key, "GET", "/api/v1/dashboard");
    CHECK(dashboard.status == 200);
    CHECK(value_of(dashboard.body, "tasks_open") == "2");
    CHECK(value_of(dashboard.body, "tasks_done") == "1");
}

TEST_CASE("lists are asked for words, page by page, and show no other organisation's rows")
{
    const auto of = fresh(), other = fresh();
    for (const auto& each : {of, other})
    {
        const auto project = made(each, "/api/v1/projects", R"({"name": "Zo\u00eb's plan"})");
        const auto task = made(each, "/api/v1/tasks", R"({"project_id": ")" + project + R"(", "title": "Zoo 100%"})");
        made(each, "/api/v1/tasks", R"({"project_id": ")" + project + R"(", "title": "Zoo 100"})");
        made(each, "/api/v1/tasks/" + task + "/comments", R"({"body": "Look:\nzoology"})");
        made(each, "/api/v1/clients", R"({"name": "Ann", "email": "zoe@north.example"})");
    }
    const auto task = value_of(ask(shared(), of.key, "GET", "/api/v1/tasks?q=100%25").body, "id");
    const auto count = [&](const std::string& target) {
        const auto reply = ask(shared(), of.key, "GET", target);
        REQUIRE_MESSAGE(reply.status == 200, reply.body);
        std::size_t rows = 0;
        constexpr std::string_view row = "{\"id\":";
        for (auto at = reply.body.find(row); at != std::string::npos; at = reply.body.find(row, at + 1))
            ++rows;
        return rows;
    };
    CHECK(count("/api/v1/tasks?q=zoo+1") == 2);
    CHECK(count("/api/v1/tasks?q=ZOO&limit=1") == 1);
    CHECK(count("/api/v1/tasks?q=100%25") == 1);
    CHECK(count("/api/v1/tasks?q=oo") == 0);
    CHECK(count("/api/v1/tasks/" + task + "/comments?q=zool") == 1);
    CHECK(count("/api/v1/projects?q=ZOE%CC%88") == 1);
    CHECK(count("/api/v1/clients?q=north%20ann") == 1);
    CHECK(count("/api/v1/members?q=olg") == 1);
    CHECK(count("/api/v1/api-keys?q=nothing-like-it") == 0);

    const auto first = ask(shared(), of.key, "GET", "/api/v1/tasks?q=100&limit=1");
    const auto link = first.header("Link");
    REQUIRE(link);
    const auto next = ask(shared(), of.key, "GET", link->substr(1, link->find('>') - 1));
    CHECK(next.status == 200);
    CHECK(value_of(next.body, "title") == "Zoo 100%");
    const auto cursor = "&cursor=" + value_of(first.body, "next_cursor");
    CHECK(value_of(ask(shared(), of.key, "GET", "/api/v1/tasks?q=zoo&limit=1" + cursor).body, "code") == "bad_cursor");

    const std::string too_long(201, 'a');
    for (const auto& wrong : {std::string{}, too_long, std::string{"a+b+c+d+e+f+g+h+i"}, std::string{"%00"}})
    {
        const auto refused = ask(shared(), of.key, "GET", "/api/v1/tasks?q=" + wrong);
        CHECK(refused.status == 400);
        CHECK(value_of(refused.body, "code") == "bad_query");
    }
    CHECK(ask(shared(), of.key, "GET", "/api/v1/dashboard?q=zoo").status == 400);
}

TEST_CASE("time is booked on a project, filtered by day, project and whether it is billed, and corrected")
{
    const auto of = fresh();
    const auto project = made(of, "/api/v1/projects", R"({"name": "P"})");
    const auto book = [&](const std::string& day, int minutes, bool billable) {
        return made(of, "/api/v1/time-entries",
                    R"({"project_id": ")" + project + R"(", "minutes": )" + std::to_string(minutes) +
                        R"(, "spent_on": ")" + day + R"(", "note": "Docking", "billable": )" +
                        (billable ? "true}" : "false}"));
    };
    const auto monday = book("2026-11-23", 90, true), tuesday = book("2026-11-24", 30, false);
    const auto shown = ask(shared(), of.key, "GET", "/api/v1/time-entries/" + monday);
    CHECK(value_of(shown.body, "member_id") == member::member_id{of.owner}.text());
    CHECK(value_of(shown.body, "minutes") == "90");
    const auto listed = [&](const std::string& query) {
        const auto page = ask(shared(), of.key, "GET", "/api/v1/time-entries?" + query);
        CHECK_MESSAGE(page.status == 200, page.body);
        return std::pair{page.body.find(monday) != std::string::npos, page.body.find(tuesday) != std::string::npos};
    };
    CHECK(listed("project_id=" + project) == std::pair{true, true});
    CHECK(listed("spent_on[gte]=2026-11-24") == std::pair{false, true});
    CHECK(listed("billable=true") == std::pair{true, false});
    CHECK(listed("minutes[lt]=60&sort=spent_on") == std::pair{false, true});
    CHECK(listed("q=dock") == std::pair{true, true});

    const auto path = "/api/v1/time-entries/" + tuesday;
    CHECK(value_of(ask(shared(), of.key, "PATCH", path, R"({"minutes": 45})").body, "minutes") == "45");
    for (const char* wrong :
         {R"({"minutes": 0})", R"({"minutes": 1441})", R"({"minutes": null})", R"({"spent_on": "2026-02-30"})"})
        CHECK(ask(shared(), of.key, "PATCH", path, wrong).status == 422);
    CHECK(ask(shared(), of.key, "DELETE", path).status == 200);
    CHECK(listed("project_id=" + project) == std::pair{true, false});
    CHECK(value_of(ask(shared(), of.key, "PATCH", path, R"({"minutes": 50})").body, "code") == "time_entry.archived");
}

TEST_CASE("who am I, my organisation, and what of the plan is used")
{
    const auto of = fresh(org::plan::starter);
    const auto me = ask(shared(), of.key, "GET", "/api/v1/me");
    CHECK(me.status == 200);
    CHECK(value_of(me.body, "key_id") == of.key_id);
    CHECK(me.body.find("\"scopes\":[\"read\",\"write\",\"admin\"]") != std::string::npos);
    const auto org = ask(shared(), of.key, "PATCH", "/api/v1/org", R"({"time_zone": "Europe/Rome"})");
    CHECK_MESSAGE(org.status == 200, org.body);
    CHECK(value_of(ask(shared(), of.key, "GET", "/api/v1/org").body, "time_zone") == "Europe/Rome");
    const auto usage = ask(shared(), of.key, "GET", "/api/v1/usage");
    CHECK(usage.status == 200);
    CHECK(usage.body.find("{\"metric\":\"members\",\"used\":1,\"limit\":5") != std::string::npos);
    CHECK(ask(shared(), of.key, "GET", "/api/v1/me?x=1").status == 400);
}

TEST_CASE("a plan's limit is a 402 that says how much and where to go")
{
    const auto of = fresh(org::plan::starter);
    for (int i = 0; i < 5; ++i)
        made(of, "/api/v1/projects", R"({"name": "P"})");
    const auto refused = ask(shared(), of.key, "POST", "/api/v1/projects", R"({"name": "P"})");
    CHECK(refused.status == 402);
    CHECK(value_of(refused.body, "code") == "plan_limit_reached");
    CHECK(value_of(refused.body, "metric") == "projects");
    CHECK(value_of(refused.body, "limit") == "5");
    CHECK(value_of(refused.body, "used") == "5");
    CHECK_FALSE(value_of(refused.body, "upgrade_url").empty());
    REQUIRE(refused.header("Clientflow-Position").has_value());
    const auto list = ask(shared(), of.key, "GET", "/api/v1/projects", "",
                          {{"Clientflow-Position", *refused.header("Clientflow-Position")}});
    CHECK(list.status == 200);
    CHECK_FALSE(list.header("Clientflow-Stale").has_value());
}

TEST_CASE("members: an address once, the last owner stays")
{
    const auto of = fresh();
    const auto id = made(of, "/api/v1/members", R"({"email": "Ann@Example.org", "name": "Ann"})");
    for (const char* address : {"Ann@Example.org", "ann@example.org", "nobody@example.org,ANN@EXAMPLE.ORG"})
        CHECK(value_of(ask(shared(), of.key, "GET", "/api/v1/members?email=" + std::string{address}).body, "id") == id);
    CHECK(value_of(ask(shared(), of.key, "GET", "/api/v1/members?email=an@example.org").body, "id").empty());
    const auto street = made(of, "/api/v1/clients", R"({"name": "S", "email": "straße@example.org"})");
    const auto dotless = made(of, "/api/v1/clients", R"({"name": "D", "email": "ı@example.org"})");
    const auto found = [&](const std::string& address) {
        return value_of(ask(shared(), of.key, "GET", "/api/v1/clients?email=" + address).body, "id");
    };
    for (const char* address : {"STRASSE@example.org", "STRA%E1%BA%9EE@example.org"})
        CHECK(found(address) == street);
    CHECK(found("%C4%B1@EXAMPLE.ORG") == dotless);
    CHECK(found("i@example.org").empty());
    const auto again = ask(shared(), of.key, "POST", "/api/v1/members", R"({"email": "ann@example.ORG", "name": "A"})");
    CHECK(again.status == 409);
    CHECK(value_of(again.body, "code") == "already_exists");
    CHECK(ask(shared(), of.key, "DELETE", "/api/v1/members/" + id).status == 200);
    CHECK(ask(shared(), of.key, "POST", "/api/v1/members", R"({"email": "ann@example.org", "name": "A"})").status ==
          201);
    const auto owner = member::member_id{of.owner}.text();
    const auto last = ask(shared(), of.key, "POST", "/api/v1/members/" + owner + "/remove");
    CHECK(last.status == 409);
    CHECK(value_of(last.body, "code") == "member.last_owner");
}

TEST_CASE("an API key's secret is shown once, works at once, and stops within a second of its end")
{
    const auto of = fresh();
    const kit::header_list repeat{{"Idempotency-Key", "make-a-key"}};
    const auto created =
        ask(shared(), of.key, "POST", "/api/v1/api-keys", R"({"name": "CI", "scopes": ["read"]})", repeat);
    REQUIRE_MESSAGE(created.status == 201, created.body);
    const auto secret = value_of(created.body, "secret");
    const auto id = value_of(created.body, "id");
    CHECK(secret.starts_with("cf_live_"));
    CHECK(ask(shared(), secret, "GET", "/api/v1/me").status == 200);
    CHECK(ask(shared(), secret, "POST", "/api/v1/clients", R"({"name": "C"})").status == 403);
    CHECK(ask(shared(), of.key, "GET", "/api/v1/api-keys/" + id).body.find(secret) == std::string::npos);

    const auto replayed =
        ask(shared(), of.key, "POST", "/api/v1/api-keys", R"({"scopes": ["read"], "name": "CI"})", repeat);
    CHECK(replayed.status == 201);
    CHECK(replayed.header("Idempotency-Replayed") == "true");
    CHECK(value_of(replayed.body, "id") == id);
    CHECK(value_of(replayed.body, "secret") == "null");

    CHECK(kit::eventually([&] {
        const auto usage = ask(shared(), of.key, "GET", "/api/v1/api-keys/" + id + "/usage");
        return usage.status == 200 && value_of(usage.body, "calls_this_month") == "2";
    }));
    CHECK(ask(shared(), of.key, "DELETE", "/api/v1/api-keys/" + id).status == 200);
    CHECK(kit::eventually([&] { return ask(shared(), secret, "GET", "/api/v1/me").status == 401; },
                          kit::milliseconds{1'000}));
    CHECK(shared().journal.text().find(secret) == std::string::npos);
}

TEST_CASE("an Idempotency-Key is decided once: replay, other body, other spelling of the key")
{
    const auto of = fresh();
    const auto post = [&](const std::string& key, const std::string& body) {
        return ask(shared(), of.key, "POST", "/api/v1/clients", body, {{"Idempotency-Key", key}});
    };
    const auto first = post("k-1", R"({"name": "Ann", "notes": "n"})");
    REQUIRE(first.status == 201);
    const auto again = post("\"k-1\"", R"({"notes": "n",   "name": "Ann"})");
    CHECK(again.status == 201);
    CHECK(again.body == first.body);
    CHECK(again.header("Location") == first.header("Location"));
    CHECK(again.header("Idempotency-Replayed") == "true");
    const auto other = post("k-1", R"({"name": "Bob"})");
    CHECK(other.status == 422);
    CHECK(value_of(other.body, "code") == "idempotency_key_reused");
    CHECK(post("a b", "{}").status == 400);
}

TEST_CASE("a create with the same id is the same create; with other members it is refused")
{
    const auto of = fresh();
    const auto id = client::client_id{shared().new_id()}.text();
    const auto body = R"({"id": ")" + id + R"(", "name": "Ann"})";
    CHECK(ask(shared(), of.key, "POST", "/api/v1/clients", body).status == 201);
    const auto again = ask(shared(), of.key, "POST", "/api/v1/clients", body);
    CHECK(again.status == 200);
    CHECK(again.header("Idempotency-Replayed") == "true");
    CHECK_FALSE(again.header("Location").has_value());
    const auto other = ask(shared(), of.key, "POST", "/api/v1/clients", R"({"id": ")" + id + R"(", "name": "Bob"})");
    CHECK(other.status == 409);
    CHECK(value_of(other.body, "code") == "already_exists");
}

TEST_CASE("If-Match is honoured, also as a list, a star and a compressed tag")
{
    const auto of = fresh();
    const auto path = "/api/v1/clients/" + made(of, "/api/v1/clients", R"({"name": "Ann"})");
    const auto patch = [&](const std::string& match, const std::string& name) {
        return ask(shared(), of.key, "PATCH", path, R"({"name": ")" + name + "\"}", {{"If-Match", match}});
    };
    const auto stale = patch("\"7\"", "B");
    CHECK(stale.status == 412);
    CHECK(value_of(stale.body, "code") == "version_mismatch");
    CHECK(stale.header("ETag") == "\"1\"");
    CHECK(patch("\"9\", \"1-gzip\"", "B").status == 200);
    CHECK(patch("*", "C").status == 200);
    CHECK(patch("W/\"3\"", "D").status == 412);
    CHECK(patch("3", "D").status == 400);
}

TEST_CASE("who takes gzip gets it from a kilobyte on, and may send its tag back")
{
    const auto of = fresh();
    const auto path = "/api/v1/clients/" +
                      made(of, "/api/v1/clients", R"({"name": "Ann", "notes": ")" + std::string(2'000, 'n') + "\"}");
    const auto plain = ask(shared(), of.key, "GET", path);
    CHECK_FALSE(plain.header("Content-Encoding"));
    const auto small = ask(shared(), of.key, "GET", path, "", {{"Accept-Encoding", "gzip, br"}});
    CHECK(small.header("Content-Encoding") == "gzip");
    CHECK(small.header("ETag") == "\"1-gzip\"");
    CHECK(small.body.size() < plain.body.size() / 4);
    CHECK(ask(shared(), of.key, "GET", path, "", {{"If-None-Match", "\"1-gzip\""}}).status == 304);
    CHECK(ask(shared(), of.key, "HEAD", path, "", {{"Accept-Encoding", "gzip"}}).header("Content-Length") ==
          small.header("Content-Length"));
    CHECK_FALSE(
        ask(shared(), of.key, "GET", "/api/v1/me", "", {{"Accept-Encoding", "gzip"}}).header("Content-Encoding"));
}

TEST_CASE("occurred_at is an importer's member: any past, not the future")
{
    const auto of = fresh();
    const auto importer = shared().new_key(of, {api_key::scope::write, api_key::scope::import});
    const auto alone = shared().new_key(of, {api_key::scope::import});
    const std::string past = R"({"name": "Ann", "occurred_at": "2019-03-01T10:00:00+01:00"})";
    const auto refused = ask(shared(), of.key, "POST", "/api/v1/clients", past);
    CHECK(refused.status == 422);
    CHECK(refused.body.find("{\"pointer\":\"#/occurred_at\",\"code\":\"unknown\"") != std::string::npos);
    CHECK(ask(shared(), alone, "POST", "/api/v1/clients", past).status == 403);
    const auto created = ask(shared(), importer, "POST", "/api/v1/clients", past);
    CHECK(created.status == 201);
    CHECK(value_of(created.body, "created_at") == "2019-03-01T09:00:00.000000Z");
    CHECK(ask(shared(), importer, "POST", "/api/v1/clients", R"({"name": "A", "occurred_at": "2999-01-01T00:00:00Z"})")
              .status == 422);
    const auto path = "/api/v1/clients/" + value_of(created.body, "id");
    CHECK(ask(shared(), importer, "DELETE", path, R"({"occurred_at": "2020-01-01T00:00:00Z"})").status == 200);
}

TEST_CASE("all faults of a body come at once, each with its pointer")
{
    const auto of = fresh();
    const auto refused = ask(shared(), of.key, "POST", "/api/v1/tasks",
                             R"({"title": "", "estimate_minutes": 1.0, "nonsense": 1, "labels": ["a", "a"]})");
    CHECK(refused.status == 422);
    CHECK(value_of(refused.body, "code") == "invalid");
    for (const auto* pointer : {"#/project_id", "#/title", "#/estimate_minutes", "#/nonsense", "#/labels/1"})
        CHECK_MESSAGE(refused.body.find(std::string{"\"pointer\":\""} + pointer + "\"") != std::string::npos,
                      refused.body);
    const auto nowhere =
        ask(shared(), of.key, "POST", "/api/v1/tasks",
            R"({"project_id": ")" + project::project_id{shared().new_id()}.text() + R"(", "title": "t"})");
    CHECK(nowhere.status == 422);
    CHECK(nowhere.body.find("#/project_id") != std::string::npos);
}

TEST_CASE("a position makes a read at least that new; a foreign or broken one is told")
{
    const auto of = fresh();
    const auto created = ask(shared(), of.key, "POST", "/api/v1/clients", R"({"name": "Ann"})");
    const auto position = *created.header("Clientflow-Position");
    const auto reader = shared().new_key(of, {api_key::scope::read});
    const auto list = ask(shared(), reader, "GET", "/api/v1/clients", "", {{"Clientflow-Position", position}});
    CHECK(list.status == 200);
    CHECK(list.body.find("Ann") != std::string::npos);
    CHECK(list.header("Clientflow-Position").has_value());
    CHECK_FALSE(list.header("Clientflow-Stale").has_value());
    CHECK(ask(shared(), reader, "GET", "/api/v1/clients", "", {{"Clientflow-Position", "nonsense"}}).status == 400);
    const auto write = [&](const std::string& handed_in) {
        return ask(shared(), of.key, "POST", "/api/v1/clients", R"({"name": "Ben"})",
                   {{"Clientflow-Position", handed_in}});
    };
    CHECK(value_of(write("nonsense").body, "code") == "bad_query");
    CHECK(write(position).status == 201);
}
