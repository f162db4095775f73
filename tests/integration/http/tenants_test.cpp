// Two tenants over every route: what belongs to the other one is not there, and is told in the same bytes as what never
// was. A route without a row in the matrix fails, so a new route brings its row.
#include "events/comment.hpp"
#include "events/task.hpp"
#include "http/catalogue.hpp"
#include "tests/integration/http/stage.hpp"

#include <doctest/doctest.h>

#include <map>
#include <string>

namespace
{
using http_tests::ask;
using http_tests::stage;
using http_tests::value_of;

// What one tenant owns, one of each noun.
struct belongings
{
    http_tests::tenant of;
    std::string client, project, task, comment, member, key, entry;
};

std::string made(const stage& in, const http_tests::tenant& of, const std::string& path, const std::string& body)
{
    const auto reply = ask(in, of.key, "POST", path, body);
    REQUIRE_MESSAGE(reply.status == 201, reply.body);
    return value_of(reply.body, "id");
}

std::string entry_body(const belongings& b)
{
    return R"({"minutes": 30, "spent_on": "2026-11-26", "project_id": ")" + b.project + "\"}";
}

belongings furnish(stage& in, const std::string& slug)
{
    belongings b;
    b.of = in.new_tenant(slug);
    b.client = made(in, b.of, "/api/v1/clients", R"({"name": "C"})");
    b.project = made(in, b.of, "/api/v1/projects", R"({"name": "P"})");
    b.task = made(in, b.of, "/api/v1/tasks", R"({"project_id": ")" + b.project + R"(", "title": "T"})");
    b.comment = made(in, b.of, "/api/v1/tasks/" + b.task + "/comments", R"({"body": "B"})");
    b.member = made(in, b.of, "/api/v1/members", R"({"email": "both@example.org", "name": "M"})");
    b.key = made(in, b.of, "/api/v1/api-keys", R"({"name": "K"})");
    b.entry = made(in, b.of, "/api/v1/time-entries", entry_body(b));
    return b;
}

enum class kind
{
    foreign_id,       // the id in the path is the other tenant's: 404
    two_ids,          // either id may be the other's: 404
    in_a_batch,       // commands of other routes: each is as it would be alone
    own,              // no id, or a query: read or written, the answer speaks of the asking tenant alone
    foreign_in_body,  // a create that refers to the other's thing: 422, as for an id that never was
    endless,          // a stream of its own tenant's, tried in event_test.cpp
    everybody         // the same for all
};

struct row
{
    kind what;
    std::string (*path)(const belongings&) = nullptr;
    std::string (*body)(const belongings&) = nullptr;
};

std::string empty_body(const belongings&) { return "{}"; }

const std::map<std::string, row, std::less<>>& matrix()
{
    const auto client = [](const belongings& b) { return b.client; };
    const auto project = [](const belongings& b) { return b.project; };
    const auto task = [](const belongings& b) { return b.task; };
    const auto person = [](const belongings& b) { return b.member; };
    const auto key = [](const belongings& b) { return b.key; };
    const auto comment = [](const belongings& b) { return b.comment; };
    const auto entry = [](const belongings& b) { return b.entry; };
    const auto at = [](auto id) { return row{kind::foreign_id, id, empty_body}; };
    const row own{kind::own};
    static const std::map<std::string, row, std::less<>> rows{
        {"listClients", own},
        {"createClient", {kind::own, nullptr, [](const belongings&) { return std::string{R"({"name": "C"})"}; }}},
        {"getClient", at(client)},
        {"listClientHistory", at(client)},
        {"updateClient", at(client)},
        {"archiveClient", at(client)},
        {"archiveClientByVerb", at(client)},
        {"restoreClient", at(client)},
        {"listProjects", own},
        {"createProject",
         {kind::foreign_in_body, nullptr,
          [](const belongings& b) { return R"({"name": "P", "client_id": ")" + b.client + "\"}"; }}},
        {"getProject", at(project)},
        {"listProjectHistory", at(project)},
        {"updateProject", at(project)},
        {"archiveProject", at(project)},
        {"archiveProjectByVerb", at(project)},
        {"restoreProject", at(project)},
        {"activateProject", at(project)},
        {"holdProject", at(project)},
        {"completeProject", at(project)},
        {"reopenProject", at(project)},
        {"listTasks", own},
        {"createTask",
         {kind::foreign_in_body, nullptr,
          [](const belongings& b) { return R"({"title": "T", "project_id": ")" + b.project + "\"}"; }}},
        {"getTask", at(task)},
        {"listTaskHistory", at(task)},
        {"updateTask", at(task)},
        {"archiveTask", at(task)},
        {"archiveTaskByVerb", at(task)},
        {"restoreTask", at(task)},
        {"startTask", at(task)},
        {"waitTask", at(task)},
        {"completeTask", at(task)},
        {"reopenTask", at(task)},
        {"moveTask",
         {kind::foreign_id, task, [](const belongings& b) { return R"({"project_id": ")" + b.project + "\"}"; }}},
        {"listComments", at(task)},
        {"createComment", {kind::foreign_id, task, [](const belongings&) { return std::string{R"({"body": "B"})"}; }}},
        {"getComment", {kind::two_ids, comment, empty_body}},
        {"listCommentHistory", {kind::two_ids, comment, empty_body}},
        {"updateComment", {kind::two_ids, comment, empty_body}},
        {"archiveComment", {kind::two_ids, comment, empty_body}},
        {"archiveCommentByVerb", {kind::two_ids, comment, empty_body}},
        {"restoreComment", {kind::two_ids, comment, empty_body}},
        {"listTimeEntries", own},
        {"createTimeEntry", {kind::foreign_in_body, nullptr, entry_body}},
        {"getTimeEntry", at(entry)},
        {"listTimeEntryHistory", at(entry)},
        {"updateTimeEntry", at(entry)},
        {"archiveTimeEntry", at(entry)},
        {"archiveTimeEntryByVerb", at(entry)},
        {"restoreTimeEntry", at(entry)},
        {"listMembers", own},
        {"createMember",
         {kind::own, nullptr,
          [](const belongings&) { return std::string{R"({"email": "m@example.org", "name": "M"})"}; }}},
        {"getMember", at(person)},
        {"listMemberHistory", at(person)},
        {"updateMember", at(person)},
        {"removeMember", at(person)},
        {"removeMemberByVerb", at(person)},
        {"listApiKeys", own},
        {"createApiKey",
         {kind::foreign_in_body, nullptr,
          [](const belongings& b) { return R"({"name": "K", "member_id": ")" + b.member + "\"}"; }}},
        {"getApiKey", at(key)},
        {"listApiKeyHistory", at(key)},
        {"getApiKeyUsage", at(key)},
        {"updateApiKey", at(key)},
        {"revokeApiKey", at(key)},
        {"revokeApiKeyByVerb", at(key)},
        {"getOrg", own},
        {"listOrgHistory", own},
        {"updateOrg", {kind::own, nullptr, [](const belongings&) { return std::string{R"({"name": "Renamed"})"}; }}},
        {"getDashboard", own},
        {"getMe", own},
        {"getUsage", own},
        {"runBatch", {kind::in_a_batch}},
        {"search", {kind::own, [](const belongings&) { return std::string{"?q=c"}; }}},
        {"listEvents", own},
        {"streamEvents", {kind::endless}},
        {"createEventTicket", own},
        {"listActivity", own},
        {"listAudit", own},
        {"getHealth", {kind::everybody}},
        {"getOpenapi", {kind::everybody}},
        {"getAsyncapi", {kind::everybody}},
        {"getProblemPage", {kind::everybody}},
    };
    return rows;
}

// The pattern with its parameters filled in from the right.
std::string filled(std::string_view pattern, const std::string& last, const std::string& first)
{
    std::string path{pattern};
    for (const auto* id : {&last, &first})
    {
        const auto open = path.rfind('{');
        if (open != std::string::npos)
            path.replace(open, path.find('}', open) - open + 1, *id);
    }
    return path;
}

// Without what differs between any two requests.
std::string comparable(std::string body, const std::string& asked)
{
    for (const auto& varying : {value_of(body, "request_id"), asked})
        for (auto at = body.find(varying); !varying.empty() && at != std::string::npos; at = body.find(varying))
            body.replace(at, varying.size(), "*");
    return body;
}

std::string id_that_never_was(stage& in, const std::string& like)
{
    return like.substr(0, like.find('_') + 1) + in.new_id().base32();
}

// The same kinds of ids, of nothing at all.
belongings never_was(stage& in, belongings of)
{
    for (auto* id : {&of.client, &of.project, &of.task, &of.comment, &of.member, &of.key, &of.entry})
        *id = id_that_never_was(in, *id);
    return of;
}

// A write to something of one's own that names something else by its id.
struct reference
{
    std::string_view method;
    std::string (*path)(const belongings& mine);
    std::string_view before;  // the id, in the body
    std::string belongings::*id;
    std::string_view after;
};

std::string path_of_project(const belongings& b) { return "/api/v1/projects/" + b.project; }
std::string path_of_task(const belongings& b) { return "/api/v1/tasks/" + b.task; }
std::string path_of_move(const belongings& b) { return path_of_task(b) + "/move"; }
std::string path_of_comments(const belongings& b) { return path_of_task(b) + "/comments"; }
std::string path_of_comment(const belongings& b) { return path_of_comments(b) + '/' + b.comment; }
std::string path_of_projects(const belongings&) { return "/api/v1/projects"; }
std::string path_of_entry(const belongings& b) { return "/api/v1/time-entries/" + b.entry; }

const reference references[] = {
    {"PATCH", path_of_project, R"({"client_id": ")", &belongings::client, "\"}"},
    {"PATCH", path_of_project, R"({"member_ids": [")", &belongings::member, "\"]}"},
    {"POST", path_of_projects, R"({"name": "P", "client_id": ")", &belongings::client, "\"}"},
    {"POST", path_of_projects, R"({"name": "P", "member_ids": [")", &belongings::member, "\"]}"},
    {"PATCH", path_of_task, R"({"project_id": ")", &belongings::project, "\"}"},
    {"PATCH", path_of_task, R"({"parent_id": ")", &belongings::task, "\"}"},
    {"PATCH", path_of_task, R"({"assignee_ids": [")", &belongings::member, "\"]}"},
    {"POST", path_of_move, R"({"project_id": ")", &belongings::project, "\"}"},
    {"POST", path_of_comments, R"({"body": "B", "mention_ids": [")", &belongings::member, "\"]}"},
    {"PATCH", path_of_comment, R"({"mention_ids": [")", &belongings::member, "\"]}"},
    {"PATCH", path_of_entry, R"({"project_id": ")", &belongings::project, "\"}"},
    {"PATCH", path_of_entry, R"({"task_id": ")", &belongings::task, "\"}"},
    {"PATCH", path_of_entry, R"({"member_id": ")", &belongings::member, "\"}"},
};

struct filtered_list
{
    std::string_view target;
    std::string belongings::*id;
};

const filtered_list filtered_lists[] = {
    {"/api/v1/projects?client_id=", &belongings::client},
    {"/api/v1/projects?member_ids=", &belongings::member},
    {"/api/v1/tasks?project_id=", &belongings::project},
    {"/api/v1/tasks?projectId=", &belongings::project},
    {"/api/v1/tasks?parent_id=", &belongings::task},
    {"/api/v1/tasks?assignee_ids=", &belongings::member},
    {"/api/v1/time-entries?project_id=", &belongings::project},
    {"/api/v1/time-entries?task_id=", &belongings::task},
    {"/api/v1/time-entries?member_id=", &belongings::member},
};
}  // namespace

TEST_CASE("whatever belongs to another tenant is not there, on every route, in the same bytes as what never was")
{
    stage in;
    const auto mine = furnish(in, "mine");
    const auto theirs = furnish(in, "theirs");
    const auto head_before = in.db.run("select count(*) from es.event where tenant_id = '" + theirs.of.id.text() + "'");

    for (const auto table : http::all_routes())
        for (const http::route& route : table)
        {
            CAPTURE(route.operation);
            const auto found = matrix().find(route.operation);
            REQUIRE_MESSAGE(found != matrix().end(), "this route has no row in the matrix of tenants");
            const row& as = found->second;
            const auto method = http::text_of(route.method);
            const auto send = [&](const std::string& path, const std::string& body) {
                return ask(in, mine.of.key, method, path, route.body ? body : "");
            };
            if (as.what == kind::foreign_id || as.what == kind::two_ids)
            {
                const auto parent = as.what == kind::two_ids ? theirs.task : std::string{};
                const auto path = filled(route.pattern, as.path(theirs), parent);
                const auto foreign = send(path, as.body(mine));
                const auto never_path = filled(route.pattern, id_that_never_was(in, as.path(theirs)),
                                               parent.empty() ? parent : id_that_never_was(in, parent));
                const auto never = send(never_path, as.body(mine));
                CHECK(foreign.status == 404);
                CHECK(comparable(foreign.body, path) == comparable(never.body, never_path));
            }
            if (as.what == kind::two_ids)
            {
                const auto path = filled(route.pattern, as.path(theirs), mine.task);
                const auto never_path = filled(route.pattern, id_that_never_was(in, as.path(theirs)), mine.task);
                const auto foreign = send(path, as.body(mine));
                CHECK(foreign.status == 404);
                CHECK(comparable(foreign.body, path) == comparable(send(never_path, as.body(mine)).body, never_path));
            }
            if (as.what == kind::foreign_in_body)
            {
                const auto foreign = send(std::string{route.pattern}, as.body(theirs));
                const auto never = send(std::string{route.pattern}, as.body(never_was(in, theirs)));
                CHECK(foreign.status == 422);
                CHECK(foreign.body.find("\"code\":\"not_found\"") != std::string::npos);
                CHECK(comparable(foreign.body, "") == comparable(never.body, ""));
            }
            if (as.what == kind::in_a_batch)
            {
                const auto told = [&](const belongings& of) {
                    const auto path = "/api/v1/clients/" + of.client;
                    const auto reply =
                        ask(in, mine.of.key, method, route.pattern,
                            R"({"atomic": true, "commands": [{"method": "PATCH", "path": ")" + path +
                                R"(", "body": {"name": "N"}}, {"method": "POST", "path": )" +
                                R"("/api/v1/projects", "body": {"name": "P", "client_id": ")" + of.client + "\"}}]}");
                    CHECK(reply.status == 200);
                    CHECK(reply.body.find("\"status\":404") != std::string::npos);
                    return comparable(reply.body, path);
                };
                const auto position = [](std::string body) {
                    for (auto at = body.find("Clientflow-Position"); at != std::string::npos;
                         at = body.find("Clientflow-Position"))
                        body.erase(at, body.find('"', at + 22) - at);
                    return body;
                };
                CHECK(position(told(theirs)) == position(told(never_was(in, theirs))));
            }
            if (as.what == kind::own)
            {
                const auto query = as.path ? as.path(mine) : std::string{};
                const auto answer = send(std::string{route.pattern} + query, as.body ? as.body(mine) : "");
                CHECK(answer.status == (route.creates ? 201 : 200));
                for (const auto* id : {&theirs.client, &theirs.project, &theirs.task, &theirs.member, &theirs.key})
                    CHECK(answer.body.find(*id) == std::string::npos);
                CHECK(answer.body.find("theirs") == std::string::npos);
            }
        }
    CHECK(in.db.run("select count(*) from es.event where tenant_id = '" + theirs.of.id.text() + "'") == head_before);
}

TEST_CASE("a write that names another tenant's thing is refused in the same bytes as one that names what never was")
{
    stage in;
    const auto mine = furnish(in, "mine");
    const auto theirs = furnish(in, "theirs");
    const auto never = never_was(in, theirs);
    const auto events = [&](const belongings& of) {
        return in.db.run("select count(*) from es.event where tenant_id = '" + of.of.id.text() + "'");
    };
    const auto before = events(mine) + '/' + events(theirs);
    for (const reference& one : references)
    {
        const auto path = one.path(mine);
        CAPTURE(one.method);
        CAPTURE(path);
        CAPTURE(one.before);
        const auto told = [&](const belongings& of) {
            const auto reply =
                ask(in, mine.of.key, one.method, path, std::string{one.before} + of.*one.id + std::string{one.after});
            CHECK(reply.status == 422);
            CHECK(value_of(reply.body, "code") == "invalid");
            return comparable(reply.body, of.*one.id);
        };
        CHECK(told(theirs) == told(never));
    }
    CHECK(events(mine) + '/' + events(theirs) == before);

    // The same with one's own: it is the owner that made the difference.
    auto own = mine;
    own.task = made(in, mine.of, "/api/v1/tasks", R"({"title": "Whole", "project_id": ")" + mine.project + "\"}");
    for (const reference& one : references)
    {
        const auto body = std::string{one.before} + own.*one.id + std::string{one.after};
        const auto reply = ask(in, mine.of.key, one.method, one.path(mine), body);
        CHECK_MESSAGE((reply.status == 200 || reply.status == 201), reply.body);
    }
}

TEST_CASE("a list filtered by another tenant's id is as empty as one filtered by what never was")
{
    stage in;
    const auto mine = furnish(in, "mine");
    const auto theirs = furnish(in, "theirs");
    const auto never = never_was(in, theirs);
    // What the filters would find, were they to look at the other tenant's rows.
    for (const auto* of : {&mine, &theirs})
    {
        const auto project = ask(in, of->of.key, "PATCH", path_of_project(*of),
                                 R"({"client_id": ")" + of->client + R"(", "member_ids": [")" + of->member + "\"]}");
        CHECK(project.status == 200);
        const auto part = made(in, of->of, "/api/v1/tasks",
                               R"({"title": "Part", "project_id": ")" + of->project + R"(", "parent_id": ")" +
                                   of->task + R"(", "assignee_ids": [")" + of->member + "\"]}");
        CHECK_FALSE(part.empty());
        const auto entry = ask(in, of->of.key, "PATCH", path_of_entry(*of),
                               R"({"task_id": ")" + of->task + R"(", "member_id": ")" + of->member + "\"}");
        CHECK(entry.status == 200);
    }
    for (const filtered_list& one : filtered_lists)
    {
        CAPTURE(one.target);
        const auto listed = [&](const belongings& of) {
            const auto reply = ask(in, mine.of.key, "GET", std::string{one.target} + of.*one.id);
            CHECK(reply.status == 200);
            CHECK_FALSE(reply.header("Clientflow-Stale").has_value());
            return reply.body;
        };
        CHECK(listed(theirs) == R"({"data":[],"next_cursor":null,"prev_cursor":null})");
        CHECK(listed(never) == listed(theirs));
        CHECK(listed(mine).find("{\"id\":") != std::string::npos);
    }
    const auto dashboard = [&](const belongings& of) {
        const auto reply = ask(in, mine.of.key, "GET", "/api/v1/dashboard?client_id=" + of.client);
        CHECK(reply.status == 404);
        return comparable(reply.body, of.client);
    };
    CHECK(dashboard(theirs) == dashboard(never));
}

TEST_CASE("another tenant's receipt, cursor and dashboard filter are not there either")
{
    stage in;
    const auto mine = furnish(in, "mine");
    const auto theirs = furnish(in, "theirs");
    const kit::header_list same_key{{"Idempotency-Key", "k"}};
    const auto first = ask(in, theirs.of.key, "POST", "/api/v1/clients", R"({"name": "C"})", same_key);
    const auto second = ask(in, mine.of.key, "POST", "/api/v1/clients", R"({"name": "C"})", same_key);
    CHECK(second.status == 201);
    CHECK_FALSE(second.header("Idempotency-Replayed").has_value());
    CHECK(value_of(first.body, "id") != value_of(second.body, "id"));

    const auto page = ask(in, theirs.of.key, "GET", "/api/v1/clients?limit=1");
    const auto cursor = value_of(page.body, "next_cursor");
    REQUIRE(cursor != "null");
    const auto foreign = ask(in, mine.of.key, "GET", "/api/v1/clients?limit=1&cursor=" + cursor);
    CHECK(foreign.status == 400);
    CHECK(value_of(foreign.body, "code") == "bad_cursor");
    CHECK(ask(in, mine.of.key, "GET", "/api/v1/dashboard?client_id=" + theirs.client).status == 404);
}
