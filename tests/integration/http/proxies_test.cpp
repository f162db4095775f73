// Who asks, when proxies stand between: a header is believed from those that the settings name, and from nobody else.
#include "events/log/meta.hpp"
#include "tests/integration/http/stage.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

namespace
{
using http_tests::ask;
using http_tests::stage;

http_tests::stage_options behind(std::initializer_list<const char*> proxies, std::int64_t address_per_minute = 1'000)
{
    http_tests::stage_options made;
    made.projections = false;
    std::vector<http::address_block> blocks;
    for (const char* each : proxies)
        blocks.push_back(http::read_block(each).value());
    made.adjust = [blocks, address_per_minute](http::service_config& config) {
        config.api.trusted_proxies = blocks;
        config.api.connections_per_address_max = 4;
        config.address_per_minute = static_cast<std::int32_t>(address_per_minute);
    };
    return made;
}

// The address that the newest event of the tenant was recorded with.
std::string recorded_ip(const stage& in, const http_tests::tenant& of)
{
    const auto newest = [&](const char* column) {
        return in.db.run(std::string{"select "} + column + " from es.event where tenant_id = '" + of.id.text() +
                         "' order by seq desc limit 1");
    };
    const auto opener = in.keys->opener_for(of.id, schema::uuid::parse(newest("event_id")).value());
    return event_log::read_meta(newest("meta"), opener.get()).ip;
}

std::string recorded_with(const stage& in, const http_tests::tenant& of, const kit::header_list& fields)
{
    const auto reply = ask(in, of.key, "POST", "/api/v1/clients", R"({"name": "Ann"})", fields);
    REQUIRE_MESSAGE(reply.status == 201, reply.body);
    return recorded_ip(in, of);
}

int status_of(const stage& in, const kit::header_list& fields)
{
    return ask(in, "", "GET", "/api/v1/me", "", fields).status;
}
}  // namespace

TEST_CASE("without trusted proxies a header claims in vain, in the log and against the limits")
{
    stage in{behind({}, 3)};
    const auto of = in.new_tenant("direct");
    CHECK(recorded_with(in, of, {{"X-Forwarded-For", "203.0.113.9"}}) == "127.0.0.1");
    CHECK(recorded_with(in, of, {{"Forwarded", "for=203.0.113.9"}}) == "127.0.0.1");
    for (int i = 0; i < 3; ++i)
        CHECK(status_of(in, {{"X-Forwarded-For", "203.0.113." + std::to_string(i)}}) == 401);
    CHECK(status_of(in, {{"X-Forwarded-For", "203.0.113.99"}}) == 429);
    CHECK(status_of(in, {{"Forwarded", "for=203.0.113.99"}}) == 429);
}

TEST_CASE("a trusted proxy's word is taken for the recorded address, and no further than its own")
{
    stage in{behind({"127.0.0.0/8", "10.0.0.0/8"})};
    const auto of = in.new_tenant("proxied");
    CHECK(recorded_with(in, of, {}) == "127.0.0.1");
    CHECK(recorded_with(in, of, {{"X-Forwarded-For", "203.0.113.9"}}) == "203.0.113.9");
    CHECK(recorded_with(in, of, {{"Forwarded", "for=\"[2001:db8::7]:4711\";proto=https"}}) == "2001:db8::7");
    // What the client itself had sent stands to the left of what the proxies added.
    CHECK(recorded_with(in, of, {{"X-Forwarded-For", "1.1.1.1, 203.0.113.9, 10.0.0.7"}}) == "203.0.113.9");
    CHECK(recorded_with(in, of, {{"X-Forwarded-For", "1.1.1.1"}, {"X-Forwarded-For", "203.0.113.9"}}) == "203.0.113.9");
    CHECK(recorded_with(in, of, {{"Forwarded", "for=1.1.1.1"}, {"X-Forwarded-For", "203.0.113.9"}}) == "127.0.0.1");
    CHECK(recorded_with(in, of, {{"X-Forwarded-For", "not an address"}}) == "127.0.0.1");
}

TEST_CASE("limits count the client behind the proxy, and a forged left end makes nobody new")
{
    stage in{behind({"127.0.0.1"}, 2)};
    const auto through = [&](const std::string& field) { return status_of(in, {{"X-Forwarded-For", field}}); };
    for (int i = 0; i < 2; ++i)
        CHECK(through("203.0.113.9") == 401);
    CHECK(through("203.0.113.9") == 429);
    CHECK(through("198.51.100.1, 203.0.113.9") == 429);
    CHECK(through("203.0.113.10") == 401);  // somebody else behind the same proxy
    CHECK(in.journal.text().find("from 203.0.113.0/24") != std::string::npos);

    // The next machine of the same network is no proxy.
    auto stranger = kit::wire{in.port(), "127.0.0.1", kit::eventually_default, "127.0.0.2"};
    for (int i = 0; i < 2; ++i)
        CHECK(stranger.exchange("GET", "/api/v1/me", {{"X-Forwarded-For", "203.0.113.11"}}).status == 401);
    CHECK(stranger.exchange("GET", "/api/v1/me", {{"X-Forwarded-For", "203.0.113.12"}}).status == 429);
}

TEST_CASE("a proxy holds more connections than an address of a client may")
{
    stage in{behind({"127.0.0.1"})};
    std::vector<kit::wire> from_proxy;
    for (int i = 0; i < 8; ++i)
        from_proxy.push_back(in.connect());
    for (auto& each : from_proxy)
        CHECK(each.exchange("GET", "/api/openapi.json").status == 200);

    std::vector<kit::wire> from_client;
    for (int i = 0; i < 4; ++i)
    {
        from_client.emplace_back(in.port(), "127.0.0.1", kit::eventually_default, "127.0.0.3");
        CHECK(from_client.back().exchange("GET", "/api/openapi.json").status == 200);
    }
    kit::wire once_more{in.port(), "127.0.0.1", kit::eventually_default, "127.0.0.3"};
    CHECK(once_more.read().status == 503);
}
