// What happened to a thing, and how it was: by version, by the time it was recorded, and by the time it happened.
#include "events/member.hpp"
#include "tests/integration/http/stage.hpp"
#include "tests/kit/eventually.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <utility>
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

struct given_a_client
{
    given_a_client()
    {
        path = "/api/v1/clients/" + made("/api/v1/clients", R"({"name": "Ann", "email": "ann@example.com"})");
        CHECK(send("PATCH", path, R"({"name": "Bob", "phone": "123"})").status == 200);
        CHECK(send("DELETE", path).status == 200);
    }

    kit::reply send(std::string_view method, const std::string& target, const std::string& body = "") const
    {
        return ask(shared(), of.key, method, target, body);
    }
    std::string made(const std::string& at, const std::string& body) const
    {
        const auto reply = send("POST", at, body);
        REQUIRE_MESSAGE(reply.status == 201, reply.body);
        return value_of(reply.body, "id");
    }
    // The cursor behind a version, found by walking.
    std::string cursor_after(const std::string& thing, int version) const
    {
        std::string cursor;
        for (int at = 0; at < version; at += 100)
        {
            const auto limit = std::to_string(std::min(100, version - at));
            const auto page =
                send("GET", thing + "/history?limit=" + limit + (cursor.empty() ? "" : "&cursor=" + cursor));
            cursor = value_of(page.body, "next_cursor");
        }
        return cursor;
    }
    std::string code(const std::string& target) const { return value_of(send("GET", target).body, "code"); }

    static http_tests::tenant fresh()
    {
        static int count = 0;
        return shared().new_tenant("history-" + std::to_string(++count));
    }

    http_tests::tenant of = fresh();
    std::string path;
};
}  // namespace

TEST_CASE_FIXTURE(given_a_client, "a history names every event, who did it and which members it changed")
{
    const auto said = send("GET", path + "/history");
    REQUIRE_MESSAGE(said.status == 200, said.body);
    CHECK(said.header("Clientflow-Position"));
    const auto has = [&](std::string_view text) { return said.body.find(text) != std::string::npos; };
    CHECK(has(R"("type":"client.created","version":1,)"));
    CHECK(has(R"({"pointer":"/name","old":null,"new":"Ann"},{"pointer":"/email","old":null,"new":"ann@example.com"})"));
    CHECK(has(R"([{"pointer":"/name","old":"Ann","new":"Bob"},{"pointer":"/phone","old":null,"new":"123"}])"));
    CHECK(has(R"("type":"client.archived","version":3,)"));
    CHECK(has(R"("pointer":"/archived_at","old":null,"new":"20)"));
    CHECK(has(R"("actor":{"type":"member","id":")" + member::member_id{of.owner}.text() + "\"}"));
    CHECK_FALSE(has("$sealed"));
    CHECK(said.body.find("client.created") < said.body.find("client.archived"));
    CHECK(said.body.ends_with(R"("next_cursor":null,"prev_cursor":null})"));
}

TEST_CASE_FIXTURE(given_a_client, "a history goes by pages, there and back, with cursors of its own")
{
    const auto first = send("GET", path + "/history?limit=2");
    const auto next = value_of(first.body, "next_cursor");
    CHECK(first.body.find("client.archived") == std::string::npos);
    const auto second = send("GET", path + "/history?limit=2&cursor=" + next);
    CHECK(second.body.find("client.archived") != std::string::npos);
    CHECK(second.body.find("client.created") == std::string::npos);
    CHECK(value_of(second.body, "next_cursor") == "null");
    CHECK(send("GET", path + "/history?limit=2&cursor=" + value_of(second.body, "prev_cursor")).body == first.body);

    const auto other = "/api/v1/clients/" + made("/api/v1/clients", R"({"name": "Cid"})");
    CHECK(code(other + "/history?cursor=" + next) == "bad_cursor");
    CHECK(code(path + "/history?cursor=AAAA") == "bad_cursor");
    CHECK(code(path + "/history?limit=0") == "bad_query");
    CHECK(send("GET", path + "/history?limit=9223372036854775808").status == 200);
    CHECK(first.header("Link")->ends_with("rel=\"next\""));
    CHECK(code(path + "/history?limit=1&limit=2") == "bad_query");
    CHECK(code(path + "/history?sort=version") == "bad_query");
}

TEST_CASE_FIXTURE(given_a_client, "a long history is walked window by window, and a page of large events ends early")
{
    const auto task = "/api/v1/tasks/" +
                      made("/api/v1/tasks",
                           R"({"title": "0", "project_id": ")" + made("/api/v1/projects", R"({"name": "P"})") + "\"}");
    for (int i = 1; i <= 600; ++i)
        REQUIRE(send("PATCH", task, R"({"title": ")" + std::to_string(i) + "\"}").status == 200);
    CHECK(value_of(send("GET", task + "?at=550").body, "title") == "549");
    CHECK(value_of(send("GET", task + "?at=601").body, "title") == "600");
    std::string cursor;
    int versions = 0, pages = 0;
    do
    {
        const auto page = send("GET", task + "/history?limit=200" + (cursor.empty() ? "" : "&cursor=" + cursor));
        for (auto at = page.body.find("{\"event_id\""); at != std::string::npos;
             at = page.body.find("{\"event_id\"", at + 1))
            ++versions;
        cursor = value_of(page.body, "next_cursor");
    } while (++pages < 10 && cursor != "null");
    CHECK(versions == 601);
    CHECK(pages == 4);

    for (char c = 'a'; c < 'z'; ++c)
        REQUIRE(send("PATCH", task, R"({"description": ")" + std::string(20'000, c) + "\"}").status == 200);
    const auto walk = [&](const std::string& query, std::string_view member, std::string next = {}) {
        std::vector<std::string> found;
        for (int page = 0; page < 100; ++page)
        {
            const auto said = send("GET", task + "/history?" + query + (next.empty() ? "" : "&cursor=" + next));
            CHECK(said.body.size() < 1'400'000);
            std::vector<std::string> here;
            for (auto at = said.body.find(":\"task."); at != std::string::npos; at = said.body.find(":\"task.", at + 1))
                here.push_back(value_of(said.body.substr(at), "version"));
            found.insert(member == "next_cursor" ? found.end() : found.begin(), here.begin(), here.end());
            const auto beside = value_of(said.body, member);
            if (beside == "null")
                return std::pair{found, next};
            next = beside;
        }
        return std::pair{found, next};
    };
    const auto [forth, last] = walk("limit=200", "next_cursor");
    CHECK(forth.size() == 626);
    const auto back = walk("limit=200", "prev_cursor", last).first;
    CHECK(back == forth);

    const auto large = send("GET", task + "/history?limit=200&cursor=" + cursor_after(task, 601));
    CHECK(large.body.size() < 1'400'000);
    CHECK(value_of(large.body, "next_cursor") != "null");
}

TEST_CASE_FIXTURE(given_a_client, "an item is shown as it was at a version")
{
    const auto first = send("GET", path + "?at=1");
    CHECK(first.header("ETag") == "\"1\"");
    CHECK(value_of(first.body, "name") == "Ann");
    CHECK(value_of(first.body, "archived_at") == "null");
    CHECK(send("GET", path + "?at=3").body == send("GET", path).body);
    CHECK(code(path + "?at=4") == "not_found");
    for (const char* wrong : {"?at=0", "?at=-1", "?at=", "?at=yesterday", "?at=1&at=2", "?at=1&by=occurred",
                              "?at=2999-01-01T00:00:00Z", "?at=2026-01-01T00:00:00Z&by=heart", "?by=recorded", "?x=1"})
        CHECK_MESSAGE(code(path + wrong) == "bad_query", wrong);
}

TEST_CASE_FIXTURE(given_a_client, "an item is shown as it was at a time: recorded, or occurred")
{
    const auto recorded = [&](int version) {
        const auto text = send("GET", path + "/history").body;
        const auto from = text.find("\"version\":" + std::to_string(version) + ",");
        return value_of(text.substr(from), "recorded_at");
    };
    CHECK(value_of(send("GET", path + "?at=" + recorded(1)).body, "name") == "Ann");
    CHECK(value_of(send("GET", path + "?at=" + recorded(2)).body, "name") == "Bob");
    CHECK(code(path + "?at=2020-01-01T00:00:00Z") == "not_found");

    const auto importer = shared().new_key(of, {api_key::scope::write, api_key::scope::read, api_key::scope::import});
    const auto import = [&](std::string_view method, const std::string& to, const std::string& body) {
        return ask(shared(), importer, method, to, body);
    };
    // The importer sees its own writes; another key might look too early.
    const auto born = import("POST", "/api/v1/clients", R"({"name": "Old", "occurred_at": "2021-05-01T10:00:00Z"})");
    const auto old = "/api/v1/clients/" + value_of(born.body, "id");
    CHECK(import("PATCH", old, R"({"name": "Older", "occurred_at": "2022-05-01T10:00:00Z"})").status == 200);
    CHECK(value_of(import("GET", old + "?at=2021-06-01T00:00:00Z&by=occurred", "").body, "name") == "Old");
    CHECK(value_of(import("GET", old + "?at=2022-05-01T12:00:00%2B02:00&by=occurred", "").body, "name") == "Older");
    CHECK(value_of(import("GET", old + "?at=2021-06-01T00:00:00Z&by=recorded", "").body, "code") == "not_found");
    CHECK(value_of(import("GET", old + "?at=2021-04-01T00:00:00Z&by=occurred", "").body, "code") == "not_found");
}

TEST_CASE_FIXTURE(given_a_client, "the past of somebody else's thing is as little there as the thing itself")
{
    const auto stranger = given_a_client::fresh();
    const auto nobody = ask(shared(), stranger.key, "GET", "/api/v1/clients/client_01hz3v5k8qe2r9w7x4n6m1t0ab/history");
    for (const auto& target : {path + "/history", path + "?at=1", path})
    {
        const auto refused = ask(shared(), stranger.key, "GET", target);
        CHECK(refused.status == 404);
        CHECK(value_of(refused.body, "detail") == value_of(nobody.body, "detail"));
    }
    const auto task = "/api/v1/tasks/" +
                      made("/api/v1/tasks",
                           R"({"title": "T", "project_id": ")" + made("/api/v1/projects", R"({"name": "P"})") + "\"}");
    const auto comment = made(task + "/comments", R"({"body": "Look"})");
    CHECK(send("GET", task + "/comments/" + comment + "/history").status == 200);
    CHECK(send("GET", task + "/comments/" + comment + "?at=1").status == 200);
    const auto elsewhere =
        "/api/v1/tasks/" + made("/api/v1/tasks", R"({"title": "U", "project_id": ")" +
                                                     made("/api/v1/projects", R"({"name": "Q"})") + "\"}");
    CHECK(code(elsewhere + "/comments/" + comment + "/history") == "not_found");
}

TEST_CASE("with snapshots, histories and things as they were are what they are without")
{
    http_tests::stage_options options;
    options.snapshots_every = 7;
    http_tests::stage in{options};
    const auto of = in.new_tenant("snapshots");
    const auto made = ask(in, of.key, "POST", "/api/v1/clients", R"({"name": "1", "email": "ann@example.com"})");
    REQUIRE(made.status == 201);
    const auto path = "/api/v1/clients/" + value_of(made.body, "id");
    std::vector<std::string> answered{made.body};
    for (int version = 2; version <= 40; ++version)
    {
        const auto body = R"({"name": ")" + std::to_string(version) + "\"}";
        const auto changed = ask(in, of.key, "PATCH", path, body);
        REQUIRE(changed.status == 200);
        answered.push_back(changed.body);
    }
    CHECK(kit::eventually([&] { return in.snapshots->look().written == 5; }));

    for (std::size_t version = 1; version <= answered.size(); ++version)
    {
        const auto& then = answered[version - 1];
        CHECK(ask(in, of.key, "GET", path + "?at=" + std::to_string(version)).body == then);
        // What was told when it was written is not earlier than what was recorded, nor later than the next.
        const auto happened = ask(in, of.key, "GET", path + "?by=occurred&at=" + value_of(then, "updated_at"));
        CHECK(value_of(happened.body, "version") == std::to_string(version));
    }
    CHECK(ask(in, of.key, "GET", path + "?at=41").status == 404);
    CHECK(value_of(ask(in, of.key, "GET", path + "?at=2999-01-01T00:00:00Z").body, "code") == "bad_query");
    CHECK(in.snapshots->look().used > 60);

    // Page by page, there and back, as in one.
    const auto whole = ask(in, of.key, "GET", path + "/history").body;
    const auto entries = [](const std::string& page) { return page.substr(9, page.rfind("],\"next_cursor\"") - 9); };
    std::string forth, cursor, last;
    std::vector<std::string> pages;
    do
    {
        const auto page =
            ask(in, of.key, "GET", path + "/history?limit=6" + (cursor.empty() ? "" : "&cursor=" + cursor));
        REQUIRE(page.status == 200);
        pages.push_back(entries(page.body));
        forth += (forth.empty() ? "" : ",") + pages.back();
        cursor = value_of(page.body, "next_cursor");
        last = value_of(page.body, "prev_cursor");
    } while (cursor != "null");
    CHECK(forth == entries(whole));
    for (auto before = pages.rbegin() + 1; before != pages.rend(); ++before)
    {
        const auto page = ask(in, of.key, "GET", path + "/history?limit=6&cursor=" + last);
        CHECK(entries(page.body) == *before);
        last = value_of(page.body, "prev_cursor");
    }
    CHECK(in.snapshots->look().damaged + in.snapshots->look().foreign + in.snapshots->look().unwritten == 0);
}

TEST_CASE_FIXTURE(given_a_client, "the organisation and its keys have a past, too, without what a key is known by")
{
    CHECK(send("PATCH", "/api/v1/org", R"({"name": "Renamed"})").status == 200);
    const auto page = send("GET", "/api/v1/org/history?limit=200");
    CHECK_MESSAGE(page.status == 200, page.body);
    CHECK(page.body.find("\"new\":\"Renamed\"") != std::string::npos);
    CHECK(value_of(send("GET", "/api/v1/org?at=1").body, "version") == "1");
    CHECK(value_of(send("GET", "/api/v1/org?at=1").body, "name") != "Renamed");
    CHECK(value_of(send("GET", "/api/v1/org").body, "name") == "Renamed");

    const auto key = "/api/v1/api-keys/" + made("/api/v1/api-keys", R"({"name": "robot", "scopes": ["read"]})");
    CHECK(send("DELETE", key).status == 200);
    const auto told = send("GET", key + "/history");
    CHECK_MESSAGE(told.status == 200, told.body);
    CHECK(told.body.find("api_key.revoked") != std::string::npos);
    CHECK_MESSAGE(told.body.find("digest") == std::string::npos, told.body);
    CHECK(value_of(send("GET", key + "?at=1").body, "archived_at") == "null");
    const auto stranger = fresh();
    CHECK(ask(shared(), stranger.key, "GET", key + "/history").status == 404);
}
