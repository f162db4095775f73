// Every refusal of the contract's table that the edge itself makes, and what each must carry.
#include "commands/org.hpp"
#include "events/client.hpp"
#include "events/log/meta.hpp"
#include "events/task.hpp"
#include "http/server/position_token.hpp"
#include "tests/integration/http/stage.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <stdexcept>
#include <string>
#include <vector>

namespace
{
using http_tests::ask;
using http_tests::stage;
using http_tests::value_of;

struct house
{
    stage in;
    http_tests::tenant of = in.new_tenant("refusals");
};

house& shared()
{
    static house made;
    return made;
}

// "status code", and the promises that hold for every problem.
std::string told(const kit::reply& reply)
{
    CHECK(reply.header("Content-Type") == "application/problem+json");
    CHECK(reply.header("X-Request-Id").has_value());
    CHECK(value_of(reply.body, "request_id") == *reply.header("X-Request-Id"));
    CHECK(value_of(reply.body, "status") == std::to_string(reply.status));
    CHECK(value_of(reply.body, "applied") == "no");
    CHECK(value_of(reply.body, "type") == "/problems/" + value_of(reply.body, "code"));
    CHECK(value_of(reply.body, "error") == value_of(reply.body, "detail"));
    return std::to_string(reply.status) + ' ' + value_of(reply.body, "code");
}

std::string refused(std::string_view method, std::string_view target, std::string_view body = {},
                    kit::header_list more = {})
{
    return told(ask(shared().in, shared().of.key, method, target, body, std::move(more)));
}

kit::reply without_key(std::string_view method, std::string_view target, kit::header_list headers,
                       std::string_view body = {})
{
    auto wire = shared().in.connect();
    return wire.exchange(method, target, headers, body);
}

// Who sent the command that made this client, as the log holds it.
event_log::meta how_made(stage& in, const http_tests::tenant& of, const std::string& id)
{
    event_log::store_config where;
    where.dsn = in.db.dsn();
    const event_log::stream_ask asked{{of.id, "client", client::client_id::parse(id)->value}};
    const auto first = event_log::store{where}.load({&asked, 1}, {}).streams.front().at(0);
    return event_log::read_meta(first.meta, in.keys->opener_for(of.id, first.event_id).get());
}
}  // namespace

TEST_CASE("no key, a broken key, an unknown key, and two different ones")
{
    auto& h = shared();
    const auto missing = without_key("GET", "/api/v1/me", {});
    CHECK(told(missing) == "401 unauthenticated");
    CHECK(missing.header("WWW-Authenticate") == "Bearer");
    CHECK(missing.body.find("sent as X-API-Key: KEY or as Authorization: Bearer KEY.") != std::string::npos);
    auto broken = h.of.key;
    broken.back() = broken.back() == 'a' ? 'b' : 'a';
    const auto unknown = api_key::mint(api_key::audience::organisation, std::array<std::uint8_t, 20>{7}).key;
    const auto is_401 = [&](kit::header_list headers) {
        return told(without_key("GET", "/api/v1/me", std::move(headers))) == "401 unauthenticated";
    };
    CHECK(is_401({{"Authorization", "Bearer " + broken}}));
    CHECK(is_401({{"Authorization", "Bearer " + unknown}}));
    CHECK(is_401({{"Authorization", "Basic " + h.of.key}}));
    CHECK(is_401({{"Authorization", h.of.key}}));
    CHECK(is_401({{"Cookie", "key=" + h.of.key}}));
    CHECK(is_401({{"Authorization", "Bearer " + h.of.key}, {"X-API-Key", unknown}}));
    CHECK(is_401({{"X-API-Key", h.of.key}, {"X-API-Key", unknown}}));
    CHECK(told(without_key("GET", "/api/v1/me?api_key=" + h.of.key, {})) == "401 unauthenticated");
    CHECK(without_key("GET", "/api/v1/me", {{"X-API-Key", h.of.key}}).status == 200);
    CHECK(without_key("GET", "/api/v1/me", {{"authorization", "bearer " + h.of.key}}).status == 200);
    CHECK(without_key("GET", "/api/v1/me", {{"Authorization", "Bearer " + h.of.key}, {"X-API-Key", h.of.key}}).status ==
          200);
}

TEST_CASE("scopes: what a key may not do it may know exists")
{
    auto& h = shared();
    const auto reader = h.in.new_key(h.of, {api_key::scope::read});
    const auto writer = h.in.new_key(h.of, {api_key::scope::write});
    CHECK(told(ask(h.in, reader, "POST", "/api/v1/clients", R"({"name": "C"})")) == "403 forbidden");
    CHECK(ask(h.in, writer, "GET", "/api/v1/clients").status == 200);
    CHECK(ask(h.in, writer, "POST", "/api/v1/clients", R"({"name": "C"})").status == 201);
    CHECK(told(ask(h.in, writer, "PATCH", "/api/v1/org", "{}")) == "403 forbidden");
    CHECK(told(ask(h.in, writer, "POST", "/api/v1/api-keys", R"({"name": "K"})")) == "403 forbidden");
    CHECK(told(ask(h.in, writer, "POST", "/api/v1/members", R"({"email": "a@b.org", "name": "A"})")) ==
          "403 forbidden");
    const auto importer = h.in.new_key(h.of, {api_key::scope::import});
    CHECK(told(ask(h.in, importer, "GET", "/api/v1/me")) == "403 forbidden");
    CHECK(told(ask(h.in, importer, "GET", "/api/v1/clients")) == "403 forbidden");
    const auto both = h.in.new_key(h.of, {api_key::scope::import, api_key::scope::read});
    CHECK(ask(h.in, both, "GET", "/api/v1/me").status == 200);
}

TEST_CASE("paths and methods")
{
    CHECK(refused("GET", "/api/v1/nothing") == "404 not_found");
    CHECK(refused("GET", "/") == "404 not_found");
    CHECK(ask(shared().in, shared().of.key, "GET", "/api/v1/nothing").body.find("GET /api/openapi.json lists them.") !=
          std::string::npos);
    CHECK(refused("GET", "/api/v1/projects/nonsense") == "404 not_found");
    CHECK(refused("GET", "/api/v1/projects/task_01h455vb4pex5vsknk084sn02q") == "404 not_found");
    CHECK(refused("GET", "/api/v1/clients%2F") == "404 not_found");
    for (const std::string path : {"/problems/%09", "/problems/%F1%B4", "/api/v1/clients%2F"})
        CHECK(told(ask(shared().in, "no key", "GET", path)) == "404 not_found");  // whoever asks
    CHECK(told(ask(shared().in, "no key", "GET", "/api/v1/nothing")) == "401 unauthenticated");
    CHECK(ask(shared().in, shared().of.key, "GET", "/api/v1/%63lients").status == 200);
    const auto put = ask(shared().in, shared().of.key, "PUT", "/api/v1/projects", "{}");
    CHECK(told(put) == "405 method_not_allowed");
    CHECK(put.header("Allow") == "GET, HEAD, POST, OPTIONS");
    CHECK(refused("BREW", "/api/v1/projects") == "405 method_not_allowed");
}

TEST_CASE("OPTIONS says what is offered, and lets browsers in without credentials")
{
    const auto options = without_key("OPTIONS", "/api/v1/projects/x", {});
    CHECK(options.status == 204);
    CHECK(options.header("Allow") == "GET, HEAD, PATCH, DELETE, OPTIONS");
    CHECK(options.header("Accept-Patch") == "application/merge-patch+json, application/json");
    const auto preflight = without_key("OPTIONS", "/api/v1/projects",
                                       {{"Origin", "https://a.example"}, {"Access-Control-Request-Method", "POST"}});
    CHECK(preflight.status == 204);
    CHECK(preflight.header("Access-Control-Allow-Origin") == "*");
    CHECK(preflight.header("Access-Control-Allow-Methods") == "GET, HEAD, POST, OPTIONS");
    CHECK(preflight.header("Access-Control-Max-Age") == "3600");
    CHECK(preflight.header("Access-Control-Allow-Headers")->find("Idempotency-Key") != std::string::npos);
    CHECK_FALSE(preflight.header("Access-Control-Allow-Credentials").has_value());
    const auto plain = ask(shared().in, shared().of.key, "GET", "/api/v1/me");
    CHECK(plain.header("Access-Control-Allow-Origin") == "*");
    CHECK(plain.header("Access-Control-Expose-Headers")->find("Clientflow-Position") != std::string::npos);
    CHECK(plain.header("Cache-Control") == "private, no-cache");
    CHECK(plain.header("Vary") == "Authorization, X-API-Key, Accept-Encoding");
}

TEST_CASE("media types and encodings, both ways")
{
    auto& h = shared();
    const auto post = [&](kit::header_list headers) {
        headers.emplace_back("Authorization", "Bearer " + h.of.key);
        return without_key("POST", "/api/v1/clients", headers, R"({"name": "C"})");
    };
    const auto text = post({{"Content-Type", "text/plain"}});
    CHECK(told(text) == "415 unsupported_media_type");
    CHECK(text.header("Accept") == "application/json");
    CHECK(text.body.find("The body is read as application/json, in UTF-8") != std::string::npos);
    CHECK(told(post({})) == "415 unsupported_media_type");
    CHECK(told(post({{"Content-Type", "application/json; charset=latin1"}})) == "415 unsupported_media_type");
    CHECK(told(post({{"Content-Type", "application/json"}, {"Content-Encoding", "gzip"}})) ==
          "415 unsupported_media_type");
    CHECK(told(post({{"Content-Type", "application/merge-patch+json"}})) == "415 unsupported_media_type");
    CHECK(post({{"Content-Type", "application/json; charset=utf-8"}}).status == 201);
    CHECK(refused("GET", "/api/v1/clients", "", {{"Accept", "image/png"}}) == "406 not_acceptable");
    CHECK(ask(h.in, h.of.key, "GET", "/api/v1/clients", "", {{"Accept", "image/png"}})
              .body.find("it is application/json or text/csv.") != std::string::npos);
    CHECK(ask(h.in, h.of.key, "GET", "/api/v1/clients", "", {{"Accept", "text/html, */*;q=0.1"}}).status == 200);
}

TEST_CASE("bytes that are no JSON are malformed, JSON that is not as it must be is invalid")
{
    const auto post = [](std::string_view body) { return refused("POST", "/api/v1/clients", body); };
    CHECK(post("{\"name\": \"A\"") == "400 malformed");
    CHECK(post("{\"name\": \"A\"} x") == "400 malformed");
    CHECK(post("{\"name\": nope}") == "400 malformed");
    CHECK(post("{\"name\": \"A\", \"name\": \"B\"}") == "400 malformed");
    CHECK(post("{\"name\": \"\xff\"}") == "400 malformed");
    CHECK(post("{\"name\": \"\\ud800\"}") == "400 malformed");
    CHECK(post("{\"name\": 9223372036854775808}") == "400 malformed");
    CHECK(post("{\"name\": 1e400}") == "400 malformed");
    CHECK(post(std::string(40, '[') + std::string(40, ']')) == "400 malformed");
    CHECK(post("[]") == "422 invalid");
    CHECK(post("null") == "422 invalid");
    CHECK(post("{\"name\": 5}") == "422 invalid");
    CHECK(post("{\"name\": \"a\\u0000b\"}") == "422 invalid");
    CHECK(post("{\"name\": \"A\", \"version\": 3}") == "422 invalid");
    CHECK(refused("POST", "/api/v1/clients") == "400 malformed");
    CHECK(refused("POST", "/api/v1/clients", "{\"name\": \"" + std::string(300'000, 'a') + "\"}") == "413 too_large");
}

TEST_CASE("parameters and headers that cannot be read")
{
    CHECK(refused("GET", "/api/v1/clients?limit=0") == "400 bad_query");
    CHECK(refused("GET", "/api/v1/clients?nonsense=1") == "400 bad_query");
    CHECK(refused("GET", "/api/v1/clients?name=%zz") == "400 bad_query");
    CHECK(refused("GET", "/api/v1/clients?cursor=nonsense") == "400 bad_cursor");
    CHECK(refused("GET", "/api/v1/dashboard?client_id=x") == "400 bad_query");
    CHECK(refused("POST", "/api/v1/clients?x=1", R"({"name": "A"})") == "400 bad_query");
    const auto key = ask(shared().in, shared().of.key, "POST", "/api/v1/clients", R"({"name": "A"})",
                         {{"Idempotency-Key", std::string(256, 'k')}});
    CHECK(told(key) == "400 bad_query");
    CHECK(key.body.find("{\"header\":\"Idempotency-Key\"") != std::string::npos);
}

TEST_CASE("If-Match: empty is refused, several lines are one list, and what is not there comes first")
{
    auto& h = shared();
    const auto made = ask(h.in, h.of.key, "POST", "/api/v1/clients", R"({"name": "A"})");
    const auto path = "/api/v1/clients/" + value_of(made.body, "id");
    const auto empty = ask(h.in, h.of.key, "PATCH", path, "{}", {{"If-Match", ""}});
    CHECK(told(empty) == "400 bad_query");
    CHECK(empty.body.find("{\"header\":\"If-Match\"") != std::string::npos);
    CHECK(ask(h.in, h.of.key, "PATCH", path, "{}", {{"If-Match", "\"7\""}, {"If-Match", "\"1\""}}).status == 200);
    CHECK(refused("PATCH", path, "{}", {{"If-Match", "\"7\""}, {"If-Match", "\"8\""}}) == "412 version_mismatch");

    const auto create = [&](const std::string& at, const std::string& body) {
        return value_of(ask(h.in, h.of.key, "POST", at, body).body, "id");
    };
    const auto project = create("/api/v1/projects", R"({"name": "P"})");
    const auto task = R"({"title": "T", "project_id": ")" + project + "\"}";
    const auto here = "/api/v1/tasks/" + create("/api/v1/tasks", task) + "/comments";
    const auto there = "/api/v1/tasks/" + create("/api/v1/tasks", task) + "/comments";
    const auto comment = "/" + create(here, R"({"body": "B"})");
    CHECK(refused("PATCH", there + comment, "{}", {{"If-Match", "\"7\""}}) == "404 not_found");
    const auto late = ask(h.in, h.of.key, "PATCH", here + comment, "{}", {{"If-Match", "\"7\""}});
    CHECK(told(late) == "412 version_mismatch");
    CHECK(late.header("ETag") == "\"1\"");
    CHECK(ask(h.in, h.of.key, "PATCH", here + comment, "{}", {{"If-Match", "\"1\""}}).status == 200);
    CHECK(refused("PATCH", here + "/" + h.of.key_id, "{}", {{"If-Match", "\"1\""}}) == "404 not_found");
}

TEST_CASE("the id of zeros is nobody's")
{
    auto& h = shared();
    const auto nil = [&](const std::string& path, const std::string& prefix, const std::string& more) {
        const auto said =
            ask(h.in, h.of.key, "POST", path, R"({"id": ")" + prefix + std::string(26, '0') + R"(", )" + more + "}");
        CHECK(said.body.find("{\"pointer\":\"#/id\"") != std::string::npos);
        return told(said);
    };
    CHECK(nil("/api/v1/clients", "client_", R"("name": "A")") == "422 invalid");
    CHECK(nil("/api/v1/api-keys", "key_", R"("name": "A")") == "422 invalid");
    const auto task = "/api/v1/tasks/" + task::task_id{h.in.new_id()}.text();
    CHECK(nil(task + "/comments", "comment_", R"("body": "A")") == "422 invalid");
}

TEST_CASE("a refusal after the head keeps what the head said: the request's id, its path, the limits")
{
    auto& h = shared();
    const auto key = h.in.new_key(h.of, {api_key::scope::write}, 50);
    const auto large = ask(h.in, key, "POST", "/api/v1/clients", "{\"name\": \"" + std::string(300'000, 'a') + "\"}",
                           {{"X-Request-Id", "large-request"}});
    CHECK(told(large) == "413 too_large");
    CHECK(large.header("X-Request-Id") == "large-request");
    CHECK(value_of(large.body, "instance") == "/api/v1/clients");
    CHECK(large.header("RateLimit-Policy") == "\"key\";q=50;w=60");
    CHECK(h.in.journal.text().find("access large-request POST /api/v1/clients 413 too_large org_") !=
          std::string::npos);
    kit::wire admin{h.in.service->admin_port()};
    CHECK(admin.exchange("GET", "/metrics")
              .body.find("clientflow_http_request_duration_seconds_count{route=\"createClient\",status=\"4xx\"}") !=
          std::string::npos);
}

TEST_CASE("a body that took its time leaves the command its own")
{
    http_tests::stage_options options;
    options.adjust = [](http::service_config& config) {
        config.command_time_max = std::chrono::milliseconds{2'000};
        config.api.body_time_grace = std::chrono::milliseconds{20'000};
    };
    stage in{options};
    const auto of = in.new_tenant("slow");
    const std::string body = R"({"name": "C"})";
    auto wire = in.connect();
    wire.send("POST /api/v1/clients HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nX-API-Key: " + of.key +
              "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n");
    const auto over = std::chrono::steady_clock::now() + std::chrono::milliseconds{2'100};
    CHECK(kit::eventually([&] { return std::chrono::steady_clock::now() > over; }));
    wire.send(body);
    CHECK(wire.read().status == 201);
}

TEST_CASE("a fault after a command was handed over leaves its outcome unknown, one before does not")
{
    std::atomic<bool> fails{false};
    http_tests::stage_options options;
    options.incarnation = [&] { return fails ? throw std::runtime_error("a fault of ours") : std::string{"1.1"}; };
    stage in{options};
    const auto of = in.new_tenant("faulty");
    REQUIRE(ask(in, of.key, "GET", "/api/v1/me").status == 200);
    fails = true;
    const auto written = ask(in, of.key, "POST", "/api/v1/clients", R"({"name": "C"})");
    CHECK(written.status == 500);
    CHECK(value_of(written.body, "applied") == "unknown");
    const auto token = http::write_position({"1.1", {0, 1}});
    const auto read = ask(in, of.key, "GET", "/api/v1/clients", "", {{"Clientflow-Position", token}});
    CHECK(read.status == 500);
    CHECK(value_of(read.body, "applied") == "no");
    fails = false;
}

TEST_CASE("answers made of a refusal or of several reads say how new they are")
{
    auto& h = shared();
    const auto of = h.in.new_tenant("positions");
    const auto id = client::client_id{h.in.new_id()}.text();
    CHECK(ask(h.in, of.key, "POST", "/api/v1/clients", R"({"id": ")" + id + R"(", "name": "C"})").status == 201);
    const auto other = ask(h.in, of.key, "POST", "/api/v1/clients", R"({"id": ")" + id + R"(", "name": "D"})");
    CHECK(told(other) == "409 already_exists");
    CHECK(other.header("Clientflow-Position").has_value());
    const auto unknown = client::client_id{h.in.new_id()}.text();
    const auto task = task::task_id{h.in.new_id()}.text();
    const auto key = api_key::key_id{h.in.new_id()}.text();
    for (const auto& path : {"/api/v1/tasks/" + task + "/comments", "/api/v1/dashboard?client_id=" + unknown,
                             "/api/v1/api-keys/" + key + "/usage", "/api/v1/clients/" + unknown})
    {
        const auto missing = ask(h.in, of.key, "GET", path);
        CAPTURE(path);
        CHECK(told(missing) == "404 not_found");
        CHECK(missing.header("Clientflow-Position").has_value());
    }
}

TEST_CASE("a request id is kept when it can be, and a problem has a page")
{
    CHECK(ask(shared().in, shared().of.key, "GET", "/api/v1/me", "", {{"X-Request-Id", "my-own.id_1"}})
              .header("X-Request-Id") == "my-own.id_1");
    CHECK(ask(shared().in, shared().of.key, "GET", "/api/v1/me", "", {{"X-Request-Id", "short"}})
              .header("X-Request-Id")
              ->starts_with("req_"));
    const auto page = without_key("GET", "/problems/member.last_owner", {{"Accept", "text/html"}});
    CHECK(page.status == 200);
    CHECK(page.header("Content-Type") == "text/html; charset=utf-8");
    CHECK(without_key("GET", "/problems/nonsense", {}).status == 404);
    const auto document = without_key("GET", "/api/openapi.json", {});
    CHECK(document.status == 200);
    CHECK(document.body.starts_with("{\"openapi\":\"3.1.0\""));
}

TEST_CASE("a request without a valid key is counted against its peer, whatever addresses it claims to forward")
{
    http_tests::stage_options options;
    options.adjust = [](http::service_config& config) { config.address_per_minute = 5; };
    options.projections = false;
    stage in{options};
    const auto pretending = [&](int i) {
        const auto claimed = "198.51.100." + std::to_string(i);
        return ask(in, "", "GET", "/api/v1/me", "",
                   {{"X-Forwarded-For", claimed},
                    {"Forwarded", "for=" + claimed},
                    {"X-Real-IP", claimed},
                    {"True-Client-IP", claimed},
                    {"CF-Connecting-IP", claimed}});
    };
    for (int i = 0; i < 5; ++i)
        CHECK(told(pretending(i)) == "401 unauthenticated");
    CHECK(told(pretending(5)) == "429 rate_limited");
}

TEST_CASE("the log names the peer and the journal its network, not the address that it claims to forward")
{
    auto& h = shared();
    const auto of = h.in.new_tenant("forwarded");
    const std::string claimed = "198.51.100.77";
    const auto made = ask(h.in, of.key, "POST", "/api/v1/clients", R"({"name": "C"})",
                          {{"X-Forwarded-For", claimed}, {"Forwarded", "for=" + claimed}, {"X-Real-IP", claimed}});
    REQUIRE(made.status == 201);
    CHECK(how_made(h.in, of, value_of(made.body, "id")).ip == "127.0.0.1");
    CHECK(h.in.journal.text().find(" from 127.0.0.0/24\n") != std::string::npos);
    CHECK(h.in.journal.text().find("198.51.100") == std::string::npos);
}

TEST_CASE("nothing secret is logged")
{
    auto& h = shared();
    const auto secret = "canary-" + h.in.new_id().text();
    ask(h.in, h.of.key, "POST", "/api/v1/clients", R"({"name": ")" + secret + R"(", "email": 5})",
        {{"X-Forwarded-For", secret}, {"Forwarded", "for=" + secret}, {"User-Agent", secret}, {"Cookie", secret}});
    ask(h.in, "", "GET", "/api/v1/" + secret + "?key=" + secret, "", {{"X-API-Key", secret}});
    CHECK(h.in.journal.text().find(secret) == std::string::npos);
    CHECK(h.in.journal.text().find(h.of.key) == std::string::npos);
    CHECK(h.in.journal.text().find("422 invalid org_") != std::string::npos);
}

TEST_CASE("limits: by address without a key, by key with one, and an own rate")
{
    http_tests::stage_options options;
    options.adjust = [](http::service_config& config) {
        config.address_per_minute = 5;
        config.key_per_minute = 3;
    };
    stage in{options};
    const auto of = in.new_tenant("limits");
    const auto usual = in.new_key(of, {api_key::scope::read}, std::nullopt);
    const auto own = in.new_key(of, {api_key::scope::read}, 7);
    const auto first = ask(in, usual, "GET", "/api/v1/me");
    CHECK(first.header("RateLimit-Policy") == "\"key\";q=3;w=60");
    CHECK(first.header("RateLimit")->starts_with("\"key\";r=2;t="));
    ask(in, usual, "GET", "/api/v1/me");
    ask(in, usual, "GET", "/api/v1/me");
    const auto over = ask(in, usual, "GET", "/api/v1/me");
    CHECK(told(over) == "429 rate_limited");
    CHECK(std::stoi(*over.header("Retry-After")) >= 1);
    CHECK(ask(in, own, "GET", "/api/v1/me").header("RateLimit-Policy") == "\"key\";q=7;w=60");
    CHECK_FALSE(ask(in, of.key, "GET", "/api/v1/me").header("RateLimit").has_value());

    for (int i = 0; i < 5; ++i)
        CHECK(ask(in, "", "GET", "/api/v1/me").status == 401);
    CHECK(told(ask(in, "", "GET", "/api/v1/me")) == "429 rate_limited");
    CHECK(ask(in, of.key, "GET", "/api/v1/me").status == 200);
    CHECK(kit::eventually([&] { return ask(in, "", "GET", "/api/health").status == 200; }));
    CHECK_FALSE(ask(in, "", "POST", "/api/health").header("RateLimit").has_value());
}

TEST_CASE("what leads nowhere counts against the key when there is a good one, else against the address")
{
    http_tests::stage_options options;
    options.adjust = [](http::service_config& config) { config.address_per_minute = 6; };
    stage in{options};
    const auto of = in.new_tenant("nowhere");
    for (int i = 0; i < 8; ++i)
    {
        CHECK(told(ask(in, of.key, "GET", "/api/v1/nothing")) == "404 not_found");
        CHECK(ask(in, of.key, "GET", "/api/openapi.json").status == 200);
    }
    const auto counted = in.new_key(of, {api_key::scope::read}, 50);
    CHECK(ask(in, counted, "PUT", "/api/v1/clients").header("RateLimit-Policy") == "\"key\";q=50;w=60");
    const auto unknown = api_key::mint(api_key::audience::organisation, std::array<std::uint8_t, 20>{7}).key;
    CHECK(told(ask(in, unknown, "GET", "/api/v1/nothing")) == "401 unauthenticated");
    CHECK(told(ask(in, "", "GET", "/api/v1/nothing")) == "404 not_found");
    CHECK(told(ask(in, "", "PUT", "/api/v1/clients")) == "405 method_not_allowed");
    CHECK(told(ask(in, "", "GET", "/api/v1/clients", "", {{"Accept", "image/png"}})) == "406 not_acceptable");
    CHECK(ask(in, "", "OPTIONS", "/api/v1/clients").status == 204);
    CHECK(ask(in, unknown, "GET", "/api/openapi.json").status == 200);
    const auto over = ask(in, "", "PUT", "/api/v1/clients");
    REQUIRE(told(over) == "429 rate_limited");
    CHECK(std::stoi(*over.header("Retry-After")) >= 10);
    CHECK(std::stoi(*over.header("Retry-After")) <= 20);
    CHECK(told(ask(in, "", "OPTIONS", "/api/v1/clients")) == "429 rate_limited");
}

TEST_CASE("keys that nobody has seen are looked up so often in a minute; known ones work on")
{
    http_tests::stage_options options;
    options.adjust = [](http::service_config& config) { config.unknown_keys_per_minute = 3; };
    stage in{options};
    const auto of = in.new_tenant("invented");
    CHECK(ask(in, of.key, "GET", "/api/v1/me").status == 200);
    std::string last;
    for (std::uint8_t i = 0; i < 3; ++i)
    {
        const auto invented = api_key::mint(api_key::audience::organisation, std::array<std::uint8_t, 20>{i}).key;
        last = told(ask(in, invented, "GET", "/api/v1/me"));
    }
    CHECK(last == "503 busy");
    CHECK(ask(in, of.key, "GET", "/api/v1/me").status == 200);
}

TEST_CASE("a suspended organisation is read, not written")
{
    auto& h = shared();
    const auto of = h.in.new_tenant("suspended");
    const auto suspend = [&](org::command any) {
        h.in.run(
            of.id, [any](lanes::view& sight, const lanes::origin& from) { return handle(any, sight, from); },
            lanes::aggregate_of<org::state>());
    };
    suspend(org::suspend{{of.id}, {}, "Unpaid"});
    CHECK(told(ask(h.in, of.key, "POST", "/api/v1/clients", R"({"name": "C"})")) == "403 org.suspended");
    CHECK(ask(h.in, of.key, "GET", "/api/v1/clients").status == 200);
    suspend(org::resume{{of.id}, {}});
    CHECK(ask(h.in, of.key, "POST", "/api/v1/clients", R"({"name": "C"})").status == 201);
}

TEST_CASE("health and the admin listener: alive, ready, draining, and figures")
{
    stage in;
    CHECK(kit::eventually([&] { return ask(in, "", "GET", "/api/health").status == 200; }));
    const auto health = ask(in, "", "GET", "/api/health");
    for (const auto* name : {"status", "ts", "version", "region", "db", "latencyMs"})
        CHECK_FALSE(value_of(health.body, name).empty());
    CHECK(health.header("X-Request-Id").has_value());
    const auto options = ask(in, "", "OPTIONS", "/api/health");
    CHECK(options.status == 204);
    CHECK(options.header("Allow") == "GET, HEAD, OPTIONS");
    CHECK(told(ask(in, "", "POST", "/api/health", "{}")) == "405 method_not_allowed");
    CHECK(told(ask(in, "no key", "POST", "/api/health", "{}")) == "405 method_not_allowed");
    CHECK(ask(in, "", "GET", "/api/openapi.json").body.find("\"operationId\":\"getHealth\"") != std::string::npos);
    const auto admin = [&](std::string_view path) {
        kit::wire wire{in.service->admin_port()};
        return wire.exchange("GET", path);
    };
    CHECK(admin("/livez").status == 200);
    CHECK(admin("/startupz").status == 200);
    CHECK(admin("/readyz").status == 200);
    CHECK(admin("/api/v1/me").status == 404);
    CHECK(ask(in, "", "GET", "/metrics").status == 404);
    CHECK(ask(in, "", "GET", "/readyz").status == 404);
    const auto metrics = admin("/metrics");
    for (const auto* name : {"clientflow_build_info", "clientflow_http_request_duration_seconds_bucket",
                             "clientflow_append_duration_seconds_count", "clientflow_append_conflicts_total",
                             "clientflow_pool_wait_seconds_count", "route=\"getHealth\""})
        CHECK_MESSAGE(metrics.body.find(name) != std::string::npos, name);
    CHECK(in.service->drain());
    CHECK(admin("/readyz").status == 503);
    CHECK(admin("/livez").status == 200);
}
