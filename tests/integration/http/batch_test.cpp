// POST /api/v1/batch over the real API: each command as a request of its own would be, all of them answered at once.
#include "events/client.hpp"
#include "events/project.hpp"
#include "events/task.hpp"
#include "schemas/json.hpp"
#include "schemas/json_copy.hpp"
#include "tests/integration/http/stage.hpp"
#include "tests/kit/scenario/held.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

namespace
{
using http_tests::ask;
using http_tests::value_of;
namespace json = schema::json;

http_tests::stage& shared()
{
    static http_tests::stage made;
    return made;
}

std::string as_text(const json::node& node)
{
    std::string text;
    schema::json_writer out{text};
    schema::write_node(out, node, schema::member_order::as_given);
    return text;
}

// What one command was answered.
struct part
{
    int status = 0;
    std::string headers;  // as JSON
    std::string body;     // as JSON

    std::string code() const { return value_of(body, "code"); }
    std::string header(std::string_view name) const { return value_of(headers, name); }
};

std::vector<part> parts_of(const kit::reply& reply)
{
    REQUIRE_MESSAGE(reply.status == 200, reply.body);
    json::document parsed;
    REQUIRE(parsed.parse(reply.body));
    json::node data;
    REQUIRE(json::find(parsed.root(), "data", data));
    std::vector<part> made;
    for (json::elements walk{data}; walk.next();)
    {
        json::node status, headers, body;
        REQUIRE(json::find(walk.value, "status", status));
        REQUIRE(json::find(walk.value, "headers", headers));
        REQUIRE(json::find(walk.value, "body", body));
        made.push_back({static_cast<int>(json::integer_of(status)), as_text(headers), as_text(body)});
    }
    return made;
}

std::string statuses(const std::vector<part>& parts)
{
    std::string made;
    for (const part& each : parts)
        made += (made.empty() ? "" : " ") + std::to_string(each.status);
    return made;
}

std::string command(std::string_view method, std::string_view path, std::string_view body = {},
                    std::string_view more = {})
{
    std::string made = R"({"method": ")";
    made.append(method).append(R"(", "path": ")").append(path).append("\"");
    if (!body.empty())
        made.append(R"(, "body": )").append(body);
    if (!more.empty())
        made.append(", ").append(more);
    return made + "}";
}

std::string batch(bool atomic, const std::vector<std::string>& commands)
{
    std::string made = std::string{R"({"atomic": )"} + (atomic ? "true" : "false") + R"(, "commands": [)";
    for (const auto& each : commands)
        made += (&each == &commands.front() ? "" : ",") + each;
    return made + "]}";
}

struct given_an_organisation
{
    explicit given_an_organisation(org::plan plan = org::plan::business)
        : of(shared().new_tenant("batch-" + std::to_string(++count()), plan))
    {}

    kit::reply send(const std::string& body, kit::header_list more = {}, const std::string& target = "/api/v1/batch",
                    const std::string& key = {}) const
    {
        return ask(shared(), key.empty() ? of.key : key, "POST", target, body, std::move(more));
    }
    std::vector<part> run(bool atomic, const std::vector<std::string>& commands) const
    {
        return parts_of(send(batch(atomic, commands)));
    }
    std::string events() const
    {
        return shared().db.run("select count(*) from es.event where tenant_id = '" + of.id.text() + "'");
    }
    kit::reply get(const std::string& target) const { return ask(shared(), of.key, "GET", target); }

    http_tests::tenant of;

private:
    static int& count()
    {
        static int made = 0;
        return made;
    }
};

template <class Id>
std::string fresh()
{
    return Id{shared().new_id()}.text();
}
}  // namespace

TEST_CASE("a batch creates a whole little world of things that refer to each other")
{
    const given_an_organisation here;
    bool atomic = false;
    SUBCASE("each for itself") {}
    SUBCASE("all or none") { atomic = true; }
    const auto client = fresh<client::client_id>();
    const auto project = fresh<project::project_id>();
    const auto task = fresh<task::task_id>();
    const auto said = here.send(
        batch(atomic, {command("POST", "/api/v1/clients", R"({"id": ")" + client + R"(", "name": "Ann"})"),
                       command("POST", "/api/v1/projects",
                               R"({"id": ")" + project + R"(", "name": "P", "client_id": ")" + client + "\"}"),
                       command("POST", "/api/v1/tasks",
                               R"({"id": ")" + task + R"(", "title": "T", "project_id": ")" + project + "\"}"),
                       command("POST", "/api/v1/tasks/" + task + "/complete"),
                       command("PATCH", "/api/v1/projects/" + project, R"({"name": "Q"})", R"("if_match": "\"1\"")"),
                       command("POST", "/api/v1/tasks/" + task + "/comments", R"({"body": "B"})"),
                       command("DELETE", "/api/v1/clients/" + client)}));
    const auto parts = parts_of(said);
    CHECK_MESSAGE(statuses(parts) == "201 201 201 200 200 201 200", said.body);
    CHECK(parts[0].header("Location") == "/api/v1/clients/" + client);
    CHECK(parts[0].headers.find(R"("ETag":"\"1\"")") != std::string::npos);
    CHECK(parts[0].header("Content-Type") == "application/json");
    CHECK(value_of(parts[3].body, "status") == "done");
    CHECK(value_of(parts[4].body, "version") == "2");
    CHECK(value_of(parts[6].body, "archived_at") != "null");

    // The position of the whole is that of its last event: a read at it shows everything.
    const auto position = said.header("Clientflow-Position");
    REQUIRE(position);
    CHECK(parts[6].header("Clientflow-Position") == *position);
    const auto shown = ask(shared(), here.of.key, "GET", "/api/v1/tasks/" + task, "",
                           {{"Clientflow-Position", *position}, {"Prefer", "handling=strict"}});
    CHECK(shown.status == 200);
    CHECK(value_of(shown.body, "status") == "done");
    CHECK(value_of(here.get("/api/v1/projects/" + project).body, "name") == "Q");
}

TEST_CASE("one refusal leaves nothing of an atomic batch, and only its own gap in another")
{
    const given_an_organisation here;
    const auto client = fresh<client::client_id>();
    const std::vector<std::string> commands{
        command("POST", "/api/v1/clients", R"({"id": ")" + client + R"(", "name": "Ann"})"),
        command("PATCH", "/api/v1/clients/" + fresh<client::client_id>(), R"({"name": "Bob"})"),
        command("PATCH", "/api/v1/clients/" + client, R"({"name": "Cid"})")};
    const auto before = here.events();
    const auto refused = here.run(true, commands);
    CHECK(statuses(refused) == "424 404 424");
    CHECK(refused[0].code() == "batch_refused");
    CHECK(value_of(refused[0].body, "applied") == "no");
    CHECK(value_of(refused[0].body, "instance") == "/api/v1/clients");
    CHECK(refused[0].header("Content-Type") == "application/problem+json");
    CHECK(refused[1].code() == "not_found");
    CHECK(here.events() == before);
    CHECK(here.get("/api/v1/clients/" + client).status == 404);

    CHECK(statuses(here.run(false, commands)) == "201 404 200");
    CHECK(value_of(here.get("/api/v1/clients/" + client).body, "name") == "Cid");
}

TEST_CASE("what is refused before it reaches the lane writer refuses an atomic batch as well")
{
    const given_an_organisation here;
    const std::string good = command("POST", "/api/v1/clients", R"({"name": "Ann"})");
    const std::vector<std::pair<std::string, std::string>> wrongs{
        {command("POST", "/api/v1/nothing"), "404 not_found"},
        {command("POST", "/api/v1/clients", "{}"), "422 invalid"},
        {command("POST", "/api/v1/clients", R"({"name": 7, "email": 8})"), "422 invalid"},
        {command("POST", "/api/v1/clients", "[]"), "422 invalid"},
        {command("POST", "/api/v1/time-entries", R"({"minutes": 60.0})"), "422 invalid"},
        {command("POST", "/api/v1/clients"), "400 malformed"},
        {command("POST", "/api/v1/dashboard"), "405 method_not_allowed"},
        {command("PATCH", "/api/v1/clients/nonsense", "{}"), "404 not_found"},
        {command("POST", "/api/v1/clients?dry_run=true", R"({"name": "Ann"})"), "400 bad_query"},
        {command("POST", "/api/v1/clients", R"({"name": "Ann"})", R"("idempotency_key": "a b")"), "400 bad_query"},
        {command("POST", "/api/v1/clients", R"({"name": "Ann"})", R"("idempotency_key": "")"), "400 bad_query"},
        {command("POST", "/api/v1/clients", R"({"name": "Ann"})", R"("if_match": "three")"), "400 bad_query"},
        {command("POST", "/api/v1/clients", R"({"name": ")" + std::string(262'145, 'a') + "\"}"), "413 too_large"},
    };
    const auto before = here.events();
    for (const auto& [wrong, expected] : wrongs)
    {
        CAPTURE(wrong.substr(0, 200));
        const auto parts = here.run(true, {good, wrong, good});
        CHECK(statuses(parts) == "424 " + expected.substr(0, 3) + " 424");
        CHECK(parts[1].code() == expected.substr(4));
        const auto apart = here.run(false, {wrong});
        CHECK(apart[0].code() == expected.substr(4));
    }
    CHECK(here.events() == before);
    const auto all = here.run(true, {wrongs[0].first, wrongs[1].first, good});
    CHECK(statuses(all) == "404 422 424");  // every one that is wrong is told
    CHECK(here.run(true, {command("POST", "/api/v1/dashboard")})[0].header("Allow") == "GET, HEAD, OPTIONS");
}

TEST_CASE("each command is authorised by the key's scopes")
{
    const given_an_organisation here;
    const auto reader = shared().new_key(here.of, {api_key::scope::read});
    const auto writer = shared().new_key(here.of, {api_key::scope::write});
    const auto importer = shared().new_key(here.of, {api_key::scope::import});
    const std::string client = command("POST", "/api/v1/clients", R"({"name": "Ann"})");
    const std::string member = command("POST", "/api/v1/members", R"({"email": "m@example.org", "name": "M"})");
    const auto run = [&](const std::string& key, bool atomic) {
        return statuses(parts_of(here.send(batch(atomic, {client, member}), {}, "/api/v1/batch", key)));
    };
    CHECK(run(reader, false) == "403 403");
    CHECK(run(writer, false) == "201 403");
    CHECK(run(writer, true) == "424 403");
    CHECK(run(here.of.key, true) == "201 201");
    CHECK(here.send(batch(false, {client}), {}, "/api/v1/batch", importer).status == 403);
    CHECK(here.send(batch(false, {client}), {}, "/api/v1/batch", "cf_live_nonsense").status == 401);
}

TEST_CASE("a batch sent again with its keys is answered again, and a key works alone as in a batch")
{
    const given_an_organisation here;
    const std::string create = command("POST", "/api/v1/api-keys", R"({"name": "K"})", R"("idempotency_key": "one")");
    const std::string client =
        command("POST", "/api/v1/clients", R"({"name": "Ann"})", R"("idempotency_key": "\"two\"")");
    for (const bool atomic : {true, false})
    {
        const auto said = here.run(atomic, {create, client});
        const bool again = !atomic;
        CHECK(statuses(said) == "201 201");
        CHECK(said[0].header("Idempotency-Replayed") == (again ? "true" : ""));
        CHECK((value_of(said[0].body, "secret") == "null") == again);
    }
    const auto alone =
        ask(shared(), here.of.key, "POST", "/api/v1/clients", R"({"name": "Ann"})", {{"Idempotency-Key", "two"}});
    CHECK(alone.header("Idempotency-Replayed") == "true");
    const auto reused =
        here.run(true, {command("POST", "/api/v1/clients", R"({"name": "Bob"})"),
                        command("POST", "/api/v1/clients", R"({"name": "Bob"})", R"("idempotency_key": "two")")});
    CHECK(statuses(reused) == "424 422");
    CHECK(reused[1].code() == "idempotency_key_reused");
}

TEST_CASE("a batch has no key, no condition and no rehearsal of its own, and says what is wrong with its form")
{
    const given_an_organisation here;
    const auto good = batch(true, {command("POST", "/api/v1/clients", R"({"name": "Ann"})")});
    const auto before = here.events();
    for (const char* header : {"Idempotency-Key", "If-Match"})
    {
        const auto said = here.send(good, {{header, "\"1\""}});
        CHECK(said.status == 400);
        CHECK(value_of(said.body, "code") == "bad_query");
        CHECK(said.body.find(std::string{"{\"header\":\""} + header) != std::string::npos);
    }
    for (const char* query : {"?dry_run=true", "?x=1"})
        CHECK(value_of(here.send(good, {}, std::string{"/api/v1/batch"} + query).body, "code") == "bad_query");
    CHECK(value_of(here.send("{").body, "code") == "malformed");
    CHECK(ask(shared(), here.of.key, "POST", "/api/v1/batch").status == 400);
    const auto wrong = here.send(R"({"atomic": 1, "commands": [{"path": "/x", "y": 1}]})");
    CHECK(wrong.status == 422);
    CHECK(wrong.body.find(R"("pointer":"#/commands/0/method","code":"required")") != std::string::npos);
    CHECK(here.send(batch(false, std::vector<std::string>(101, command("POST", "/x")))).status == 422);
    CHECK(here.send(batch(false, {command("POST", "/api/v1/batch", good)})).status == 422);
    CHECK(here.send(batch(false,
                          {command("POST", "/api/v1/clients", R"({"name": ")" + std::string(1'048'576, 'a') + "\"}")}))
              .status == 413);
    CHECK(ask(shared(), here.of.key, "GET", "/api/v1/batch").header("Allow") == "POST, OPTIONS");
    CHECK(here.events() == before);
}

TEST_CASE("a plan's limit stands against an atomic batch as a whole")
{
    const given_an_organisation here{org::plan::starter};
    const std::vector<std::string> six(6, command("POST", "/api/v1/projects", R"({"name": "P"})"));
    const auto refused = here.run(true, six);
    CHECK(statuses(refused) == "424 424 424 424 424 402");
    CHECK(value_of(refused[5].body, "metric") == "projects");
    CHECK(statuses(here.run(false, six)) == "201 201 201 201 201 402");
}

TEST_CASE("a batch of a hundred is one append")
{
    const given_an_organisation here;
    const std::vector<std::string> all(100, command("POST", "/api/v1/clients", R"({"name": "Ann"})"));
    const auto parts = here.run(true, all);
    CHECK(parts.size() == 100);
    for (const part& each : parts)
        CHECK(each.status == 201);
    CHECK(shared().db.run("select count(distinct recorded_at) from es.event where type = 'client.created' "
                          "and tenant_id = '" +
                          here.of.id.text() + "'") == "1");
}

TEST_CASE("time that runs out under a batch is told of each of its commands")
{
    http_tests::stage_options options;
    options.projections = false;
    options.adjust = [](http::service_config& config) { config.command_time_max = std::chrono::milliseconds{300}; };
    http_tests::stage in{options};
    const auto of = in.new_tenant("late");
    const std::string create = command("POST", "/api/v1/clients", R"({"name": "Ann"})");
    REQUIRE(statuses(parts_of(ask(in, of.key, "POST", "/api/v1/batch", batch(true, {create})))) == "201");
    std::vector<part> late;
    {
        const scenario::held_transaction lanes{in.db.dsn("postgres"),
                                               {"select count(pg_advisory_xact_lock(7105, lane)) from es.lane"}};
        late = parts_of(ask(in, of.key, "POST", "/api/v1/batch",
                            batch(true, {create, command("POST", "/api/v1/nothing"), create})));
        CHECK(statuses(late) == "424 404 424");
        late =
            parts_of(ask(in, of.key, "POST", "/api/v1/batch", batch(false, {create, command("POST", "/x"), create})));
    }
    CHECK(statuses(late) == "503 404 503");
    CHECK(value_of(late[0].body, "applied") == "unknown");
    CHECK(late[0].header("Retry-After") != "");
}
