// What opens a stream beside a key, and what ends one: tickets, and keys that are revoked while a stream is open.
#include "events/feed/store_feed.hpp"
#include "http/server/position_token.hpp"
#include "http/server/service.hpp"
#include "projections/runner/reader.hpp"
#include "tests/integration/http/event_stream.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

namespace
{
using http_tests::ask;
using http_tests::client;
using http_tests::made;
using http_tests::metric;
using http_tests::stage;
using http_tests::stage_options;
using http_tests::stream_client;
using http_tests::tenant;
using http_tests::value_of;
using http_tests::without_projections;
using kit::milliseconds;

// Another API process on the same store: its own service, keys and feed.
struct second_node
{
    explicit second_node(stage& beside)
        : in(beside)
        , keys(event_log::keyring_config{beside.room.path() / "master.key"})
        , news([&] {
            event_feed::store_feed_config config;
            config.dsn = beside.db.dsn();
            return config;
        }())
        , service(config(), {*beside.commands,
                             keys,
                             store(),
                             [this] { return reader(); },
                             beside.clock,
                             beside.journal,
                             [] { return std::string{"1.1"}; },
                             news,
                             beside.positions,
                             {},
                             {}})
    {
        service.start();
    }
    ~second_node() { service.stop(); }

    static http::service_config config()
    {
        http::service_config made;
        made.api.port = made.admin.port = 0;
        return made;
    }
    event_log::store_config store() const
    {
        event_log::store_config made;
        made.dsn = in.db.dsn();
        return made;
    }
    std::unique_ptr<projection::reader> reader() const
    {
        projection::reader_config made;
        made.connection.dsn = in.db.dsn();
        made.watchdog = in.guard;
        made.cursor_secret = std::string(32, 's');
        return std::make_unique<projection::reader>(std::move(made));
    }

    stage& in;
    event_log::keyring keys;
    event_feed::store_feed news;
    http::service service;
};

std::string ticket_of(const stage& in, const std::string& key)
{
    const auto reply = ask(in, key, "POST", "/api/v1/events/tickets", "{}");
    REQUIRE_MESSAGE(reply.status == 200, reply.body);
    CHECK(schema::moment::parse(value_of(reply.body, "expires_at")) > in.clock.now());
    return value_of(reply.body, "ticket");
}
}  // namespace

TEST_CASE("a ticket opens one stream, at whichever node, and then never again")
{
    stage in{without_projections()};
    const auto of = in.new_tenant("tickets");
    second_node other{in};
    const auto key = in.new_key(of, {api_key::scope::read});
    const auto ticket = ticket_of(in, key);
    const stream_client not_yet{other.service.port(), "", "?ticket=" + ticket + "&after=nonsense"};
    CHECK(not_yet.head().status == 400);  // which uses nothing up
    stream_client there{other.service.port(), "", "?ticket=" + ticket};
    REQUIRE(there.head().status == 200);
    const auto id = client(in, of);
    CHECK(there.next_event().data.find(id) != std::string::npos);
    CHECK(stream_client{other.service.port(), "", "?ticket=" + ticket}.head().status == 401);
    CHECK(stream_client{in, "", "?ticket=" + ticket}.head().status == 401);
    CHECK(in.db.run("select count(*) from read.used_ticket") == "1");
    CHECK(in.journal.text().find(ticket.substr(10, 30)) == std::string::npos);
}

TEST_CASE("a ticket is made of nothing: no members, no parameters, no rehearsal")
{
    stage in{without_projections()};
    const auto of = in.new_tenant("tickets");
    const auto send = [&](const std::string& query, const std::string& body) {
        return ask(in, of.key, "POST", "/api/v1/events/tickets" + query, body);
    };
    CHECK(send("", "").status == 200);
    CHECK(send("", "{}").status == 200);
    CHECK(send("", R"({"zzz": 1})").status == 422);
    CHECK(send("", "[").status == 400);
    CHECK(value_of(send("?nope=1", "").body, "code") == "bad_query");
    CHECK(value_of(send("?dry_run=true", "").body, "code") == "bad_query");
}

TEST_CASE("of many who use one ticket at once, one gets in")
{
    stage in{without_projections()};
    const auto of = in.new_tenant("race");
    second_node other{in};
    const auto ticket = ticket_of(in, of.key);
    std::atomic<int> in_now{0}, out{0};
    std::vector<std::thread> users;
    for (int i = 0; i < 8; ++i)
        users.emplace_back([&, i] {
            const auto port = i % 2 == 0 ? in.port() : other.service.port();
            const auto status = stream_client{port, "", "?ticket=" + ticket}.head().status;
            ++(status == 200 ? in_now : out);
        });
    for (std::thread& one : users)
        one.join();
    CHECK(in_now == 1);
    CHECK(out == 7);
}

TEST_CASE("a ticket that is over, altered, of a revoked key or beside a key opens nothing, and none opens other routes")
{
    auto options = without_projections();
    options.adjust = [](http::service_config& config) { config.live.ticket_time = milliseconds{400}; };
    stage in{options};
    const auto of = in.new_tenant("bad-tickets");
    auto ticket = ticket_of(in, of.key);
    CHECK(stream_client{in, of.key, "?ticket=" + ticket}.head().status == 401);
    CHECK(ask(in, "", "GET", "/api/v1/events?ticket=" + ticket).status == 401);
    CHECK(ask(in, "", "GET", "/api/v1/me?ticket=" + ticket).status == 401);
    auto altered = ticket;
    altered[40] = altered[40] == 'A' ? 'B' : 'A';
    CHECK(stream_client{in, "", "?ticket=" + altered}.head().status == 401);
    CHECK(stream_client{in, "", "?ticket=cf_tkt_"}.head().status == 401);
    CHECK(kit::eventually([&] { return stream_client{in, "", "?ticket=" + ticket}.head().status == 401; }));
    CHECK(ask(in, "", "POST", "/api/v1/events/tickets", "{}").status == 401);
}

TEST_CASE("a stream that a ticket opened ends with the key that the ticket was made with")
{
    stage in{without_projections()};
    const auto of = in.new_tenant("ticket-key");
    const auto reply = ask(in, of.key, "POST", "/api/v1/api-keys", R"({"name": "K", "scopes": ["read"]})");
    stream_client listens{in, "", "?ticket=" + ticket_of(in, value_of(reply.body, "secret"))};
    REQUIRE(listens.head().status == 200);
    CHECK(ask(in, of.key, "DELETE", "/api/v1/api-keys/" + value_of(reply.body, "id")).status == 200);
    CHECK(listens.next_event().event == "clientflow.cut");
    CHECK(listens.ended());
}

TEST_CASE("used tickets are forgotten once they would be refused anyway")
{
    stage in{without_projections()};
    const auto of = in.new_tenant("swept");
    in.db.run("insert into read.used_ticket select decode(md5(n::text), 'hex'), now() - interval '1 hour'"
              "  from generate_series(1, 30) as n");
    for (int i = 0; i < 2; ++i)
        CHECK(stream_client{in, "", "?ticket=" + ticket_of(in, of.key)}.head().status == 200);
    CHECK(in.db.run("select count(*) from read.used_ticket") == "2");
}

// -- Keys that end

TEST_CASE("the stream of a revoked key is closed within five seconds, although its client takes nothing")
{
    stage in{without_projections()};
    const auto of = in.new_tenant("stuck");
    const auto project = made(in, of, "/api/v1/projects", R"({"name": "P"})");
    const auto reply = ask(in, of.key, "POST", "/api/v1/api-keys", R"({"name": "K", "scopes": ["read"]})");
    stream_client takes_nothing{in, value_of(reply.body, "secret")}, stays{in, of.key};
    // More than sockets hold.
    std::string description;
    for (int i = 0; i < 20'000; ++i)
        description += "\xF0\x9F\x8C\x8D";
    for (int i = 0; i < 150; ++i)
    {
        made(in, of, "/api/v1/tasks",
             R"({"title": "T", "project_id": ")" + project + R"(", "description": ")" + description + "\"}");
        stays.next_event();
    }
    CHECK(metric(in, "clientflow_event_streams") == "2");
    CHECK(ask(in, of.key, "DELETE", "/api/v1/api-keys/" + value_of(reply.body, "id")).status == 200);
    CHECK(kit::eventually([&] { return metric(in, "clientflow_event_streams") == "1"; }, milliseconds{5'000}));
    CHECK(metric(in, "clientflow_event_stream_cuts_total{reason=\"key\"}") == "1");
    client(in, of);
    CHECK(stays.next_event().event == "client.created");
}

TEST_CASE("a stream ends within five seconds after its key was revoked at another node")
{
    stage in{without_projections()};
    const auto of = in.new_tenant("key-ends");
    second_node other{in};
    const auto second = ask(in, of.key, "POST", "/api/v1/api-keys", R"({"name": "K", "scopes": ["read"]})");
    stream_client there{other.service.port(), value_of(second.body, "secret")};
    REQUIRE(there.head().status == 200);
    there.next();
    CHECK(ask(in, of.key, "DELETE", "/api/v1/api-keys/" + value_of(second.body, "id")).status == 200);
    there.connection().deadline(milliseconds{5'000});
    CHECK(value_of(there.next_event().data, "reason") == "key");
    CHECK(there.ended());
}

TEST_CASE("a stream's trust in its key ends when nobody could hold it against the log for too long")
{
    auto options = without_projections();
    options.adjust = [](http::service_config& config) {
        config.key_trust_without_store = config.live.key_trust_without_store = milliseconds{2'000};
        config.key_check_interval = milliseconds{100};
        config.key_read_time_max = milliseconds{500};
        config.live.key_check_interval = milliseconds{200};
    };
    stage in{options};
    const auto of = in.new_tenant("trust");
    stream_client listens{in, of.key};
    client(in, of);
    CHECK(listens.next_event().event == "client.created");
    in.db.server().sigstop();
    const auto cut = listens.next_event();
    in.db.server().sigcont();
    CHECK(cut.event == "clientflow.cut");
    CHECK(value_of(cut.data, "reason") == "key");
    CHECK(http::read_position(cut.id).has_value());
    CHECK(listens.ended());

    // The key was good all the time: once the store is back it opens streams, which go on where the first one was cut.
    kit::await("the store is back", [&] { return ask(in, of.key, "GET", "/api/v1/me").status == 200; });
    const auto id = client(in, of);
    stream_client again{in, of.key, {}, cut.id};
    CHECK(again.next_event().data.find(id) != std::string::npos);
}
