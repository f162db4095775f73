// GET /api/v1/search as a client meets it: fresh, grouped, bounded, refused with words.
#include "tests/integration/http/stage.hpp"
#include "tests/kit/eventually.hpp"

#include <doctest/doctest.h>

#include <string>

namespace
{
using http_tests::ask;
using http_tests::stage;
using http_tests::value_of;

struct office
{
    office() : of(in.new_tenant("office")) {}

    std::string made(const std::string& path, const std::string& body)
    {
        const auto reply = ask(in, of.key, "POST", path, body);
        REQUIRE_MESSAGE(reply.status == 201, reply.body);
        return value_of(reply.body, "id");
    }
    // With what was written before, also on a machine so slow that it takes longer than a read waits.
    kit::reply search(const std::string& query, const std::string& key = {})
    {
        kit::reply found;
        kit::await("the words of all writes are there", [&] {
            found = ask(in, key.empty() ? of.key : key, "GET", "/api/v1/search" + query);
            return !found.header("Clientflow-Stale").has_value();
        });
        return found;
    }

    stage in;
    http_tests::tenant of;
};

const std::string nothing = R"({"data":[],"next_cursor":null,"prev_cursor":null})";
}  // namespace

TEST_CASE_FIXTURE(office, "what was just written is found, with what the contract says of it")
{
    const auto client =
        made("/api/v1/clients", R"({"name": "Meerkat & Co", "email": "secret@hidden.example", "notes": "whisper"})");
    const auto project =
        made("/api/v1/projects", R"({"name": "Launch", "description": "All that the Meerkat asked."})");
    const auto task = made("/api/v1/tasks", R"({"title": "Call meerkat", "project_id": ")" + project + "\"}");
    const auto found = search("?q=MEER");
    CHECK(found.status == 200);
    CHECK(found.body == R"({"data":[{"type":"client","id":")" + client +
                            R"(","title":"Meerkat & Co","snippet":null,"score":75},{"type":"project","id":")" +
                            project +
                            R"(","title":"Launch","snippet":"All that the Meerkat asked.","score":25},{"type":"task",)"
                            R"("id":")" +
                            task +
                            R"(","title":"Call meerkat","snippet":null,"score":75}],"next_cursor":null,)"
                            R"("prev_cursor":null})");
    CHECK(found.header("Clientflow-Position").has_value());
    CHECK_FALSE(found.header("Clientflow-Stale").has_value());

    // A person's values stand in no index of words.
    for (const char* personal : {"secret", "hidden", "whisper", "secret@hidden.example"})
        CHECK(search("?q=" + std::string{personal}).body == nothing);

    CHECK(ask(in, of.key, "DELETE", "/api/v1/clients/" + client).status == 200);
    CHECK(search("?q=meerkat&types=client").body == nothing);
    CHECK(ask(in, of.key, "POST", "/api/v1/clients/" + client + "/restore").status == 200);
    CHECK(search("?q=meerkat&types=clients").body.find(client) != std::string::npos);
}

TEST_CASE_FIXTURE(office, "types and limit choose, several words are all needed, another tenant finds nothing")
{
    const auto project = made("/api/v1/projects", R"({"name": "Red house"})");
    for (const char* title : {"Red door", "Red roof", "Blue roof"})
        made("/api/v1/tasks", R"({"title": ")" + std::string{title} + R"(", "project_id": ")" + project + "\"}");
    const auto count = [&](const std::string& query) {
        const auto reply = search(query);
        REQUIRE_MESSAGE(reply.status == 200, reply.body);
        int hits = 0;
        for (auto at = reply.body.find("\"type\":"); at != std::string::npos; at = reply.body.find("\"type\":", at + 1))
            ++hits;
        return hits;
    };
    CHECK(count("?q=red") == 3);
    CHECK(count("?q=red&types=task") == 2);
    CHECK(count("?q=red&types=client,project") == 1);
    CHECK(count("?q=red&limit=1") == 2);
    CHECK(count("?q=red&limit=1000") == 3);
    CHECK(count("?q=roof+re") == 1);
    CHECK(count("?q=ro%20blue&types=task") == 1);
    CHECK(count("?q=green") == 0);

    const auto other = in.new_tenant("other");
    CHECK(search("?q=red", other.key).body == nothing);
    CHECK(search("?q=red", in.new_key(of, {api_key::scope::read})).body == search("?q=red").body);
    CHECK(ask(in, "", "GET", "/api/v1/search?q=red").status == 401);
}

TEST_CASE_FIXTURE(office, "a search that cannot be read is 400 and names the parameter")
{
    const std::string many_words = "a+b+c+d+e+f+g+h+i";
    for (const auto& [query, parameter] :
         std::initializer_list<std::pair<std::string, std::string>>{{"", "q"},
                                                                    {"?q=", "q"},
                                                                    {"?q=%20", "q"},
                                                                    {"?q=...", "q"},
                                                                    {"?q=" + std::string(201, 'a'), "q"},
                                                                    {"?q=" + many_words, "q"},
                                                                    {"?q=a&q=b", "q"},
                                                                    {"?types=task", "q"},
                                                                    {"?q=a&types=", "types"},
                                                                    {"?q=a&types=task,", "types"},
                                                                    {"?q=a&types=comment", "types"},
                                                                    {"?q=a&limit=0", "limit"},
                                                                    {"?q=a&limit=-99999999999", "limit"},
                                                                    {"?q=a&limit=ten", "limit"},
                                                                    {"?q=a&cursor=x", "cursor"},
                                                                    {"?q=%FF", "query"},
                                                                    {"?q=a%00", "query"}})
    {
        CAPTURE(query);
        const auto reply = search(query);
        CHECK(reply.status == 400);
        CHECK(value_of(reply.body, "code") == "bad_query");
        CHECK_MESSAGE(reply.body.find("\"parameter\":\"" + parameter + "\"") != std::string::npos, reply.body);
    }
    // Whatever can be read is looked for, and means only itself.
    for (const char* query : {"?q=%25%27%3B--x", "?q=%7B%22a%22,null%7D", "?q=%5C", "?q=%24%24x", "?q=%F0%9F%9A%80",
                              "?q=%E6%97%A5%E6%9C%AC%E8%AA%9E", "?q=%F4%8F%BF%BFx"})
    {
        CAPTURE(query);
        const auto reply = search(query);
        CHECK((reply.status == 200 || reply.status == 400));
    }
    CHECK(search("?q=" + std::string(200, 'a')).body == nothing);
}
