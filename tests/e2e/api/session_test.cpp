// One session of a small agency with the real program over HTTP, from its first client to the key it takes back.
//
// It reads from top to bottom; every step stands on those before it.
#include "tests/kit/scenario/caller.hpp"
#include "tests/kit/scenario/members.hpp"
#include "tests/kit/scenario/node.hpp"
#include "tests/kit/scenario/site.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace
{
using scenario::integer_member;
using scenario::text_member;

bool says(const kit::reply& told, const std::string& what) { return told.body.find(what) != std::string::npos; }

// {"a": …} with ' for ".
std::string json(std::string text)
{
    for (char& each : text)
        if (each == '\'')
            each = '"';
    return text;
}

std::string text_array(const std::vector<std::string>& values)
{
    std::string out = "[";
    for (const std::string& each : values)
        out.append(out.size() > 1 ? ", \"" : "\"").append(each).append("\"");
    return out + "]";
}

// The agency's only program: says what it wants and which status it expects; any other throws with the answer.
struct desk
{
    scenario::site at;
    scenario::organisation agency = at.found("lighthouse", "starter");
    scenario::node server{{.data = at.data_directory("node"), .dsn = at.dsn(), .settings = {}, .environment = {}}};
    scenario::caller line{server.port(), agency.api_key};

    desk() { server.start(); }
    ~desk() { server.stop(); }

    kit::reply get(const std::string& path, int status = 200)
    {
        scenario::request asked;
        asked.target = "/api/v1" + path;
        return line.expect(status, asked);
    }

    kit::reply write(int status, const std::string& method, const std::string& path, const std::string& body = {},
                     const std::string& if_match = {}, const std::string& key = {})
    {
        scenario::request asked;
        asked.method = method;
        asked.target = "/api/v1" + path;
        asked.body = json(body);
        asked.if_match = if_match;
        asked.idempotency_key = key;
        return line.expect(status, asked);
    }

    std::string make(const std::string& path, const std::string& body)
    {
        return text_member(write(201, "POST", path, body).body, "id");
    }

    // The ids that a list shows, in order, page by page.
    std::vector<std::string> listed(const std::string& path)
    {
        std::vector<std::string> ids;
        std::string cursor;
        do
        {
            const auto page = get(path + (cursor.empty() ? "" : "&cursor=" + cursor));
            for (auto item = page.body.find("{\"id\":\""); item != std::string::npos;
                 item = page.body.find("{\"id\":\"", item + 1))
                ids.push_back(page.body.substr(item + 7, page.body.find('"', item + 7) - item - 7));
            cursor = text_member(page.body, "next_cursor");
        } while (!cursor.empty());
        return ids;
    }
};
}  // namespace

TEST_CASE_FIXTURE(desk, "an agency's session over HTTP, from its first client to the key it takes back")
{
    // It is somebody, and makes itself at home.
    CHECK(text_member(get("/me").body, "key_id") == agency.key_id);
    CHECK(says(get("/org"), "\"slug\":\"lighthouse\""));
    const auto home = write(200, "PATCH", "/org", "{'name': 'Lighthouse Studio', 'time_zone': 'Europe/Rome'}");
    CHECK(text_member(home.body, "time_zone") == "Europe/Rome");

    // Two people join; an address is taken once.
    const auto ann = make("/members", "{'email': 'Ann@lighthouse.example', 'name': 'Ann', 'role': 'manager'}");
    const auto bob = make("/members", "{'email': 'bob@lighthouse.example', 'name': 'Bob'}");
    const auto taken = write(409, "POST", "/members", "{'email': 'ANN@lighthouse.example', 'name': 'Another Ann'}");
    CHECK(text_member(taken.body, "code") == "already_exists");

    // A client, and a project for it that gets under way.
    const auto client = make("/clients", "{'name': 'Harbour Museum', 'email': 'office@harbour.example'}");
    const auto project = make("/projects", "{'name': 'New website', 'client_id': '" + client +
                                               "', 'budget': {'amount_minor': 125000, 'currency': 'EUR'},"
                                               " 'due_on': '2027-03-01', 'member_ids': ['" + ann + "']}");
    CHECK(text_member(write(200, "POST", "/projects/" + project + "/activate").body, "status") == "active");

    // Tasks: one with a subtask, labels, people and an estimate.
    const auto task = [&](const std::string& title, const std::string& more) {
        return make("/tasks", "{'project_id': '" + project + "', 'title': '" + title + "'" + more + "}");
    };
    const auto design = task("Design", ", 'labels': ['ux', 'print'], 'priority': 'high', 'estimate_minutes': 480,"
                                       " 'assignee_ids': " + text_array({ann, bob}));
    const auto logo = task("Logo", ", 'parent_id': '" + design + "', 'due_on': '2026-12-01'");
    const auto texts = task("Texts", ", 'due_on': '2027-01-15', 'assignee_ids': " + text_array({bob}));
    const auto shown = get("/tasks/" + design);
    CHECK(says(shown, "\"labels\":[\"ux\",\"print\"]"));
    CHECK(says(shown, "\"assignee_ids\":[\"" + ann + "\",\"" + bob + "\"]"));
    CHECK(integer_member(shown.body, "estimate_minutes") == 480);
    CHECK(text_member(get("/tasks/" + logo).body, "parent_id") == design);

    // They talk, and mention each other.
    const auto comments = "/tasks/" + design + "/comments";
    const auto comment = make(comments, "{'body': 'Bob, is blue fine?', 'mention_ids': ['" + bob + "']}");
    const auto said = get(comments + "/" + comment);
    CHECK(text_member(said.body, "author_id") == agency.member_id);
    CHECK(says(said, "\"mention_ids\":[\"" + bob + "\"]"));

    // Two edit one task; whoever comes second learns of it and looks again.
    const auto tag = *shown.header("ETag");
    write(200, "PATCH", "/tasks/" + design, "{'title': 'Design and layout'}", tag);
    const auto late = write(412, "PATCH", "/tasks/" + design, "{'title': 'Drawings'}", tag);
    CHECK(text_member(late.body, "code") == "version_mismatch");
    const auto seen = get("/tasks/" + design);
    CHECK(late.header("ETag") == seen.header("ETag"));
    CHECK(text_member(seen.body, "title") == "Design and layout");
    write(200, "PATCH", "/tasks/" + design, "{'title': 'Design, layout, drawings'}", *seen.header("ETag"));

    // An answer is lost; asking again with the key does it once.
    const std::string call = "{'project_id': '" + project + "', 'title': 'Call the printer'}";
    const auto first = write(201, "POST", "/tasks", call, {}, "call-1");
    const auto again = write(201, "POST", "/tasks", call, {}, "call-1");
    const auto printer = text_member(first.body, "id");
    CHECK(again.header("Idempotency-Replayed") == "true");
    CHECK(again.body == first.body);
    const std::string other = "{'project_id': '" + project + "', 'title': 'Call the painter'}";
    const auto reused = write(422, "POST", "/tasks", other, {}, "call-1");
    CHECK(text_member(reused.body, "code") == "idempotency_key_reused");

    // Work goes on.
    write(200, "POST", "/tasks/" + design + "/start");
    write(200, "POST", "/tasks/" + texts + "/start");
    CHECK_FALSE(text_member(write(200, "POST", "/tasks/" + texts + "/complete").body, "completed_at").empty());

    // Lists: filtered, sorted, and page by page without a gap or a repetition.
    CHECK(listed("/tasks?project_id=" + project) == std::vector{printer, texts, logo, design});
    CHECK(listed("/tasks?limit=1") == std::vector{printer, texts, logo, design});
    CHECK(listed("/tasks?sort=due_on&limit=3").front() == logo);
    CHECK(listed("/tasks?sort=due_on&limit=3")[1] == texts);
    CHECK(listed("/tasks?status=done") == std::vector{texts});
    CHECK(listed("/tasks?status=todo&due_on[lt]=2026-12-31") == std::vector{logo});
    CHECK(text_member(get("/tasks?colour=blue", 400).body, "code") == "bad_query");

    // The figures follow.
    const auto dashboard = get("/dashboard");
    CHECK(says(dashboard, "\"tasks_open\":3"));
    CHECK(says(dashboard, "\"tasks_done\":1"));
    CHECK(says(dashboard, "\"projects_active\":1"));
    CHECK(says(dashboard, "{\"member_id\":\"" + bob + "\",\"count\":1}"));
    const auto usage = get("/usage");
    CHECK(says(usage, "{\"metric\":\"members\",\"used\":3,\"limit\":5"));
    CHECK(says(usage, "{\"metric\":\"tasks\",\"used\":4,\"limit\":200"));

    // What is archived leaves lists and figures, takes no writes, and comes back.
    write(200, "DELETE", "/tasks/" + printer);
    CHECK(listed("/tasks?limit=2") == std::vector{texts, logo, design});
    CHECK(listed("/tasks?archived=true") == std::vector{printer});
    CHECK(says(get("/dashboard"), "\"tasks_open\":2"));
    CHECK(text_member(write(409, "PATCH", "/tasks/" + printer, "{'title': 'X'}").body, "code") == "task.archived");
    write(200, "POST", "/tasks/" + printer + "/restore");
    CHECK(says(get("/dashboard"), "\"tasks_open\":3"));

    // The plan has an end; archiving makes room.
    std::string last;
    for (int i = 2; i <= 5; ++i)
        last = make("/projects", "{'name': 'Project " + std::to_string(i) + "'}");
    const auto full = write(402, "POST", "/projects", "{'name': 'Project 6'}");
    CHECK(text_member(full.body, "code") == "plan_limit_reached");
    CHECK(text_member(full.body, "metric") == "projects");
    CHECK(integer_member(full.body, "used") == 5);
    write(200, "DELETE", "/projects/" + last);
    make("/projects", "{'name': 'Project 6'}");

    // A key for a script: it reads, and only reads, until it is taken back.
    const auto made = write(201, "POST", "/api-keys", "{'name': 'Report', 'scopes': ['read'], 'expires_in_days': 30}");
    const auto report = text_member(made.body, "id");
    line.use(text_member(made.body, "secret"));
    CHECK(text_member(get("/me").body, "key_id") == report);
    CHECK(text_member(write(403, "POST", "/clients", "{'name': 'C'}").body, "code") == "forbidden");
    line.use(agency.api_key);
    write(200, "POST", "/api-keys/" + report + "/revoke");
    line.use(text_member(made.body, "secret"));
    scenario::request me;
    me.target = "/api/v1/me";
    kit::await("the key is refused", [&] { return line.call(me).status() == 401; });

    // Bob leaves; his address is free again.
    line.use(agency.api_key);
    write(200, "DELETE", "/members/" + bob);
    make("/members", "{'email': 'bob@lighthouse.example', 'name': 'Robert'}");
}
