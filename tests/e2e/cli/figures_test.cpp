// What a running server tells of itself from the first minute on: the metrics of the contract, and the usual limits.
#include "tests/kit/scenario/caller.hpp"
#include "tests/kit/scenario/members.hpp"
#include "tests/kit/scenario/node.hpp"
#include "tests/kit/scenario/site.hpp"

#include <doctest/doctest.h>

#include <string>

namespace
{
using scenario::text_member;

struct running
{
    scenario::site at;
    scenario::organisation as = at.found("figures");
    scenario::node server{{.data = at.data_directory("figures"), .dsn = at.dsn()}};

    running() { server.start(); }
    ~running() { server.stop(); }
    scenario::caller client() const { return {server.port(), as.api_key}; }
};

// Whether the text has a family of this name and type, and a sample in it.
bool has_family(const std::string& text, const std::string& name, const std::string& type)
{
    const auto declared = text.find("# TYPE " + name + ' ' + type + '\n');
    const std::string sample = '\n' + name + (type == "histogram" ? "_count" : "");
    return declared != std::string::npos && (text.find(sample + '{', declared) != std::string::npos ||
                                             text.find(sample + ' ', declared) != std::string::npos);
}

double total_of(const std::string& text, const std::string& sample)
{
    double total = 0;
    for (auto at = text.find('\n' + sample); at != std::string::npos; at = text.find('\n' + sample, at + 1))
    {
        const auto end = text.find('\n', at + 1);
        total += std::stod(text.substr(text.rfind(' ', end) + 1));
    }
    return total;
}
}  // namespace

TEST_CASE("The metrics of the contract are told as far as their subjects exist")
{
    running here;
    auto client = here.client();
    const auto made =
        client.expect(201, {.method = "POST", .target = "/api/v1/projects", .body = R"({"name": "Counted"})"});
    client.expect(200, {.target = "/api/v1/projects",
                        .headers = {{"Clientflow-Position", *made.header("Clientflow-Position")},
                                    {"Prefer", "handling=strict, wait=10"}}});
    const auto text = '\n' + here.server.metrics();
    const std::pair<const char*, const char*> families[] = {
        {"clientflow_build_info", "gauge"},
        {"clientflow_http_request_duration_seconds", "histogram"},
        {"clientflow_append_duration_seconds", "histogram"},
        {"clientflow_append_conflicts_total", "counter"},
        {"clientflow_lane_head", "gauge"},
        {"clientflow_projection_lag_events", "gauge"},
        {"clientflow_projection_lag_seconds", "gauge"},
        {"clientflow_parked_keys", "gauge"},
        {"clientflow_pool_wait_seconds", "histogram"},
    };
    for (const auto& [name, type] : families)
        CHECK_MESSAGE(has_family(text, name, type), name);
    CHECK(total_of(text, "clientflow_append_duration_seconds_count") >= 1);
    CHECK(total_of(text, "clientflow_http_request_duration_seconds_count{route=\"createProject\"") == 1);
    CHECK(total_of(text, "clientflow_pool_wait_seconds_count") >= 1);
    CHECK(total_of(text, "clientflow_lane_head") >= 1);
    CHECK(total_of(text, "clientflow_parked_keys") == 0);
}

TEST_CASE("A server that nobody configured keeps the usual rates")
{
    running here;
    const auto created = here.client().expect(
        201, {.method = "POST", .target = "/api/v1/api-keys", .body = R"({"name": "Usual", "scopes": ["read"]})"});
    scenario::caller with_key{here.server.port(), text_member(created.body, "secret")};
    CHECK(with_key.get("/api/v1/me").reply.header("RateLimit-Policy") == "\"key\";q=1000;w=60");
    scenario::caller without{here.server.port(), "nonsense"};
    CHECK(without.get("/api/v1/me").reply.header("RateLimit-Policy") == "\"address\";q=120;w=60");
}
