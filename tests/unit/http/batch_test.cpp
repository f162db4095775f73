// The body of a batch as text: what is read, and what is refused with which pointers.
#include "http/server/batch.hpp"

#include <doctest/doctest.h>

#include <string>

namespace
{
std::string told(const std::string& body)
{
    const auto read = http::read_batch(body);
    if (read)
        return std::to_string(read->commands.size()) + (read->atomic ? " atomic" : "");
    std::string made;
    for (const auto& fault : read.error())
        made += fault.where + ' ' + std::string{fault.code} + ';';
    return made;
}

std::string of_one(const std::string& members) { return R"({"commands": [{)" + members + "}]}"; }
}  // namespace

TEST_CASE("a batch is read as the requests it stands for")
{
    const auto read = http::read_batch(R"({"atomic": true, "commands": [
        {"method": "POST", "path": "/api/v1/clients", "body": {"name": "\u00c4", "n": 60.0, "m": 1e2, "k": [1, null]},
         "idempotency_key": "k", "if_match": "\"3\""},
        {"method": "DELETE", "path": "/api/v1/clients/x?y=1", "body": null,
         "idempotency_key": null, "if_match": null}]})");
    REQUIRE(read);
    CHECK(read->atomic);
    REQUIRE(read->commands.size() == 2);
    CHECK(read->commands[0].method == http::verb::post);
    CHECK(read->commands[0].path == "/api/v1/clients");
    CHECK(read->commands[0].body == "{\"name\":\"\u00c4\",\"n\":60.0,\"m\":100.0,\"k\":[1,null]}");  // no integers
    CHECK(read->commands[0].idempotency_key == "k");
    CHECK(read->commands[0].if_match == "\"3\"");
    CHECK(read->commands[1].body.empty());
    CHECK_FALSE(read->commands[1].idempotency_key);
    CHECK_FALSE(read->commands[1].if_match);
}

TEST_CASE("faults of form are told all at once, where they are")
{
    CHECK(told("{") == "# malformed;");
    CHECK(told("[]") == "# mistyped;");
    CHECK(told("{}") == "#/commands required;");
    CHECK(told(R"({"commands": {}})") == "#/commands mistyped;");
    CHECK(told(R"({"commands": []})") == "#/commands too_short;");
    CHECK(told(R"({"commands": [7], "atomic": 1, "a/b": 1})") ==
          "#/commands/0 mistyped;#/atomic mistyped;#/a-b unknown;");
    CHECK(told(of_one("")) == "#/commands/0/method required;#/commands/0/path required;");
    CHECK(told(of_one(R"("method": "GET", "path": "/x")")) == "#/commands/0/method not_one_of;");
    CHECK(told(of_one(R"("method": "post", "path": "/x")")) == "#/commands/0/method not_one_of;");
    CHECK(told(of_one(R"("method": "POST", "path": "x")")) == "#/commands/0/path format;");
    CHECK(told(of_one(R"("method": "POST", "path": "/x\r\nX: y")")) == "#/commands/0/path format;");
    CHECK(told(of_one(R"("method": "POST", "path": 7, "x": 1)")) ==
          "#/commands/0/path mistyped;#/commands/0/path format;#/commands/0/x unknown;");
    CHECK(told(of_one(R"("method": "POST", "path": "/x", "idempotency_key": 7, "if_match": [])")) ==
          "#/commands/0/idempotency_key mistyped;#/commands/0/if_match mistyped;");
}

TEST_CASE("a batch holds no batches, and no more commands than its bound")
{
    CHECK(told(of_one(R"("method": "POST", "path": "/api/v1/batch")")) == "#/commands/0/path invalid;");
    CHECK(told(of_one(R"("method": "POST", "path": "/api/v1/batch?x")")) == "#/commands/0/path invalid;");
    std::string many;
    for (int i = 0; i < 100; ++i)
        many += R"({"method": "POST", "path": "/x"},)";
    CHECK(told(R"({"commands": [)" + many.substr(0, many.size() - 1) + "]}") == "100");
    CHECK(told(R"({"commands": [)" + many + R"({"method": "POST", "path": "/x"}]})") == "#/commands too_many;");
}

TEST_CASE("an atomic batch names an idempotency key once, however it is spelt")
{
    const std::string twice = R"("commands": [{"method": "POST", "path": "/x", "idempotency_key": "k"},
        {"method": "POST", "path": "/x", "idempotency_key": "\"k\""}]})";
    CHECK(told(R"({"atomic": true, )" + twice) == "#/commands/1/idempotency_key duplicate;");
    CHECK(told("{" + twice) == "2");
}

TEST_CASE("an answer of a batch is what the connection would have written")
{
    http::reply said;
    said.status = 201;
    said.content_type = "application/json";
    said.body = R"({"id":"x"})";
    said.add("ETag", "\"1\"");
    said.add("Location", "/api/v1/things/x");
    std::string text;
    schema::json_writer out{text};
    http::write_batched(out, said);
    CHECK(text == R"({"status":201,"headers":{"Content-Type":"application/json","ETag":"\"1\"",)"
                  R"("Location":"/api/v1/things/x"},"body":{"id":"x"}})");
}
