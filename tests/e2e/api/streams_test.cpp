// Two thousand clients that follow one organisation at a real server: what they cost it, and how fast they all hear of
// one event.
#include "tests/kit/eventually.hpp"
#include "tests/kit/scenario/caller.hpp"
#include "tests/kit/scenario/members.hpp"
#include "tests/kit/scenario/node.hpp"
#include "tests/kit/scenario/site.hpp"
#include "tests/kit/scenario/slow_readers.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <fstream>
#include <string>
#include <vector>

namespace
{
constexpr int keys = 100;
constexpr int streams_per_key = 20;
constexpr double memory_max = 100;  // MiB, of all of them

kit::wire stream(std::uint16_t port, const std::string& key)
{
    kit::wire made{port};
    made.send("GET /api/v1/events/stream HTTP/1.0\r\nHost: x\r\nX-API-Key: " + key + "\r\n\r\n");
    return made;
}
}  // namespace

TEST_CASE("two thousand idle streams are cheap, and all of them hear of one event")
{
    scenario::site at;
    const auto agency = at.found("many-listeners");
    // What is freed is to count as free also where a sanitizer keeps it.
    scenario::node server{{.data = at.data_directory("node"),
                           .dsn = at.dsn(),
                           .settings = {},
                           .environment = {{"ASAN_OPTIONS", "quarantine_size_mb=8"}}}};
    server.start();
    scenario::caller line{server.port(), agency.api_key};
    const auto post = [&](const std::string& path, const std::string& body) {
        scenario::request asked;
        asked.method = "POST";
        asked.target = "/api/v1" + path;
        asked.body = body;
        return line.expect(201, asked).body;
    };

    std::vector<std::string> secrets;
    for (int k = 0; k < keys; ++k)
        secrets.push_back(scenario::text_member(post("/api-keys", R"({"name": "K"})"), "secret"));
    auto first = stream(server.port(), agency.api_key);
    first.read_until("\n\n");
    post("/clients", R"({"name": "Before"})");
    first.read_until("client.created");

    const auto before = scenario::resident(server.pid());
    std::vector<kit::wire> listening;
    for (const auto& key : secrets)
        for (int i = 0; i < streams_per_key; ++i)
            listening.push_back(stream(server.port(), key));
    for (auto& each : listening)
        REQUIRE(each.read_until("retry: ").find("200 OK") != std::string::npos);
    const auto after = scenario::resident(server.pid());

    const auto began = std::chrono::steady_clock::now();
    post("/clients", R"({"name": "After"})");
    for (auto& each : listening)
        CHECK(each.read_until("client.created").find("\nevent: ") != std::string::npos);
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - began;
    MESSAGE(listening.size() << " idle streams: " << after - before << " MiB of resident memory; one event to all of "
                             << "them, from its request on: " << took.count() << " ms");
    CHECK(after - before < memory_max);
    CHECK(server.metrics().find("\nclientflow_event_streams 2001\n") != std::string::npos);
    const auto end = server.stop();
    CHECK(end.has_value());
    for (auto& each : listening)
        CHECK(each.read_to_end().find("event: clientflow.cut") != std::string::npos);
}
