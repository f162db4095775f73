// Older events: who gets them next, who is told to come again, and whom a busy reader of them does not hold up.
#include "http/server/past_events.hpp"
#include "http/server/service.hpp"
#include "tests/integration/http/event_stream.hpp"
#include "tests/kit/log/rounds.hpp"

#include <doctest/doctest.h>

#include <future>
#include <memory>
#include <mutex>
#include <signal.h>
#include <string>
#include <thread>
#include <vector>

namespace
{
using http_tests::ask;
using http_tests::metric;
using http_tests::stage;
using http_tests::stage_options;
using http_tests::stream_client;
using http_tests::value_of;
using http_tests::without_projections;

// The reader on a real log, whose first page is not taken before the test says so.
struct given_a_held_reader
{
    given_a_held_reader()
    {
        event_log::create_master_key(room.path() / "master.key");
        keys = std::make_unique<event_log::keyring>(event_log::keyring_config{room.path() / "master.key"});
        http::past_events_config config;
        config.store.dsn = config.past.connection.dsn = db.dsn();
        config.waiting = {100, 60};
        past = std::make_unique<http::past_events>(config, *keys, [](const std::string&) {});
        past->start();
        past->read(asked_by(left), [&](http::past_events::page) {
            begun.set_value();
            release.get_future().wait();
        });
        begun.get_future().wait();
    }
    ~given_a_held_reader()
    {
        if (!is_released)
            release.set_value();
        past->stop();
    }

    http::past_events::ask asked_by(const log_tests::tenant& who) const
    {
        http::past_events::ask made{who.id, {who.lane, 0}, 2, "1.1"};
        made.asker = asker;
        return made;
    }
    bool read(const log_tests::tenant& who, const std::string& name) { return read(asked_by(who), name); }
    bool read(http::past_events::ask what, const std::string& name)
    {
        return past->read(std::move(what), [this, name](http::past_events::page page) {
            const std::lock_guard lock{mutex};
            done.push_back(page.failed ? "failed" : name);
        });
    }
    std::vector<std::string> all(std::size_t count)
    {
        release.set_value();
        is_released = true;
        kit::await("all pages", [&] {
            const std::lock_guard lock{mutex};
            return done.size() >= count && past->take_figures().waiting == 0;
        });
        const std::lock_guard lock{mutex};
        return done;
    }

    kit::database db;
    kit::temporary_directory room;
    event_log::store log{log_tests::at(db.dsn())};
    log_tests::tenant left = log_tests::new_born(log, 3), right = log_tests::new_born(log, 3);
    std::unique_ptr<event_log::keyring> keys;
    std::shared_ptr<const int> asker = std::make_shared<const int>(1);
    std::promise<void> begun, release;
    bool is_released = false;
    std::mutex mutex;
    std::vector<std::string> done;  // guarded by mutex
    std::unique_ptr<http::past_events> past;
};

// A reader of real events; one page of a tenant's is as much as it may hold.
struct given_small_shares
{
    given_small_shares()
    {
        for (const auto& each : {left, right})
            REQUIRE(ask(in, each.key, "POST", "/api/v1/clients", R"({"name": "C"})").status == 201);
        http::past_events_config config;
        config.store.dsn = config.past.connection.dsn = in.db.dsn();
        config.held_bytes_of_tenant_max = 1;
        config.waiting = {100, 60};
        past = std::make_unique<http::past_events>(config, *in.keys, [](const std::string&) {});
        past->start();
        REQUIRE(past->read(asked_by(left, asker), [&](http::past_events::page page) {
            const std::lock_guard lock{mutex};
            first = std::move(page);
            done.emplace_back("first");
        }));
        kit::await("the first page", [&] { return !so_far().empty(); });
        REQUIRE_FALSE(first.events.empty());
    }
    ~given_small_shares() { past->stop(); }

    http::past_events::ask asked_by(const http_tests::tenant& who, std::weak_ptr<const int> by) const
    {
        const auto of = " from es.tenant where tenant_id = '" + who.id.text() + "'";
        http::past_events::ask made{who.id, {std::stoi(in.db.run("select lane" + of)), 0}, 0, "1.1"};
        made.up_to = std::stoll(in.db.run("select max(seq) from es.event where lane = (select lane" + of + ")"));
        made.asker = std::move(by);
        return made;
    }
    bool read(const http_tests::tenant& who, const std::string& name, std::weak_ptr<const int> by)
    {
        return past->read(asked_by(who, std::move(by)), [this, name](const http::past_events::page& page) {
            const std::lock_guard lock{mutex};
            done.push_back(page.failed || page.events.empty() ? "failed" : name);
        });
    }
    std::size_t waiting() const { return past->take_figures().waiting; }
    std::vector<std::string> so_far()
    {
        const std::lock_guard lock{mutex};
        return done;
    }

    stage in{without_projections()};
    http_tests::tenant left = in.new_tenant("left"), right = in.new_tenant("right");
    std::shared_ptr<const int> asker = std::make_shared<const int>(1);
    std::mutex mutex;
    std::vector<std::string> done;  // guarded by mutex
    http::past_events::page first;  // held by the test; guarded by mutex until it is in `done`
    std::unique_ptr<http::past_events> past;
};

// PostgreSQL's process behind the reader's connection stands still.
class stopped_reader
{
public:
    explicit stopped_reader(const stage& in)
        : pid_(std::stoi(in.db.run("select pid from pg_stat_activity where application_name = 'clientflow live-past'"
                                   " and datname = current_database()")))
    {
        ::kill(pid_, SIGSTOP);
    }
    ~stopped_reader() { ::kill(pid_, SIGCONT); }
    stopped_reader(const stopped_reader&) = delete;
    stopped_reader& operator=(const stopped_reader&) = delete;

private:
    const pid_t pid_;
};
}  // namespace

TEST_CASE_FIXTURE(given_a_held_reader, "a tenant with many asks holds up nobody else: one page of one, then of another")
{
    for (int i = 0; i < 50; ++i)
        REQUIRE(read(left, "left " + std::to_string(i)));
    REQUIRE(read(right, "right"));
    const auto order = all(51);
    REQUIRE(order.size() == 51);
    CHECK(order[0] == "left 0");
    CHECK(order[1] == "right");
    CHECK(order[50] == "left 49");
}

TEST_CASE_FIXTURE(given_a_held_reader, "what nobody waits for any more is not read")
{
    auto gone = asked_by(left), late = asked_by(left);
    auto other = std::make_shared<const int>(2);
    gone.asker = other;
    late.until = std::chrono::steady_clock::now();
    REQUIRE(read(std::move(gone), "gone"));
    REQUIRE(read(std::move(late), "late"));
    REQUIRE(read(left, "there"));
    other.reset();
    CHECK(all(1) == std::vector<std::string>{"there"});
    CHECK(past->take_figures().passed_over == 2);
}

TEST_CASE_FIXTURE(given_a_held_reader, "asks beyond the bound of one tenant are refused, and others have room")
{
    for (int i = 0; i < 60; ++i)
        REQUIRE(read(left, "left"));
    CHECK_FALSE(read(left, "left"));
    CHECK_FALSE(past->has_room_for(left.id));
    CHECK(read(right, "right"));
    CHECK(past->take_figures().refused == 1);
    CHECK(all(61).size() == 61);
}

TEST_CASE_FIXTURE(given_small_shares, "a tenant that holds its share waits for its own readers, and nobody else does")
{
    using names = std::vector<std::string>;
    REQUIRE(read(left, "left", asker));
    REQUIRE(read(right, "right", asker));
    kit::await("the other's page", [&] { return so_far() == names{"first", "right"}; });
    CHECK(waiting() == 1);
    CHECK(past->holds_too_much(left.id));
    CHECK_FALSE(past->holds_too_much(right.id));
    first.events.clear();
    kit::await("its own page", [&] { return so_far() == names{"first", "right", "left"}; });
    CHECK_FALSE(past->holds_too_much(left.id));
}

TEST_CASE_FIXTURE(given_small_shares, "asks that nobody waits for go at once, also while too much is held to read on")
{
    auto asks = std::make_shared<const int>(2);
    for (int i = 0; i < 60; ++i)
        REQUIRE(read(left, "left", asks));
    CHECK(waiting() == 60);
    asks.reset();
    kit::await("they are gone", [&] { return waiting() == 0; });
    CHECK(so_far() == std::vector<std::string>{"first"});
    CHECK(past->take_figures().passed_over == 60);
    CHECK(past->has_room_for(left.id));
}

TEST_CASE("a poll whose page does not come is told to come again when its time is over, and a ticket waits for none")
{
    stage in{without_projections()};
    const auto of = in.new_tenant("held");
    REQUIRE(ask(in, of.key, "GET", "/api/v1/events").status == 200);
    const auto ticket = value_of(ask(in, of.key, "POST", "/api/v1/events/tickets", "{}").body, "ticket");
    {
        const stopped_reader still{in};
        const auto late = ask(in, of.key, "GET", "/api/v1/events");
        CHECK(late.status == 503);
        CHECK(value_of(late.body, "code") == "busy");
        CHECK(late.header("Retry-After").has_value());
        CHECK(stream_client{in, "", "?ticket=" + ticket}.head().status == 200);
    }
    CHECK(value_of(ask(in, of.key, "GET", "/api/v1/events").body, "type") == "org.created");
}

TEST_CASE("when too many wait for older events, polls and streams that need them are told so at once; others begin")
{
    auto options = without_projections();
    options.adjust = [](http::service_config& config) { config.live.past_waiting = {2, 2}; };
    stage in{options};
    const auto of = in.new_tenant("full");
    REQUIRE(ask(in, of.key, "GET", "/api/v1/events").status == 200);
    {
        const stopped_reader still{in};
        const std::string read = "clientflow_event_pages_total{by=\"lane\"}";
        const auto before = metric(in, read);
        REQUIRE_FALSE(before.empty());
        std::vector<kit::wire> waiting;
        for (int i = 0; i < 3; ++i)
        {
            waiting.push_back(in.connect());
            waiting.back().request("GET", "/api/v1/events",
                                   {{"Authorization", "Bearer " + of.key}, {"Prefer", "wait=10"}});
            if (i == 0)
                kit::await("one is read", [&] { return metric(in, read) != before; });
        }
        kit::await("two wait", [&] { return metric(in, "clientflow_event_pages_waiting") == "2"; });
        const auto poll = ask(in, of.key, "GET", "/api/v1/events");
        CHECK(poll.status == 503);
        CHECK(value_of(poll.body, "code") == "busy");
        CHECK(poll.header("Retry-After").has_value());
        const stream_client from_first{in, of.key, "?after="};
        CHECK(from_first.head().status == 503);
        CHECK(from_first.head().header("Retry-After").has_value());
        CHECK(stream_client{in, of.key}.head().status == 200);  // from now on: it needs nothing older
    }
    kit::await("the reader goes on", [&] { return ask(in, of.key, "GET", "/api/v1/events").status == 200; });
}

TEST_CASE("readers that stand still keep nobody from older events, although they hold all that may be held")
{
    auto options = without_projections();
    options.adjust = [](http::service_config& config) {
        config.live.past_held_bytes_max = 1;  // one page at a time, of whomever
        config.live.slow_after = kit::milliseconds{100};
        config.live.ring.tenant_ring_bytes_max = 2'000;
    };
    stage in{options};
    const auto of = in.new_tenant("still");
    const auto project = ask(in, of.key, "POST", "/api/v1/projects", R"({"name": "P"})");
    std::string text;
    for (int i = 0; i < 20'000; ++i)
        text += "\xF0\x9F\x8C\x8D";
    // More than sockets hold.
    for (int i = 0; i < 150; ++i)
        REQUIRE(ask(in, of.key, "POST", "/api/v1/tasks",
                    R"({"title": "T", "project_id": ")" + value_of(project.body, "id") + R"(", "description": ")" +
                        text + "\"}")
                    .status == 201);
    std::vector<stream_client> still;
    for (int i = 0; i < 3; ++i)
        still.emplace_back(in, of.key, "?after=");
    stream_client reads{in, of.key, "?after="};
    std::vector<std::string> seen;
    const auto all = http_tests::public_event_ids(in, of);
    while (seen.size() < all.size())
        seen.push_back(value_of(reads.next_event().data, "id"));
    CHECK(seen == all);
    kit::await("nothing is held any more", [&] { return metric(in, "clientflow_event_past_bytes") == "0"; });

    // What they had taken by then is whole, and they go on behind it.
    seen.clear();
    std::string last;
    try
    {
        for (;;)
        {
            seen.push_back(value_of(still[0].next_event().data, "id"));
            last = still[0].last_id();
            if (seen.size() == all.size())
                break;
        }
    }
    catch (const kit::wire_error&)  // it was in the way
    {}
    stream_client again{in, of.key, "?after=", last};
    while (seen.size() < all.size())
        seen.push_back(value_of(again.next_event().data, "id"));
    CHECK(seen == all);
}
