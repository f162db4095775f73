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
    std::string client, project, task, comment, member, key;
};

std::string made(const stage& in, const http_tests::tenant& of, const std::string& path, const std::string& body)
{
    const auto reply = ask(in, of.key, "POST", path, body);
    REQUIRE_MESSAGE(reply.status == 201, reply.body);
    return value_of(reply.body, "id");
}

belongings furnish(stage& in, const std::string& slug)
{
    belongings b;
    b.of = in.new_tenant(slug);
    b.client = made(in, b.of, "/api/v1/clients", R"({"name": "C"})");
    b.project = made(in, b.of, "/api/v1/projects", R"({"name": "P"})");
    b.task = made(in, b.of, "/api/v1/tasks", R"({"project_id": ")" + b.project + R"(", "title": "T"})");
    b.comment = made(in, b.of, "/api/v1/tasks/" + b.task + "/comments", R"({"body": "B"})");
    b.member = made(in, b.of, "/api/v1/members", R"({"email": "m@)" + slug + R"(.example", "name": "M"})");
    b.key = made(in, b.of, "/api/v1/api-keys", R"({"name": "K"})");
    return b;
}

enum class kind
{
    foreign_id,       // the id in the path is the other tenant's: 404
    two_ids,          // either id may be the other's: 404
    own,              // no id: answers speak of the asking tenant alone
    foreign_in_body,  // a create that refers to the other's thing: 422, as for an id that never was
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
    const auto at = [](auto id) { return row{kind::foreign_id, id, empty_body}; };
    const row own{kind::own};
    static const std::map<std::string, row, std::less<>> rows{
        {"listClients", own},
        {"createClient", own},
        {"getClient", at(client)},
        {"updateClient", at(client)},
        {"archiveClient", at(client)},
        {"archiveClientByVerb", at(client)},
        {"restoreClient", at(client)},
        {"listProjects", own},
        {"createProject",
         {kind::foreign_in_body, nullptr,
          [](const belongings& b) { return R"({"name": "P", "client_id": ")" + b.client + "\"}"; }}},
        {"getProject", at(project)},
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
        {"updateComment", {kind::two_ids, comment, empty_body}},
        {"archiveComment", {kind::two_ids, comment, empty_body}},
        {"archiveCommentByVerb", {kind::two_ids, comment, empty_body}},
        {"restoreComment", {kind::two_ids, comment, empty_body}},
        {"listMembers", own},
        {"createMember", own},
        {"getMember", at(person)},
        {"updateMember", at(person)},
        {"removeMember", at(person)},
        {"removeMemberByVerb", at(person)},
        {"listApiKeys", own},
        {"createApiKey",
         {kind::foreign_in_body, nullptr,
          [](const belongings& b) { return R"({"name": "K", "member_id": ")" + b.member + "\"}"; }}},
        {"getApiKey", at(key)},
        {"getApiKeyUsage", at(key)},
        {"updateApiKey", at(key)},
        {"revokeApiKey", at(key)},
        {"revokeApiKeyByVerb", at(key)},
        {"getOrg", own},
        {"updateOrg", own},
        {"getDashboard", own},
        {"getMe", own},
        {"getUsage", own},
        {"getOpenapi", {kind::everybody}},
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
std::string comparable(std::string body, const std::string& path)
{
    for (const auto& varying : {value_of(body, "request_id"), path})
        for (auto at = body.find(varying); !varying.empty() && at != std::string::npos; at = body.find(varying))
            body.replace(at, varying.size(), "*");
    return body;
}

std::string id_that_never_was(stage& in, const std::string& like)
{
    return like.substr(0, like.find('_') + 1) + in.new_id().base32();
}
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
                CHECK(send(filled(route.pattern, as.path(theirs), mine.task), as.body(mine)).status == 404);
            if (as.what == kind::foreign_in_body)
            {
                const auto foreign = send(std::string{route.pattern}, as.body(theirs));
                CHECK(foreign.status == 422);
                CHECK(foreign.body.find("\"code\":\"not_found\"") != std::string::npos);
            }
            if (as.what == kind::own && route.method == http::verb::get)
            {
                const auto answer = send(std::string{route.pattern}, "");
                CHECK(answer.status == 200);
                for (const auto* id : {&theirs.client, &theirs.project, &theirs.task, &theirs.member, &theirs.key})
                    CHECK(answer.body.find(*id) == std::string::npos);
                CHECK(answer.body.find("theirs") == std::string::npos);
            }
        }
    CHECK(in.db.run("select count(*) from es.event where tenant_id = '" + theirs.of.id.text() + "'") == head_before);
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
