// Who did what, as members and administrators look at it: pages there and back, filters, what is told to whom, and how
// it agrees with the histories of things.
#include "events/member.hpp"
#include "schemas/json.hpp"
#include "schemas/json_copy.hpp"
#include "schemas/json_writer.hpp"
#include "tests/integration/http/stage.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace
{
using http_tests::ask;
using http_tests::value_of;

http_tests::stage& shared()
{
    static http_tests::stage made;
    return made;
}

std::string json_of(const schema::json::node& value)
{
    std::string text;
    schema::json_writer json{text};
    schema::write_node(json, value, schema::member_order::as_given);
    return text;
}

std::string member_of(const schema::json::node& object, std::string_view name)
{
    schema::json::node found;
    REQUIRE_MESSAGE(schema::json::find(object, name, found), name);
    return schema::json::type_of(found) == schema::json::node_type::text ? std::string{schema::json::text_of(found)}
                                                                         : json_of(found);
}

std::string member_text(const std::string& body, std::string_view name)
{
    schema::json::document parsed;
    REQUIRE_MESSAGE(parsed.parse(body), body);
    return member_of(parsed.root(), name);
}

// The entries of a page, each as its members' texts.
using entry = std::map<std::string, std::string>;

std::vector<entry> entries_of(const std::string& body)
{
    schema::json::document parsed;
    REQUIRE_MESSAGE(parsed.parse(body), body);
    schema::json::node data;
    REQUIRE_MESSAGE(schema::json::find(parsed.root(), "data", data), body);
    std::vector<entry> found;
    for (schema::json::elements walk{data}; walk.next();)
    {
        auto& one = found.emplace_back();
        for (schema::json::members member{walk.value}; member.next();)
            one.emplace(member.key, member_of(walk.value, member.key));
    }
    return found;
}

// The changes of an entry, by pointer.
std::map<std::string, std::string> changes_of(const entry& one)
{
    schema::json::document parsed;
    REQUIRE(parsed.parse(one.at("changes")));
    std::map<std::string, std::string> found;
    for (schema::json::elements walk{parsed.root()}; walk.next();)
        found.emplace(member_of(walk.value, "pointer"),
                      member_of(walk.value, "old") + " -> " + member_of(walk.value, "new"));
    return found;
}

std::vector<std::string> actions_of(const std::vector<entry>& entries)
{
    std::vector<std::string> found;
    for (const auto& each : entries)
        found.push_back(each.at("action"));
    return found;
}

using names = std::vector<std::string>;

struct given_some_work
{
    given_some_work()
    {
        client = made("/api/v1/clients", R"({"name": "Ann", "email": "ann@example.com"})");
        project = made("/api/v1/projects", R"({"name": "Garden", "client_id": ")" + client + "\"}");
        task = made("/api/v1/tasks", R"({"title": "Dig", "labels": ["a"], "project_id": ")" + project + "\"}");
        send("PATCH", "/api/v1/tasks/" + task, R"({"title": "Dig deep", "priority": "high"})");
        send("POST", "/api/v1/tasks/" + task + "/complete");
        comment = made("/api/v1/tasks/" + task + "/comments", R"({"body": "Ünder the tree"})");
        send("PATCH", "/api/v1/clients/" + client, R"({"name": "Bob", "email": null})");
        send("DELETE", "/api/v1/clients/" + client);
    }

    kit::reply send(std::string_view method, const std::string& target, const std::string& body = "") const
    {
        return ask(shared(), of.key, method, target, body, {{"User-Agent", "spade/1"}});
    }
    std::string made(const std::string& at, const std::string& body) const
    {
        const auto reply = send("POST", at, body);
        REQUIRE_MESSAGE(reply.status == 201, reply.body);
        return value_of(reply.body, "id");
    }
    std::vector<entry> entries(const std::string& target) const
    {
        const auto said = send("GET", target);
        REQUIRE_MESSAGE(said.status == 200, said.body);
        return entries_of(said.body);
    }
    names actions(const std::string& target) const { return actions_of(entries(target)); }
    // What the dashboard says was done last.
    std::string recent(const std::string& query, const std::string& key = "") const
    {
        const auto said = ask(shared(), key.empty() ? of.key : key, "GET", "/api/v1/dashboard" + query);
        REQUIRE_MESSAGE(said.status == 200, said.body);
        return member_text(said.body, "recent_activity");
    }
    std::string code(const std::string& target) const { return value_of(send("GET", target).body, "code"); }

    static http_tests::tenant fresh()
    {
        static int count = 0;
        return shared().new_tenant("audited-" + std::to_string(++count));
    }

    http_tests::tenant of = fresh();
    std::string client, project, task, comment;
};

const names work_done{"client.archived", "client.changed", "comment.created", "task.completed",
                      "task.changed",    "task.created",   "project.created", "client.created"};
}  // namespace

TEST_CASE_FIXTURE(given_some_work, "activity shows the work, the newest first, with old and new values")
{
    const auto said = send("GET", "/api/v1/activity");
    REQUIRE_MESSAGE(said.status == 200, said.body);
    CHECK(said.header("Clientflow-Position"));
    const auto all = entries_of(said.body);
    CHECK(actions_of(all) == work_done);
    CHECK(said.body.find("$sealed") == std::string::npos);
    CHECK(said.body.find("spade") == std::string::npos);

    const auto& changed = all[4];
    CHECK(changed.at("entity") == "task");
    CHECK(changed.at("entity_id") == task);
    CHECK(changed.at("type") == "task.changed");
    CHECK(changed.at("version") == "2");
    CHECK(changed.at("actor") == R"({"type":"member","id":")" + member::member_id{of.owner}.text() + "\"}");
    CHECK(changes_of(changed) ==
          std::map<std::string, std::string>{{"/title", "Dig -> Dig deep"}, {"/priority", "normal -> high"}});
    CHECK(changes_of(all[3]) == std::map<std::string, std::string>{{"/status", "todo -> done"}});
    CHECK(changes_of(all[1]) ==
          std::map<std::string, std::string>{{"/name", "Ann -> Bob"}, {"/email", "ann@example.com -> null"}});
    CHECK(changes_of(all[7]).at("/email") == "null -> ann@example.com");
    CHECK(changes_of(all[2]).at("/body") == "null -> Ünder the tree");
}

TEST_CASE_FIXTURE(given_some_work, "the dashboard shows what was done last, as the activity does, and no more of it")
{
    CHECK(recent("") == member_text(send("GET", "/api/v1/activity?limit=10").body, "data"));
    for (int i = 0; i < 12; ++i)
        send("PATCH", "/api/v1/tasks/" + task, R"({"title": "Dig )" + std::to_string(i) + "\"}");
    const auto latest = recent("");
    CHECK(latest == member_text(send("GET", "/api/v1/activity?limit=10").body, "data"));
    CHECK(actions_of(entries_of("{\"data\":" + latest + "}")) == names(10, "task.changed"));

    made("/api/v1/members", R"({"email": "eve@example.org", "name": "Eve"})");  // in the audit, for administrators
    CHECK(recent("") == latest);
    CHECK(recent("", fresh().key) == "[]");
}

TEST_CASE_FIXTURE(given_some_work, "of a client the dashboard shows what was done to it and to what belongs to it now")
{
    send("POST", "/api/v1/clients/" + client + "/restore");
    const auto entry =
        made("/api/v1/time-entries", R"({"minutes": 30, "spent_on": "2026-01-31", "project_id": ")" + project + "\"}");
    const auto other = made("/api/v1/clients", R"({"name": "Zoe"})");
    const auto moves = made("/api/v1/projects", R"({"name": "Pond", "client_id": ")" + client + "\"}");
    const auto of_client = [&](const std::string& id) {
        return actions_of(entries_of("{\"data\":" + recent("?client_id=" + id) + "}"));
    };
    auto expected = work_done;
    for (const char* newer : {"client.restored", "time_entry.created", "project.created"})
        expected.insert(expected.begin(), newer);
    expected.resize(10);
    CHECK(of_client(client) == expected);
    CHECK(of_client(other) == names{"client.created"});

    send("PATCH", "/api/v1/projects/" + moves, R"({"client_id": ")" + other + "\"}");
    CHECK(of_client(other) == names{"project.changed", "project.created", "client.created"});
    send("PATCH", "/api/v1/projects/" + project, R"({"client_id": ")" + other + "\"}");
    CHECK(of_client(client) == names{"client.restored", "client.archived", "client.changed", "client.created"});
    CHECK(of_client(other).size() == 10);
    CHECK_FALSE(entry.empty());
}

TEST_CASE_FIXTURE(given_some_work, "the audit shows everything, with where it came from, and no secret")
{
    const auto said = send("GET", "/api/v1/audit?limit=200");
    REQUIRE_MESSAGE(said.status == 200, said.body);
    const auto all = entries_of(said.body);
    auto expected = work_done;
    for (const char* birth : {"api_key.created", "member.added", "org.created"})
        expected.emplace_back(birth);
    CHECK(actions_of(all) == expected);
    CHECK(all[0].at("ip") == "127.0.0.1");
    CHECK(all[0].at("agent") == "spade/1");
    const auto& born = all[8];
    CHECK(born.at("actor") == R"({"type":"operator","id":null})");
    CHECK(born.at("data").find("\"prefix\"") != std::string::npos);
    CHECK(said.body.find("digest") == std::string::npos);
    CHECK(changes_of(all[9]).at("/email").ends_with(".example"));
}

TEST_CASE_FIXTURE(given_some_work, "only administrators see the audit; whoever reads sees the activity")
{
    for (const auto& [scopes, audit] :
         {std::pair{std::vector{api_key::scope::read}, 403}, std::pair{std::vector{api_key::scope::write}, 403},
          std::pair{std::vector{api_key::scope::admin}, 200}})
    {
        const auto key = shared().new_key(of, scopes);
        CHECK(ask(shared(), key, "GET", "/api/v1/audit").status == audit);
        CHECK(ask(shared(), key, "GET", "/api/v1/activity").status == 200);
    }
    const auto blind = shared().new_key(of, {api_key::scope::import});
    CHECK(ask(shared(), blind, "GET", "/api/v1/activity").status == 403);
}

TEST_CASE_FIXTURE(given_some_work, "pages lead there and back, each event once, with cursors of their own")
{
    std::vector<std::string> forth, back;
    std::string cursor, last;
    for (int page = 0; page < 10 && cursor != "null"; ++page)
    {
        const auto said = send("GET", "/api/v1/activity?limit=3" + (cursor.empty() ? "" : "&cursor=" + cursor));
        for (const auto& each : entries_of(said.body))
            forth.push_back(each.at("event_id"));
        last = said.body;
        cursor = value_of(said.body, "next_cursor");
    }
    CHECK(forth.size() == work_done.size());
    for (const auto& each : entries_of(last))
        back.push_back(each.at("event_id"));
    for (int page = 0; page < 10 && value_of(last, "prev_cursor") != "null"; ++page)
    {
        last = send("GET", "/api/v1/activity?limit=3&cursor=" + value_of(last, "prev_cursor")).body;
        std::vector<std::string> here;
        for (const auto& each : entries_of(last))
            here.push_back(each.at("event_id"));
        back.insert(back.begin(), here.begin(), here.end());
    }
    CHECK(back == forth);

    const auto first = send("GET", "/api/v1/activity?limit=3");
    const auto next = value_of(first.body, "next_cursor");
    CHECK(first.header("Link")->find("limit=3&cursor=" + next) != std::string::npos);
    CHECK(value_of(first.body, "prev_cursor") == "null");
    for (const auto& wrong : {"/api/v1/audit?cursor=" + next, "/api/v1/activity?entity=task&cursor=" + next,
                              std::string{"/api/v1/activity?cursor=AAAA"}, std::string{"/api/v1/activity?cursor="},
                              "/api/v1/activity?cursor=" + next.substr(1)})
        CHECK_MESSAGE(code(wrong) == "bad_cursor", wrong);
    const auto stranger = given_some_work::fresh();
    CHECK(value_of(ask(shared(), stranger.key, "GET", "/api/v1/activity?cursor=" + next).body, "code") == "bad_cursor");
}

TEST_CASE_FIXTURE(given_some_work, "entries are filtered by actor, action, entity, thing, time and text")
{
    const std::string audit = "/api/v1/audit?", activity = "/api/v1/activity?";
    CHECK(actions(activity + "action=task.completed,client.archived") == names{"client.archived", "task.completed"});
    CHECK(actions(activity + "action=task.*") == names{"task.completed", "task.changed", "task.created"});
    CHECK(actions(activity + "entity=comment,project") == names{"comment.created", "project.created"});
    CHECK(actions(audit + "entity=org,member") == names{"member.added", "org.created"});
    CHECK(actions(activity + "entity_id=" + client) == names{"client.archived", "client.changed", "client.created"});
    CHECK(actions(activity + "entityId=" + client + "&action=client.changed") == names{"client.changed"});
    CHECK(actions(audit + "entity_id=" + of.key_id) == names{"api_key.created"});
    CHECK(actions(audit + "actor=operator") == names{"api_key.created", "member.added", "org.created"});
    CHECK(actions(audit + "actor=" + member::member_id{of.owner}.text()) == work_done);
    CHECK(actions(audit + "actor=" + of.key_id).empty());
    CHECK(actions(activity + "q=%C3%BCNDER%20THE") == names{"comment.created"});
    CHECK(actions(activity + "q=COMPLETED") == names{"task.completed"});
    CHECK(actions(activity + "q=%22Garden%22") == names{"project.created"});
    CHECK(actions(activity + "q=ann@example.com").empty());  // sealed where it is stored
    CHECK(actions(audit + "entity=api_key&q=digest").empty());
    const auto created = entries(activity + "action=task.created").front().at("recorded_at");
    CHECK(actions(activity + "to=" + created) == names{"project.created", "client.created"});
    CHECK(actions(activity + "from=" + created + "&action=task.*") ==
          names{"task.completed", "task.changed", "task.created"});
    CHECK(actions(activity + "from=2999-01-01").empty());
    CHECK(actions(activity + "to=2020-01-01").empty());

    // Pages of one thing, along its own stream.
    const auto page = send("GET", activity + "entity_id=" + client + "&limit=2");
    const auto rest =
        send("GET", activity + "entity_id=" + client + "&limit=2&cursor=" + value_of(page.body, "next_cursor"));
    CHECK(actions_of(entries_of(rest.body)) == names{"client.created"});
    CHECK(value_of(rest.body, "next_cursor") == "null");
    CHECK(
        send("GET", activity + "entity_id=" + client + "&limit=2&cursor=" + value_of(rest.body, "prev_cursor")).body ==
        page.body);

    for (const auto& wrong :
         {"limit=0", "limit=x", "actor=somebody", "actor=client_01hz3v5k8qe2r9w7x4n6m1t0ab", "actor=", "action=Task",
          "action=", "entity=org", "entity=dream", "entity_id=1", "q=", "entity_id=key_01hz3v5k8qe2r9w7x4n6m1t0ab",
          "from=yesterday", "to=1", "sort=actor", "q=a&q=b", "offset=1"})
        CHECK_MESSAGE(code(activity + wrong) == "bad_query", wrong);
    CHECK(code(activity + "q=" + std::string(201, 'x')) == "bad_query");
}

TEST_CASE_FIXTURE(given_some_work, "another tenant's things are as little there as what never was")
{
    const auto stranger = given_some_work::fresh();
    for (const std::string target : {"/api/v1/activity", "/api/v1/activity?q=Dig"})
        CHECK(entries_of(ask(shared(), stranger.key, "GET", target).body).empty());
    const auto foreign = ask(shared(), stranger.key, "GET", "/api/v1/audit?entity_id=" + task);
    const auto never = ask(shared(), stranger.key, "GET", "/api/v1/audit?entity_id=task_01hz3v5k8qe2r9w7x4n6m1t0ab");
    CHECK(foreign.status == 200);
    CHECK(foreign.body == never.body);
}

TEST_CASE_FIXTURE(given_some_work, "what an entry says to have changed, the history of its thing says, too")
{
    const std::map<std::string, std::string> paths{{client, "/api/v1/clients/" + client},
                                                   {project, "/api/v1/projects/" + project},
                                                   {task, "/api/v1/tasks/" + task},
                                                   {comment, "/api/v1/tasks/" + task + "/comments/" + comment}};
    std::map<std::string, entry> told;
    for (const auto& [_, path] : paths)
        for (auto& each : entries(path + "/history"))
            told.emplace(each.at("event_id"), each);
    int compared = 0;
    for (const auto& each : entries("/api/v1/activity"))
    {
        const auto& history = told.at(each.at("event_id"));
        for (const auto& [name, text] : history)
            if (name != "changes")
                CHECK(each.at(name) == text);
        const auto known = changes_of(history);
        for (const auto& [pointer, change] : changes_of(each))
        {
            CAPTURE(pointer);
            CHECK(known.at(pointer) == change);
            ++compared;
        }
    }
    CHECK(compared > 15);
}

TEST_CASE("the values of a forgotten person are null, and that something changed is still told")
{
    http_tests::stage in;  // another keyring than that of the writers learns nothing of the key
    const auto of = in.new_tenant("forgetful");
    const auto born = ask(in, of.key, "POST", "/api/v1/clients", R"({"name": "Ann", "email": "ann@example.com"})");
    const auto id = value_of(born.body, "id");
    CHECK(ask(in, of.key, "PATCH", "/api/v1/clients/" + id, R"({"email": "new@example.com"})").status == 200);
    const auto subject = in.db.run("select stream_id from es.event where type = 'client.created'");
    in.db.run("set session_replication_role = replica; update es.subject_key set wrapped = null where subject_id = '" +
              subject + "'");
    in.keys->forget_subject(of.id, *schema::uuid::parse(subject));
    const auto said = ask(in, of.key, "GET", "/api/v1/audit?entity_id=" + id);
    REQUIRE_MESSAGE(said.status == 200, said.body);
    CHECK(said.body.find("example.com") == std::string::npos);
    const auto all = entries_of(said.body);
    REQUIRE(all.size() == 2);
    CHECK(changes_of(all[0]) == std::map<std::string, std::string>{{"/email", "null -> null"}});
    CHECK(changes_of(all[1]).at("/name") == "null -> Ann");
    CHECK(all[1].at("data").find("\"email\":null") != std::string::npos);
}

TEST_CASE("an event that cannot be read is shown as far as its envelope goes")
{
    http_tests::stage in;
    const auto of = in.new_tenant("damaged");
    const auto born = ask(in, of.key, "POST", "/api/v1/clients", R"({"name": "Ann"})");
    const auto id = value_of(born.body, "id");
    const auto where =
        " where stream_id = '" + in.db.run("select stream_id from es.event where type = 'client.created'") + "'";
    for (const std::string damage : {"data = '{\"id\": 5}'", "schema_version = 99", "type = 'client.exploded'",
                                     "meta = '{}'", "category = 'tomorrow'"})
    {
        CAPTURE(damage);
        in.db.run("alter table es.event disable trigger user; update es.event set " + damage + where);
        const auto said = ask(in, of.key, "GET", "/api/v1/audit");
        REQUIRE_MESSAGE(said.status == 200, said.body);
        const auto all = entries_of(said.body);
        CHECK(all.size() == 4);
        CHECK(all[0].at("entity_id").ends_with(id.substr(id.find('_'))));
        CHECK(all[0].at("data") == "null");
    }
}

namespace
{
// An organisation whose first four lines are as old as that; the one behind them is of now.
void expect_audit_to_forget_after(std::int32_t days, http_tests::stage_options options)
{
    http_tests::stage in{std::move(options)};
    const auto of = in.new_tenant("long-ago");
    CHECK(ask(in, of.key, "POST", "/api/v1/clients", R"({"name": "Old"})").status == 201);
    CHECK(ask(in, of.key, "POST", "/api/v1/clients", R"({"name": "New"})").status == 201);
    const auto listed = [&](const char* target) {
        return actions_of(entries_of(ask(in, of.key, "GET", target).body)).size();
    };
    const auto grow_old = [&](std::int32_t by_days) {
        in.db.run("update read.audit_log set recorded_at = recorded_at - interval '" + std::to_string(by_days) +
                  " days' where seq <= (select min(seq) from read.audit_log where action = 'client.created')");
    };
    CHECK(listed("/api/v1/audit") == 5);
    grow_old(days - 1);
    CHECK(listed("/api/v1/audit") == 5);
    grow_old(2);
    CHECK(listed("/api/v1/audit") == 1);
    CHECK(listed("/api/v1/audit?from=2020-01-01") == 1);
    CHECK(listed("/api/v1/activity") == 2);
    CHECK(in.db.run("select count(*) from read.audit_log") == in.db.run("select count(*) from es.event"));
}
}  // namespace

TEST_CASE("the audit looks back 365 days, and the activity to the beginning") { expect_audit_to_forget_after(365, {}); }

TEST_CASE("the audit looks back as far as it is set to, and the activity to the beginning")
{
    http_tests::stage_options options;
    options.adjust = [](http::service_config& of) { of.audit_days = 30; };
    expect_audit_to_forget_after(30, std::move(options));
}
