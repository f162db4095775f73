// What the log keeps about how an event came about: what the client said, no more, and nothing personal in clear.
#include "events/log/meta.hpp"
#include "events/member.hpp"
#include "schemas/json.hpp"
#include "tests/integration/http/stage.hpp"

#include <doctest/doctest.h>

#include <string>

using event_log::actor_type;
using http_tests::ask;
using http_tests::stage;
using http_tests::value_of;

namespace
{
constexpr const char* traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

std::string stored_meta(const stage& at, const std::string& type)
{
    return at.db.run("select meta from es.event where type = '" + type + "' order by lane desc, seq desc limit 1");
}

bool has_member(const std::string& meta, std::string_view name)
{
    schema::json::document parsed;
    REQUIRE(parsed.parse(meta));
    schema::json::node found;
    return schema::json::find(parsed.root(), name, found);
}
}  // namespace

TEST_CASE("an event says who asked, in which request and trace, and when it happened, as the client sent it")
{
    stage at;
    const auto of = at.new_tenant("meta");
    const auto importer = at.new_key(of, {api_key::scope::write, api_key::scope::import});
    const auto reply = ask(
        at, importer, "POST", "/api/v1/clients",
        R"({"name": "Ann", "occurred_at": "2021-03-04T05:06:07.000008+01:00"})",
        {{"X-Request-Id", "request.of-1.client"}, {"traceparent", traceparent}, {"User-Agent", "planted-agent/1.0"}});
    REQUIRE_MESSAGE(reply.status == 201, reply.body);
    CHECK(reply.header("X-Request-Id") == "request.of-1.client");

    const auto text = stored_meta(at, "client.created");
    const auto meta = event_log::read_meta(text, nullptr);
    CHECK((meta.by.type == actor_type::key));
    CHECK(meta.by.id == value_of(ask(at, importer, "GET", "/api/v1/me").body, "key_id"));
    CHECK(meta.request_id == "request.of-1.client");
    CHECK(meta.correlation_id == "request.of-1.client");
    CHECK(meta.traceparent == traceparent);
    CHECK(meta.occurred_at.text() == "2021-03-04T04:06:07.000008Z");

    // A client's own command acts for nobody else, and nothing of ours caused it.
    CHECK_FALSE(has_member(text, "on_behalf_of"));
    CHECK_FALSE(has_member(text, "causation_id"));
    CHECK(has_member(text, "client"));
    CHECK(text.find("$sealed") != std::string::npos);
    CHECK(text.find("planted-agent") == std::string::npos);
    CHECK(text.find("127.0.0.1") == std::string::npos);
}

TEST_CASE("what a client leaves out or says badly is made up by the server or left out, never stored as sent")
{
    stage at;
    const auto of = at.new_tenant("meta");
    const auto before = at.clock.now();
    const auto reply = ask(at, of.key, "POST", "/api/v1/clients", R"({"name": "Bob"})",
                           {{"X-Request-Id", "short"}, {"traceparent", "00-not-a-trace-01"}});
    REQUIRE_MESSAGE(reply.status == 201, reply.body);
    const auto text = stored_meta(at, "client.created");
    const auto meta = event_log::read_meta(text, nullptr);
    CHECK((meta.by.type == actor_type::member));
    CHECK(meta.by.id == member::member_id{of.owner}.text());
    CHECK(meta.request_id == reply.header("X-Request-Id"));
    CHECK(meta.request_id != "short");
    CHECK(meta.correlation_id == meta.request_id);
    CHECK_FALSE(has_member(text, "traceparent"));
    CHECK_FALSE(has_member(text, "causation_id"));
    CHECK(meta.occurred_at.us >= before.us);
    CHECK(meta.occurred_at.us <= at.clock.now().us);
}
