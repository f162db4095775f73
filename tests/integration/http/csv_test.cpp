// Lists as CSV: the whole list in its order, line by line, over a connection that never holds all of it.
#include "http/catalogue.hpp"
#include "projections/runner/list.hpp"
#include "schemas/json.hpp"
#include "tests/integration/http/stage.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

namespace
{
using http_tests::ask;
using http_tests::stage;
using http_tests::value_of;

// As new as one's own writes, or not at all.
const kit::header_list as_csv{{"Accept", "text/csv"}, {"Prefer", "wait=10, handling=strict"}};

using cells = std::vector<std::string>;

// Lines of RFC 4180, read strictly: anything that is not in its grammar fails the test.
std::vector<cells> lines_of(std::string_view text)
{
    std::vector<cells> lines(1);
    while (!text.empty())
    {
        std::string cell;
        if (text.front() == '"')
        {
            text.remove_prefix(1);
            while (!text.empty() && (text.front() != '"' || text.substr(0, 2) == "\"\""))
            {
                cell += text.front();
                text.remove_prefix(text.front() == '"' ? 2 : 1);
            }
            REQUIRE_FALSE(text.empty());
            text.remove_prefix(1);
        }
        else
        {
            const auto end = std::min(text.find_first_of(",\r\n\""), text.size());
            cell = text.substr(0, end);
            text.remove_prefix(end);
        }
        lines.back().push_back(std::move(cell));
        if (text.starts_with(','))
            text.remove_prefix(1);
        else
        {
            REQUIRE(text.starts_with("\r\n"));
            text.remove_prefix(2);
            if (!text.empty())
                lines.emplace_back();
        }
    }
    return lines;
}

std::vector<cells> listed(const stage& in, const std::string& key, const std::string& target)
{
    const auto reply = ask(in, key, "GET", target, "", as_csv);
    REQUIRE_MESSAGE(reply.status == 200, reply.body);
    CHECK(reply.header("Content-Type") == "text/csv; charset=utf-8; header=present");
    return lines_of(reply.body);
}

std::vector<std::string> column(const std::vector<cells>& lines, const std::string& name)
{
    const auto at = std::find(lines.front().begin(), lines.front().end(), name) - lines.front().begin();
    REQUIRE(at < static_cast<std::ptrdiff_t>(lines.front().size()));
    std::vector<std::string> made;
    for (std::size_t i = 1; i < lines.size(); ++i)
    {
        REQUIRE(lines[i].size() == lines.front().size());
        made.push_back(lines[i][static_cast<std::size_t>(at)]);
    }
    return made;
}

// Fifty at once.
void make_clients(const stage& in, const std::string& key, int count, const std::string& name,
                  const std::string& more = {})
{
    for (int made = 0; made < count; made += 50)
    {
        std::string batch = R"({"commands": [)";
        for (int i = made; i < std::min(made + 50, count); ++i)
            batch += std::string{i > made ? "," : ""} +
                     R"({"method": "POST", "path": "/api/v1/clients", "body": {"name": ")" + name + std::to_string(i) +
                     "\"" + more + "}}";
        REQUIRE(ask(in, key, "POST", "/api/v1/batch", batch + "]}").status == 200);
    }
}
}  // namespace

TEST_CASE("a list as CSV is the whole list, each row once, in the list's order and with its filters")
{
    stage in;
    const auto of = in.new_tenant("csv");
    const auto other = in.new_tenant("other");
    make_clients(in, of.key, 450, "n");
    make_clients(in, other.key, 3, "theirs");

    const auto lines = listed(in, of.key, "/api/v1/clients");
    CHECK(lines.size() == 451);
    const auto ids = column(lines, "id");
    CHECK(std::set<std::string>(ids.begin(), ids.end()).size() == 450);
    const auto names = column(lines, "name");
    CHECK(std::stoi(names.front().substr(1)) >= 400);  // the newest first; those of one batch are of one time
    CHECK(std::none_of(names.begin(), names.end(), [](const auto& name) { return name.starts_with("theirs"); }));

    const auto by_name = column(listed(in, of.key, "/api/v1/clients?sort=name"), "name");
    CHECK(by_name.size() == 450);
    CHECK(std::is_sorted(by_name.begin(), by_name.end()));
    CHECK(column(listed(in, of.key, "/api/v1/clients?q=n44&sort=name"), "name").size() == 11);
    CHECK(listed(in, of.key, "/api/v1/clients?archived=true").size() == 1);  // the header alone
}

TEST_CASE("cells are the item's members, and none of them is a formula")
{
    stage in;
    const auto of = in.new_tenant("cells");
    const auto made = ask(in, of.key, "POST", "/api/v1/projects",
                          R"({"name": "=cmd|' /C calc'!A0", "description": "two\nlines, \"quoted\"",)"
                          R"( "budget": {"amount_minor": 125000, "currency": "EUR"}})");
    REQUIRE(made.status == 201);
    const auto lines = listed(in, of.key, "/api/v1/projects");
    REQUIRE(lines.size() == 2);
    CHECK(column(lines, "name") == cells{"'=cmd|' /C calc'!A0"});
    CHECK(column(lines, "description") == cells{"two\nlines, \"quoted\""});
    CHECK(column(lines, "budget") == cells{R"({"amount_minor":125000,"currency":"EUR"})"});
    CHECK(column(lines, "member_ids") == cells{"[]"});
    CHECK(column(lines, "archived_at") == cells{""});
    CHECK(column(lines, "version") == cells{"1"});
    CHECK(column(lines, "created_at") == cells{value_of(made.body, "created_at")});

    // The header names the members in the order in which the item has them.
    schema::json::document item;
    REQUIRE(item.parse(made.body));
    cells members;
    for (schema::json::members walk{item.root()}; walk.next();)
        members.emplace_back(walk.key);
    CHECK(lines.front() == members);
}

TEST_CASE("every list has the form, under its parent's path as well, and nothing else has it")
{
    stage in;
    const auto of = in.new_tenant("forms");
    const auto project = value_of(ask(in, of.key, "POST", "/api/v1/projects", R"({"name": "P"})").body, "id");
    const auto task = value_of(
        ask(in, of.key, "POST", "/api/v1/tasks", R"({"title": "T", "project_id": ")" + project + "\"}").body, "id");
    const auto comments = "/api/v1/tasks/" + task + "/comments";
    REQUIRE(ask(in, of.key, "POST", comments, R"({"body": "B"})").status == 201);
    for (const auto table : http::all_routes())
        for (const http::route& route : table)
        {
            if (route.method != http::verb::get)
                continue;
            CAPTURE(route.pattern);
            std::string path{route.pattern};
            if (const auto open = path.find("{task_id}"); open != std::string::npos)
                path.replace(open, 9, task);
            const auto reply = ask(in, of.key, "GET", path, "", as_csv);
            if (route.listing != nullptr && route.shape == http::answer_shape::page)
            {
                CHECK(reply.status == 200);
                CHECK(reply.body.starts_with("id,"));
            }
            else if (route.shape == http::answer_shape::activity || route.shape == http::answer_shape::audit)
            {
                CHECK(reply.status == 200);
                CHECK(reply.body.starts_with("event_id,"));
            }
            else if (route.scope != http::needs::nothing)
                CHECK(reply.status == 406);
        }
    CHECK(column(listed(in, of.key, comments), "body") == cells{"B"});
    CHECK(ask(in, of.key, "GET", "/api/v1/tasks/task_01h455vb4pex5vsknk084sn02q/comments", "", as_csv).status == 404);
    CHECK(ask(in, of.key, "POST", "/api/v1/clients", R"({"name": "C"})", as_csv).status == 406);
}

TEST_CASE("JSON stays what a client gets that does not ask for CSV by name, or wants it less")
{
    stage in;
    const auto of = in.new_tenant("accepting");
    const auto type = [&](const std::string& accept) {
        return ask(in, of.key, "GET", "/api/v1/clients", "", {{"Accept", accept}}).header("Content-Type").value_or("");
    };
    for (const char* json :
         {"*/*", "text/*, application/json", "application/json, text/csv;q=0.9", "text/csv;q=0, */*"})
        CHECK_MESSAGE(type(json) == "application/json", json);
    for (const char* csv :
         {"text/csv", "text/csv, */*;q=0.5", "application/json;q=0.8, text/csv", "TEXT/CSV;charset=utf-8", "text/*"})
        CHECK_MESSAGE(type(csv).starts_with("text/csv"), csv);
}

TEST_CASE("answers that Accept makes JSON or CSV say so to caches, whichever form they have")
{
    stage in;
    const auto of = in.new_tenant("varying");
    const auto vary = [&](const std::string& target, const std::string& accept) {
        return ask(in, of.key, "GET", target, "", {{"Accept", accept}}).header("Vary").value_or("");
    };
    for (const char* accept : {"text/csv", "application/json", "image/png"})
        for (const char* both : {"/api/v1/clients", "/api/v1/audit"})
            CHECK(vary(both, accept) == "Accept, Authorization, X-API-Key, Accept-Encoding");
    CHECK(vary("/api/v1/me", "*/*") == "Authorization, X-API-Key, Accept-Encoding");
}

TEST_CASE("a list as CSV has no pages to ask for, and its faults are the list's")
{
    stage in;
    const auto of = in.new_tenant("whole");
    for (const char* query : {"?limit=10", "?offset=1", "?colour=red", "?sort=colour"})
    {
        const auto reply = ask(in, of.key, "GET", std::string{"/api/v1/clients"} + query, "", as_csv);
        CHECK(reply.status == 400);
        CHECK(value_of(reply.body, "code") == "bad_query");
        CHECK(reply.header("Content-Type") == "application/problem+json");
    }
    CHECK(value_of(ask(in, of.key, "GET", "/api/v1/clients?cursor=x", "", as_csv).body, "code") == "bad_cursor");
    CHECK(ask(in, "", "GET", "/api/v1/clients", "", as_csv).status == 401);
}

TEST_CASE("the head says how new the list is, HEAD says the same without a body, and the connection goes on")
{
    stage in;
    const auto of = in.new_tenant("heads");
    const auto write = ask(in, of.key, "POST", "/api/v1/clients", R"({"name": "Ann"})");
    auto line = in.connect();
    const kit::header_list fields{{"Authorization", "Bearer " + of.key},
                                  {"Accept", "text/csv"},
                                  {"Clientflow-Position", write.header("Clientflow-Position").value()}};
    line.request("HEAD", "/api/v1/clients", fields);
    const auto head = line.read(true);
    CHECK(head.status == 200);
    const auto whole = line.exchange("GET", "/api/v1/clients", fields);
    CHECK(whole.header("Clientflow-Position") == write.header("Clientflow-Position"));
    CHECK(whole.header("ETag") == std::nullopt);
    CHECK(column(lines_of(whole.body), "name") == cells{"Ann"});
    CHECK(line.exchange("GET", "/api/v1/me", fields).status == 406);
}

TEST_CASE("a slow client holds one page, and a list that cannot be read to its end is cut off")
{
    stage in;
    const auto of = in.new_tenant("slow");
    constexpr int rows = 1'200;
    std::string notes;
    for (int i = 0; i < 4'000; ++i)
        notes += "\U0001f4ce";
    make_clients(in, of.key, rows, "n", R"(, "notes": ")" + notes + "\"");  // 19 MB: more than sockets hold

    for (const std::string noun : {"client", "audit_log"})
    {
        CAPTURE(noun);
        const std::string target = noun == "client" ? "/api/v1/clients" : "/api/v1/activity";
        auto line = in.connect();
        line.request("GET", target, {{"Authorization", "Bearer " + of.key}, as_csv[0], as_csv[1]});
        CHECK(line.read_head().status == 200);
        // Waits for a page that is being read.
        in.db.run("alter table read." + noun + " rename to thing_gone");
        const auto rest = line.read_to_end();
        in.db.run("alter table read.thing_gone rename to " + noun);
        CHECK(rest.find("n1199") != std::string::npos);
        CHECK(rest.find(noun == "client" ? ",n0," : "\"n0\"") == std::string::npos);
        CHECK_FALSE(rest.ends_with("0\r\n\r\n"));  // nobody takes it for the whole
        CHECK(listed(in, of.key, target).size() == rows + 1);
    }
}

TEST_CASE("a list that is being taken ends with its key")
{
    stage in;
    const auto of = in.new_tenant("revoked");
    std::string notes;
    for (int i = 0; i < 4'000; ++i)
        notes += "\U0001f4ce";
    make_clients(in, of.key, 1'200, "n", R"(, "notes": ")" + notes + "\"");  // more than sockets hold
    const auto reply = ask(in, of.key, "POST", "/api/v1/api-keys", R"({"name": "K", "scopes": ["read"]})");
    auto line = in.connect();
    line.request("GET", "/api/v1/clients",
                 {{"Authorization", "Bearer " + value_of(reply.body, "secret")}, as_csv[0], as_csv[1]});
    CHECK(line.read_head().status == 200);
    CHECK(ask(in, of.key, "DELETE", "/api/v1/api-keys/" + value_of(reply.body, "id")).status == 200);
    kit::await("the connection to be cut", [&] {
        kit::wire figures{in.service->admin_port()};
        return figures.exchange("GET", "/metrics").body.find("\nclientflow_http_connections 0\n") != std::string::npos;
    });
    const auto rest = line.read_to_end();
    CHECK(rest.find(",n0,") == std::string::npos);
    CHECK_FALSE(rest.ends_with("0\r\n\r\n"));
}

TEST_CASE("what was done is CSV, too: all of it, the newest first, with the filters of its pages")
{
    stage in;
    const auto of = in.new_tenant("done");
    const auto other = in.new_tenant("other");
    make_clients(in, of.key, 450, "number-");
    make_clients(in, other.key, 3, "theirs");

    const auto activity = listed(in, of.key, "/api/v1/activity");
    CHECK(activity.front() == cells{"event_id", "type", "version", "occurred_at", "recorded_at", "actor_type",
                                    "actor_id", "on_behalf_of", "request_id", "data", "changes", "entity", "entity_id",
                                    "action"});
    const auto ids = column(activity, "event_id");
    CHECK(ids.size() == 450);
    CHECK(std::set<std::string>(ids.begin(), ids.end()).size() == 450);
    const auto times = column(activity, "recorded_at");
    CHECK(std::is_sorted(times.rbegin(), times.rend()));
    CHECK(column(activity, "data").front().find("\"number-449\"") != std::string::npos);
    CHECK(column(activity, "data").back().find("\"number-0\"") != std::string::npos);

    const auto audit = listed(in, of.key, "/api/v1/audit");
    auto wider = activity.front();
    wider.insert(wider.end(), {"ip", "agent"});
    CHECK(audit.front() == wider);
    CHECK(audit.size() == 454);  // with the birth of the organisation
    CHECK(column(audit, "ip").front() == "127.0.0.1");
    CHECK(column(listed(in, of.key, "/api/v1/audit?action=org.created"), "actor_type") == cells{"operator"});
    CHECK(listed(in, of.key, "/api/v1/activity?q=number-44").size() == 12);
    CHECK(listed(in, of.key, "/api/v1/activity?entity_id=" + column(audit, "entity_id").front()).size() == 2);
    CHECK(listed(in, of.key, "/api/v1/activity?from=2999-01-01").size() == 1);

    for (const char* query : {"?limit=10", "?offset=1", "?colour=red", "?actor=somebody"})
    {
        const auto reply = ask(in, of.key, "GET", std::string{"/api/v1/audit"} + query, "", as_csv);
        CHECK(reply.status == 400);
        CHECK(value_of(reply.body, "code") == "bad_query");
    }
    const auto reader = in.new_key(of, {api_key::scope::read});
    CHECK(ask(in, reader, "GET", "/api/v1/audit", "", as_csv).status == 403);
    CHECK(listed(in, reader, "/api/v1/activity").size() == 451);
}

TEST_CASE("what was done has no formula in its cells, and says of where it came from what was said")
{
    stage in;
    const auto of = in.new_tenant("formulas");
    const kit::header_list sent{{"User-Agent", "=cmd|' /C calc'!A0"}};
    REQUIRE(ask(in, of.key, "POST", "/api/v1/clients", R"({"name": "=1, \"q\""})", sent).status == 201);
    const auto lines = listed(in, of.key, "/api/v1/audit?action=client.created");
    REQUIRE(lines.size() == 2);
    CHECK(column(lines, "agent") == cells{"'=cmd|' /C calc'!A0"});
    CHECK(column(lines, "data").front().find(R"("name":"\u003d1, \"q\"")") != std::string::npos);
    for (const auto& line : lines)
        for (const auto& each : line)
            CHECK_MESSAGE((each.empty() || std::string{"=+-@"}.find(each.front()) == std::string::npos), each);
}

TEST_CASE("a text that only the oldest of much holds is found, though pages before it are empty")
{
    stage in;
    const auto of = in.new_tenant("rare");
    REQUIRE(ask(in, of.key, "POST", "/api/v1/clients", R"({"name": "needle"})").status == 201);
    std::string notes;
    for (int i = 0; i < 4'000; ++i)
        notes += "\U0001f4ce";  // stored sealed: nothing makes it smaller
    make_clients(in, of.key, 600, "n", R"(, "notes": ")" + notes + "\"");
    const auto page = ask(in, of.key, "GET", "/api/v1/activity?q=needle", "", {as_csv[1]});
    REQUIRE(page.body.starts_with(R"({"data":[],"next_cursor":")"));
    const auto found = listed(in, of.key, "/api/v1/activity?q=needle");
    REQUIRE(found.size() == 2);
    CHECK(column(found, "data").front().find("needle") != std::string::npos);
}

TEST_CASE("a key has so many CSV answers under way at once, and one more when one of them has ended")
{
    http_tests::stage_options options;
    options.adjust = [](http::service_config& config) { config.exports_per_key_max = 2; };
    stage in{options};
    const auto of = in.new_tenant("exporting");
    std::string notes;
    for (int i = 0; i < 4'000; ++i)
        notes += "\U0001f4ce";
    make_clients(in, of.key, 1'200, "n", R"(, "notes": ")" + notes + "\"");  // more than sockets hold
    std::vector<kit::wire> taking;
    for (int i = 0; i < 2; ++i)
    {
        taking.push_back(in.connect());
        taking.back().request("GET", "/api/v1/clients", {{"Authorization", "Bearer " + of.key}, as_csv[0], as_csv[1]});
        REQUIRE(taking.back().read_head().status == 200);
    }
    for (const auto* target : {"/api/v1/clients", "/api/v1/projects", "/api/v1/activity", "/api/v1/audit"})
    {
        const auto more = ask(in, of.key, "GET", target, "", as_csv);
        CHECK(more.status == 429);
        CHECK(value_of(more.body, "code") == "rate_limited");
        CHECK(more.header("Retry-After").has_value());
    }
    CHECK(ask(in, of.key, "GET", "/api/v1/clients").status == 200);
    const auto other = in.new_key(of, {api_key::scope::read});
    CHECK(ask(in, other, "GET", "/api/v1/projects", "", as_csv).status == 200);
    taking.pop_back();
    kit::await("an export again", [&] { return ask(in, of.key, "GET", "/api/v1/projects", "", as_csv).status == 200; });

    // One that is refused, or that nobody reads, or that a HEAD asked for, holds no place.
    for (int i = 0; i < 5; ++i)
    {
        CHECK(ask(in, of.key, "GET", "/api/v1/clients?limit=1", "", as_csv).status == 400);
        auto line = in.connect();
        line.request("HEAD", "/api/v1/projects", {{"Authorization", "Bearer " + of.key}, as_csv[0]});
        CHECK(line.read(true).status == 200);
        CHECK(ask(in, of.key, "GET", "/api/v1/projects", "", as_csv).status == 200);
    }
}
