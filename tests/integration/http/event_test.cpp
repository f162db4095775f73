// Live updates over real HTTP: streams, tickets and polls, and that every event of a tenant comes once, in order, and
// to nobody else.
#include "events/feed/store_feed.hpp"
#include "http/server/position_token.hpp"
#include "http/server/service.hpp"
#include "projections/runner/reader.hpp"
#include "tests/integration/http/event_stream.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace
{
using http_tests::ask;
using http_tests::client;
using http_tests::made;
using http_tests::metric;
using http_tests::public_event_ids;
using http_tests::stage;
using http_tests::stage_options;
using http_tests::stream_client;
using http_tests::tenant;
using http_tests::value_of;
using http_tests::without_projections;
using kit::milliseconds;

// A ring so small that everything older than the last event or two has to come from the log.
stage_options with_a_small_ring()
{
    auto made = without_projections();
    made.adjust = [](http::service_config& config) { config.live.ring.tenant_ring_bytes_max = 2'000; };
    return made;
}

std::string id_of(const std::string& cloud_event) { return value_of(cloud_event, "id"); }

// Pages of a poll until it is at the end.
std::vector<std::string> polled(const stage& in, const std::string& key, std::string after = {},
                                const std::string& more = "&limit=7")
{
    std::vector<std::string> ids;
    for (;;)
    {
        const auto page = ask(in, key, "GET", "/api/v1/events?after=" + after + more);
        REQUIRE_MESSAGE(page.status == 200, page.body);
        after = value_of(page.body, "next_after");
        bool any = false;
        for (auto at = page.body.find("\"id\":\"evt_"); at != std::string::npos; any = true)
        {
            ids.push_back(page.body.substr(at + 6, page.body.find('"', at + 6) - at - 6));
            at = page.body.find("\"id\":\"evt_", at + 1);
        }
        if (!any)
            return ids;
    }
}

}  // namespace

TEST_CASE("a stream begins now, says where that is, and tells each event under its public name as a CloudEvent")
{
    stage in{without_projections()};
    const auto of = in.new_tenant("live");
    client(in, of, "Before");
    stream_client listens{in, of.key};
    REQUIRE(listens.head().status == 200);
    CHECK(listens.head().header("Content-Type") == "text/event-stream");
    CHECK(listens.head().header("Clientflow-Position").has_value());
    const auto first = listens.next();
    CHECK(std::stoi(first.retry) >= 1'000);
    CHECK(std::stoi(first.retry) <= 5'000);
    CHECK(http::read_position(first.id).has_value());

    const auto id = client(in, of, "Zo\\u00eb Doe");
    CHECK(ask(in, of.key, "PATCH", "/api/v1/clients/" + id, R"({"name": "Zoe"})").status == 200);
    CHECK(ask(in, of.key, "DELETE", "/api/v1/clients/" + id).status == 200);
    const auto project = made(in, of, "/api/v1/projects", R"({"name": "P"})");
    CHECK(ask(in, of.key, "POST", "/api/v1/projects/" + project + "/complete").status == 200);
    const auto task = made(in, of, "/api/v1/tasks", R"({"title": "T", "project_id": ")" + project + "\"}");
    static_cast<void>(task);

    const auto created = listens.next_event();
    CHECK(created.event == "client.created");
    CHECK(http::read_position(created.id)->at.lane == http::read_position(first.id)->at.lane);
    const auto text = [&](const char* name) { return value_of(created.data, name); };
    CHECK(text("specversion") == "1.0");
    CHECK(text("id").starts_with("evt_"));
    CHECK(text("source") == "/orgs/" + of.id.base32().insert(0, "org_"));
    CHECK(text("type") == "client.created");
    CHECK(text("subject") == id);
    CHECK(text("dataschema") == "urn:clientflow:schema:client.created:1");
    CHECK(text("sequence").size() == 20);
    CHECK(std::stoll(text("sequence")) == http::read_position(created.id)->at.seq);
    CHECK(text("streamversion") == "1");
    CHECK(text("incarnation") == "1.1");
    CHECK(schema::moment::parse(text("time")).has_value());
    CHECK(created.data.find("$sealed") == std::string::npos);
    for (const auto* name : {"client.updated", "client.deleted", "project.created", "project.updated"})
        CHECK(listens.next_event().event == name);
}

TEST_CASE("personal values are told in clear")
{
    stage in{without_projections()};
    const auto of = in.new_tenant("personal");
    stream_client listens{in, of.key};
    made(in, of, "/api/v1/members", R"({"email": "Grace@Example.org", "name": "Grace"})");
    const auto told = listens.next_event();
    CHECK(told.event == "team.member_added");
    CHECK(told.data.find("\"Grace\"") != std::string::npos);
    // And from the log itself, by a process that has to fetch the key first.
    CHECK(in.db.run("select count(*) from es.event where type = 'member.added' and data::text like '%Grace%'") == "0");
    const auto page = ask(in, of.key, "GET", "/api/v1/events?types=team.*");
    CHECK_MESSAGE(page.body.find("\"Grace\"") != std::string::npos, page.body);
}

TEST_CASE("a key's own secrets and what is not in the public catalogue stay inside")
{
    stage in{without_projections()};
    const auto of = in.new_tenant("inside");
    stream_client listens{in, of.key};
    made(in, of, "/api/v1/api-keys", R"({"name": "K"})");
    client(in, of);
    CHECK(listens.next_event().event == "client.created");
    CHECK(ask(in, of.key, "GET", "/api/v1/events").body.find("digest") == std::string::npos);
}

TEST_CASE("a client that breaks off again and again beside busy writers gets every event once and in order")
{
    for (const bool is_small : {false, true})
    {
        CAPTURE(is_small);
        stage in{is_small ? with_a_small_ring() : without_projections()};
        const auto of = in.new_tenant("resumes");
        const auto other = in.new_tenant("other");
        stream_client first{in, of.key};
        std::string last = first.next().id;
        constexpr int each = 60;
        std::atomic<int> writing{2};
        std::vector<std::thread> writers;
        for (int w = 0; w < 2; ++w)
            writers.emplace_back([&] {
                for (int i = 0; i < each; ++i)
                    client(in, of), client(in, other);
                --writing;
            });
        std::vector<std::string> seen;
        while (seen.size() < 2 * each)
        {
            stream_client again{in, of.key, "?after=" + first.last_id(), last};  // Last-Event-ID wins
            REQUIRE(again.head().status == 200);
            for (int i = 0; i < 17 && seen.size() < 2 * each; ++i)
                seen.push_back(id_of(again.next_event().data));
            last = again.last_id();
        }
        for (std::thread& one : writers)
            one.join();
        auto wanted = public_event_ids(in, of);
        wanted.erase(wanted.begin(), wanted.end() - 2 * each);
        CHECK(seen == wanted);
    }
}

TEST_CASE("both reach back to the first event")
{
    stage in{without_projections()};
    const auto of = in.new_tenant("origin");
    for (int i = 0; i < 20; ++i)
        client(in, of);
    const auto all = public_event_ids(in, of);
    REQUIRE(all.size() == 22);  // the organisation and its owner before them
    CHECK(polled(in, of.key) == all);
    stream_client listens{in, of.key, "?after="};
    std::vector<std::string> seen;
    while (seen.size() < all.size())
        seen.push_back(id_of(listens.next_event().data));
    CHECK(seen == all);
    client(in, of);
    CHECK(listens.next_event().event == "client.created");
}

TEST_CASE("only the types that were asked for are told, and a place moves on over the others")
{
    stage in{without_projections()};
    const auto of = in.new_tenant("types");
    stream_client listens{in, of.key, "?types=client.updated,project.*"};
    const auto id = client(in, of);
    CHECK(ask(in, of.key, "PATCH", "/api/v1/clients/" + id, R"({"name": "Bob"})").status == 200);
    made(in, of, "/api/v1/projects", R"({"name": "P"})");
    CHECK(listens.next_event().event == "client.updated");
    CHECK(listens.next_event().event == "project.created");
    CHECK(polled(in, of.key, "", "&types=project.*&limit=2").size() == 1);
    CHECK(polled(in, of.key, "", "&types=invoice.*").empty());
    for (const auto* bad : {"Client.*", "client.*,", "*.created", "client*"})
        CHECK(value_of(ask(in, of.key, "GET", std::string{"/api/v1/events?types="} + bad).body, "code") == "bad_query");
}

TEST_CASE("another tenant's events are never told, also when both live in one lane")
{
    stage in{with_a_small_ring()};
    const auto mine = in.new_tenant("mine");
    const auto lane_of = [&](const tenant& of) {
        return in.db.run("select lane from es.tenant where tenant_id = '" + of.id.text() + "'");
    };
    auto theirs = in.new_tenant("theirs");
    for (int i = 0; lane_of(theirs) != lane_of(mine); ++i)
        theirs = in.new_tenant("theirs" + std::to_string(i));
    stream_client at_mine{in, mine.key}, at_theirs{in, theirs.key};
    for (int i = 0; i < 10; ++i)
        client(in, mine, "Mine"), client(in, theirs, "Theirs");
    for (int i = 0; i < 10; ++i)
    {
        CHECK(at_mine.next_event().data.find("\"Mine\"") != std::string::npos);
        CHECK(at_theirs.next_event().data.find("\"Theirs\"") != std::string::npos);
    }
    CHECK(polled(in, mine.key) == public_event_ids(in, mine));
    CHECK(polled(in, theirs.key) == public_event_ids(in, theirs));
}

TEST_CASE("a place that was never handed out, or is none, is refused by its name")
{
    stage in{without_projections()};
    const auto of = in.new_tenant("places");
    const auto next = value_of(ask(in, of.key, "GET", "/api/v1/events").body, "next_after");
    const auto at = http::read_position(next)->at;
    const auto told = [&](const std::string& target, kit::header_list more = {}) {
        const auto reply = ask(in, of.key, "GET", target, {}, std::move(more));
        return std::to_string(reply.status) + ' ' + value_of(reply.body, "code");
    };
    const auto other_lane = http::write_position({"1.1", {at.lane + 1, 1}});
    const auto beyond = http::write_position({"1.1", {at.lane, at.seq + 1'000}});
    const auto restored = http::write_position({"7.2", at});
    CHECK(told("/api/v1/events?after=" + next) == "200 ");
    CHECK(told("/api/v1/events?after=nonsense") == "400 bad_query");
    CHECK(told("/api/v1/events/stream?after=nonsense") == "400 bad_query");
    CHECK(told("/api/v1/events/stream", {{"Last-Event-ID", "nonsense"}}) == "400 bad_query");
    for (const auto& wrong : {other_lane, beyond, restored})
        CHECK(told("/api/v1/events?after=" + wrong) == "400 bad_cursor");
    CHECK(told("/api/v1/events/stream?after=" + other_lane) == "400 bad_cursor");
    for (const auto* bad : {"limit=0", "limit=x", "cursor=x", "limit=1&limit=2", "ticket=x"})
        CHECK(told(std::string{"/api/v1/events?"} + bad) == "400 bad_query");
    CHECK(told("/api/v1/events/stream?limit=1") == "400 bad_query");
    CHECK(ask(in, of.key, "GET", "/api/v1/events?limit=1000").status == 200);
    CHECK(ask(in, "", "GET", "/api/v1/events").status == 401);
    CHECK(ask(in, "", "GET", "/api/v1/events/stream").status == 401);
    const auto head = ask(in, of.key, "HEAD", "/api/v1/events/stream");
    CHECK(head.status == 200);
    CHECK(head.header("Content-Type") == "text/event-stream");
}

TEST_CASE("a store that began another history is told as a reset with the place it is at, and the stream goes on")
{
    auto history = std::make_shared<std::atomic<int>>(1);
    auto options = without_projections();
    options.incarnation = [history] { return "1." + std::to_string(*history); };
    stage in{options};
    const auto of = in.new_tenant("restored");
    client(in, of);
    stream_client listens{in, of.key};
    const auto before = listens.next().id;
    *history = 2;
    const auto reset = listens.next_event();
    CHECK(reset.event == "clientflow.reset");
    CHECK(http::read_position(reset.id)->incarnation == "1.2");
    client(in, of);
    const auto next = listens.next_event();
    CHECK(next.event == "client.created");
    CHECK(value_of(next.data, "incarnation") == "1.2");

    // Whoever comes back with a place of the history before is told the same.
    stream_client again{in, of.key, {}, before};
    CHECK(again.next_event().event == "clientflow.reset");
    client(in, of);
    CHECK(again.next_event().event == "client.created");
    const auto poll = ask(in, of.key, "GET", "/api/v1/events?after=" + before);
    CHECK(poll.status == 400);
    CHECK(value_of(poll.body, "code") == "bad_cursor");
}

TEST_CASE("a position that is none is refused also where events are asked for")
{
    stage in{without_projections()};
    const auto of = in.new_tenant("positions");
    for (const auto& [method, path] : {std::pair{"GET", "/api/v1/events"}, std::pair{"GET", "/api/v1/events/stream"},
                                       std::pair{"POST", "/api/v1/events/tickets"}})
    {
        CAPTURE(path);
        const auto refused = ask(in, of.key, method, path, {}, {{"Clientflow-Position", "zzz"}});
        CHECK(refused.status == 400);
        CHECK(value_of(refused.body, "code") == "bad_query");
        CHECK(value_of(refused.body, "header") == "Clientflow-Position");
    }
}

TEST_CASE("a poll waits for the next event, is woken by it, and comes back empty when there is none")
{
    stage in{without_projections()};
    const auto of = in.new_tenant("polls");
    const auto next = value_of(ask(in, of.key, "GET", "/api/v1/events").body, "next_after");
    const auto now = ask(in, of.key, "GET", "/api/v1/events?after=" + next);
    CHECK(now.body.find("\"data\":[],") != std::string::npos);
    const auto patient = ask(in, of.key, "GET", "/api/v1/events?after=" + next, {}, {{"Prefer", "wait=1"}});
    CHECK(patient.body.find("\"data\":[],") != std::string::npos);

    auto waiting = in.connect();
    waiting.request("GET", "/api/v1/events?after=" + next,
                    {{"Authorization", "Bearer " + of.key}, {"Prefer", "wait=10"}});
    waiting.request("GET", "/api/v1/me", {{"Authorization", "Bearer " + of.key}});
    REQUIRE(kit::eventually([&] { return metric(in, "clientflow_event_followers") == "1"; }));
    const auto id = client(in, of);
    const auto woken = waiting.read();
    CHECK(woken.body.find(id) != std::string::npos);
    CHECK(woken.header("Clientflow-Position") == value_of(woken.body, "next_after"));
    CHECK(waiting.read().status == 200);  // the wake that came first disturbed nobody
    CHECK(metric(in, "clientflow_event_followers") == "0");
}

TEST_CASE("the twenty-first stream of a key is refused, and there is room again when one has gone")
{
    stage in{without_projections()};
    const auto of = in.new_tenant("many");
    std::vector<stream_client> streams;
    for (int i = 0; i < 20; ++i)
    {
        streams.emplace_back(in, of.key);
        REQUIRE(streams.back().head().status == 200);
    }
    const stream_client refused{in, of.key};
    CHECK(refused.head().status == 429);
    CHECK(refused.head().header("Retry-After").has_value());
    CHECK(metric(in, "clientflow_event_streams") == "20");
    CHECK(stream_client{in, in.new_key(of, {api_key::scope::read})}.head().status == 200);
    streams.pop_back();
    CHECK(kit::eventually([&] { return stream_client{in, of.key}.head().status == 200; }));
}

TEST_CASE("a stream ends soon after its key is revoked; others go on")
{
    stage in{without_projections()};
    const auto of = in.new_tenant("revoked");
    const auto reply = ask(in, of.key, "POST", "/api/v1/api-keys", R"({"name": "K", "scopes": ["read"]})");
    REQUIRE(reply.status == 201);
    const auto secret = value_of(reply.body, "secret");
    stream_client listens{in, secret}, stays{in, of.key};
    listens.next();
    CHECK(ask(in, of.key, "DELETE", "/api/v1/api-keys/" + value_of(reply.body, "id")).status == 200);
    listens.connection().deadline(milliseconds{5'000});
    const auto cut = listens.next_event();
    CHECK(cut.event == "clientflow.cut");
    CHECK(value_of(cut.data, "reason") == "key");
    CHECK(listens.ended());
    CHECK(stream_client{in, secret}.head().status == 401);
    client(in, of);
    CHECK(stays.next_event().event == "client.created");
}

TEST_CASE("a server that drains says so, with the place to go on from, and ends the stream whole")
{
    stage in{without_projections()};
    const auto of = in.new_tenant("drained");
    auto wire = in.connect();
    wire.request("GET", "/api/v1/events/stream", {{"Authorization", "Bearer " + of.key}});
    CHECK(wire.read_head().header("Transfer-Encoding") == "chunked");
    wire.read_until("\n\n");
    std::atomic<bool> drained{false};
    std::thread drain{[&] { drained = in.service->drain(); }};
    const auto rest = wire.read_to_end();
    wire.end_sending();
    drain.join();
    CHECK(drained);
    CHECK(rest.ends_with("\n\n\r\n0\r\n\r\n"));
    const auto cut = http_tests::read_block(std::string_view{rest}.substr(rest.find("id: ")));
    CHECK(cut.event == "clientflow.cut");
    CHECK(value_of(cut.data, "reason") == "draining");
    CHECK(http::read_position(cut.id).has_value());
}

TEST_CASE("a slow reader is cut with a place to go on from, loses nothing by it, and holds nobody up")
{
    auto options = without_projections();
    options.adjust = [](http::service_config& config) {
        config.api.write_time_max = milliseconds{300};
        config.api.write_rate_min = 10 * 1024 * 1024;
        config.api.linger_time_max = milliseconds{60'000};
        config.live.ring.tenant_ring_bytes_max = 512 * 1024;
        config.live.slow_after = milliseconds{100};
    };
    stage in{options};
    const auto of = in.new_tenant("slow");
    const auto project = made(in, of, "/api/v1/projects", R"({"name": "P"})");
    stream_client slow{in, of.key}, quick{in, of.key};
    const auto slow_cuts = [&] { return metric(in, "clientflow_event_stream_cuts_total{reason=\"slow\"}"); };
    std::string emoji;
    for (int i = 0; i < 20'000; ++i)
        emoji += "\xF0\x9F\x8C\x8D";
    std::vector<std::string> told;
    while (slow_cuts() == "0")
    {
        REQUIRE(told.size() < 1'000);
        for (int i = 0; i < 10; ++i)
        {
            made(in, of, "/api/v1/tasks",
                 R"({"title": "T", "project_id": ")" + project + R"(", "description": ")" + emoji + "\"}");
            told.push_back(id_of(quick.next_event().data));
        }
    }
    std::vector<std::string> seen;
    slow.connection().deadline(milliseconds{30'000});
    auto last = slow.next_event();
    for (; last.event != "clientflow.cut"; last = slow.next_event())
        seen.push_back(id_of(last.data));
    CHECK(value_of(last.data, "reason") == "slow");
    CHECK(slow.ended());
    CHECK(seen.size() < told.size());
    stream_client again{in, of.key, {}, last.id};
    while (seen.size() < told.size())
        seen.push_back(id_of(again.next_event().data));
    CHECK(seen == told);
    CHECK(metric(in, "clientflow_event_ring_bytes") != "0");
}

TEST_CASE("a store that loses its sessions interrupts no stream")
{
    stage in{without_projections()};
    const auto of = in.new_tenant("sessions");
    stream_client listens{in, of.key};
    client(in, of);
    CHECK(listens.next_event().event == "client.created");
    in.db.server().terminate_backends();
    kit::await("a write after the sessions were lost",
               [&] { return ask(in, of.key, "POST", "/api/v1/clients", R"({"name": "Bob"})").status == 201; });
    const auto next = listens.next_event();
    CHECK(next.event == "client.created");
    CHECK(next.data.find("Bob") != std::string::npos);
}
