// Answers that are made while they are sent, over a real listener: pieces from another thread, clients that are slow,
// gone or old, and a server that stops in the middle.
#include "http/server/listener.hpp"
#include "tests/kit/wire.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace
{
using kit::milliseconds;
using kit::wire;
using state = http::body_source::state;

// What the test says, and what the server was seen to do with it.
struct script
{
    std::mutex mutex;
    std::string ready;       // guarded by mutex
    std::size_t given = 0;   // of it; guarded by mutex
    bool complete = false;   // guarded by mutex
    bool broken = false;     // guarded by mutex
    bool has_leave = false;  // it takes leave when it is told to
    bool has_end = true;
    std::atomic<bool> is_void{false};
    std::atomic<bool> has_left{false};  // it was told to
    http::waker wake;                   // guarded by mutex
    std::atomic<std::size_t> pulled{0};
    std::atomic<int> begun{0};
    std::atomic<int> gone{0};

    void say(std::string text, bool last = false)
    {
        http::waker who;
        {
            const std::lock_guard lock{mutex};
            ready += std::move(text);
            complete = last;
            who = wake;
        }
        who();
    }
};

class scripted final : public http::body_source
{
public:
    explicit scripted(std::shared_ptr<script> from) : from_(std::move(from)) {}
    ~scripted() override { ++from_->gone; }

    void begin(http::waker wake) override
    {
        const std::lock_guard lock{from_->mutex};
        from_->wake = std::move(wake);
        ++from_->begun;
    }
    state pull(std::string& out, std::size_t room) override
    {
        const std::lock_guard lock{from_->mutex};
        if (leaving_)
            return out += "bye", state::ended;
        if (from_->broken)
            return state::failed;
        const auto bytes = std::min(room, from_->ready.size() - from_->given);
        out.append(from_->ready, from_->given, bytes);
        from_->given += bytes;
        from_->pulled += bytes;
        if (from_->given < from_->ready.size())
            return state::more;
        return from_->complete ? state::ended : state::waiting;
    }
    bool has_end() const override { return from_->has_end; }
    bool finish(ending) override { return from_->has_left = leaving_ = from_->has_leave; }
    bool is_void() override { return from_->is_void; }

private:
    const std::shared_ptr<script> from_;
    bool leaving_ = false;
};

// GET /stream is the script, anything else an answer of its own.
class streaming final : public http::application
{
public:
    http::next on_head(http::exchange&) override { return http::next::proceed; }
    http::next on_body(http::exchange& x) override
    {
        x.out.content_type = "text/plain";
        if (x.in.path == "/stream")
            x.out.source = std::make_shared<scripted>(told);
        else
            x.out.body = x.in.path;
        return http::next::settled;
    }
    void on_answer(http::exchange&, double) override {}
    void on_refused(http::exchange& x, int status, std::string_view, std::string_view, std::string_view) override
    {
        x.out.status = status;
    }
    void on_exception(http::exchange& x, std::string_view) override { x.out.status = 500; }

    std::shared_ptr<script> told = std::make_shared<script>();
};

http::listener_config impatient()
{
    http::listener_config made;
    made.port = 0;
    made.write_time_max = milliseconds{300};
    made.write_rate_min = 1024 * 1024;
    made.linger_time_max = milliseconds{10'000};
    return made;
}

struct server
{
    explicit server(const http::listener_config& with = impatient()) : listens{with, app} { listens.start(); }
    ~server() { listens.stop(); }
    wire connect() const { return wire{listens.port()}; }
    bool everything_is_gone() const
    {
        return kit::eventually(
            [&] { return app.told->begun > 0 && app.told->gone == app.told->begun && listens.look().open == 0; });
    }

    streaming app;
    http::listener listens;
};

const std::string get_1_0 = "GET /stream HTTP/1.0\r\nHost: x\r\n\r\n";
// More than the sockets on both sides take.
const std::size_t flood_bytes = 64 * 1024 * 1024;
}  // namespace

TEST_CASE("pieces of another thread arrive as they are made, and the connection goes on afterwards")
{
    server s;
    auto wire = s.connect();
    wire.request("GET", "/stream");
    wire.request("GET", "/next");
    const auto head = wire.read_head();
    CHECK(head.status == 200);
    CHECK(head.header("Transfer-Encoding") == "chunked");
    CHECK_FALSE(head.header("Content-Length").has_value());
    for (const std::string piece : {"one|", "two|", "three|"})
    {
        std::thread maker{[&] { s.app.told->say(piece); }};
        CHECK(wire.read_until(piece).ends_with(piece));
        maker.join();
    }
    s.app.told->say("", true);
    CHECK(wire.read_until("0\r\n\r\n").ends_with("\r\n0\r\n\r\n"));
    CHECK(wire.read().body == "/next");
    CHECK(s.app.told->gone == 1);
}

TEST_CASE("a long body is framed so that a client reads it whole, byte for byte")
{
    server s;
    std::string text;
    for (int i = 0; text.size() < 4 * 1024 * 1024; ++i)
        text += std::to_string(i) + ',';
    s.app.told->ready = text;
    s.app.told->complete = true;
    auto wire = s.connect();
    CHECK(wire.exchange("GET", "/stream").body == text);
    CHECK(wire.exchange("GET", "/next").body == "/next");
}

TEST_CASE("HTTP/1.0 gets the bare bytes and an end; HEAD gets the head and no source is begun")
{
    server s;
    s.app.told->ready = "all of it";
    s.app.told->complete = true;
    auto head = s.connect();
    head.request("HEAD", "/stream");
    CHECK(head.read(true).status == 200);
    CHECK(s.app.told->begun == 0);
    CHECK(head.exchange("GET", "/next").body == "/next");
    auto old = s.connect();
    old.send(get_1_0);
    const auto reply = old.read_head();
    CHECK(reply.header("Connection") == "close");
    CHECK_FALSE(reply.header("Transfer-Encoding").has_value());
    CHECK(old.read_to_end() == "all of it");
}

TEST_CASE("a body that fails half way ends its connection without the last chunk")
{
    server s;
    {
        auto wire = s.connect();
        wire.request("GET", "/stream");
        wire.read_head();
        s.app.told->say("half|");
        wire.read_until("half|");
        {
            const std::lock_guard lock{s.app.told->mutex};
            s.app.told->broken = true;
        }
        s.app.told->say("");
        CHECK(wire.read_to_end().find("0\r\n\r\n") == std::string::npos);
    }
    CHECK(s.everything_is_gone());
}

TEST_CASE("to HTTP/1.0, whose bodies end with their connection, a body that fails is reset and not ended")
{
    server s;
    auto old = s.connect();
    old.send(get_1_0);
    old.read_head();
    s.app.told->say("half|");
    CHECK(old.read_until("half|") == "half|");
    {
        const std::lock_guard lock{s.app.told->mutex};
        s.app.told->broken = true;
    }
    s.app.told->say("");
    CHECK_THROWS_AS(old.read_to_end(), kit::wire_error);
}

TEST_CASE("a client that goes away while nothing is said is noticed at once")
{
    server s;
    s.app.told->has_end = false;
    {
        auto wire = s.connect();
        wire.request("GET", "/stream");
        wire.read_head();
        CHECK(s.app.told->gone == 0);
    }
    CHECK(s.everything_is_gone());
    s.app.told->say("to nobody");  // a wake after the end is no fault
}

TEST_CASE("a client that has closed its side still gets all of a body that has an end")
{
    server s;
    auto wire = s.connect();
    wire.request("GET", "/stream");
    wire.read_head();
    wire.end_sending();
    s.app.told->say("first|");
    wire.read_until("first|");
    s.app.told->say("last|", true);
    CHECK(wire.read_to_end().find("last|") != std::string::npos);
    CHECK(s.everything_is_gone());
}

TEST_CASE("a client that takes nothing is cut; of what it did not take one piece was in memory")
{
    server s;
    s.app.told->ready.assign(flood_bytes, '.');
    auto wire = s.connect();
    wire.request("GET", "/stream");
    CHECK(s.everything_is_gone());
    CHECK(s.app.told->pulled < flood_bytes);
    CHECK(kit::eventually([&] { return s.listens.look().timed_out == 1; }));
}

TEST_CASE("a source with last words says them to a slow client behind what it has taken")
{
    server s;
    s.app.told->has_leave = true;
    s.app.told->ready.assign(flood_bytes, '.');
    {
        auto wire = s.connect();
        wire.request("GET", "/stream");
        wire.read_head();
        CHECK(kit::eventually([&] { return s.app.told->has_left.load(); }));
        const auto rest = wire.read_to_end();
        CHECK(rest.ends_with("\r\n0003\r\nbye\r\n0\r\n\r\n"));
    }
    CHECK(s.everything_is_gone());
}

TEST_CASE("a client that does not even take the last words is cut")
{
    auto limits = impatient();
    limits.linger_time_max = milliseconds{300};
    server s{limits};
    s.app.told->has_leave = true;
    s.app.told->ready.assign(flood_bytes, '.');
    auto wire = s.connect();
    wire.request("GET", "/stream");
    CHECK(s.everything_is_gone());
    CHECK(s.app.told->has_left);
}

TEST_CASE("a void source is cut at once, also while its client takes nothing; the others go on")
{
    server s;
    auto other = s.connect();
    s.app.told->ready.assign(flood_bytes, '.');
    auto wire = s.connect();
    wire.request("GET", "/stream");
    CHECK(kit::eventually([&] { return s.app.told->pulled > 0; }));
    s.app.told->is_void = true;
    CHECK(kit::eventually([&] { return s.app.told->gone == 1; }));
    CHECK(other.exchange("GET", "/next").body == "/next");
}

TEST_CASE("draining ends what never ends, and lets a body that has an end come to it")
{
    for (const bool takes_leave : {true, false})
    {
        server s;
        s.app.told->has_leave = takes_leave;
        auto wire = s.connect();
        wire.request("GET", "/stream");
        wire.read_head();
        std::atomic<bool> drained{false};
        std::thread drain{[&] { drained = s.listens.drain(milliseconds{10'000}); }};
        if (!takes_leave)
            s.app.told->say("the rest", true);
        const auto rest = wire.read_until("0\r\n\r\n");
        CHECK(rest.find(takes_leave ? "bye" : "the rest") != std::string::npos);
        wire.end_sending();
        drain.join();
        CHECK(drained);
    }
}

TEST_CASE("a listener that stops in the middle of bodies ends them all, whoever is making them")
{
    streaming app;
    app.told->has_end = false;
    std::vector<wire> clients;
    std::atomic<bool> stop{false};
    std::thread maker;
    {
        http::listener listens{impatient(), app};
        listens.start();
        for (int i = 0; i < 20; ++i)
        {
            clients.emplace_back(listens.port());
            clients.back().request("GET", "/stream");
            clients.back().read_head();
        }
        maker = std::thread{[&] {
            while (!stop)
                app.told->say("x");
        }};
        CHECK(kit::eventually([&] { return app.told->pulled > 100; }));
        listens.stop();
        CHECK(app.told->gone == 20);
    }
    stop = true;
    maker.join();
}
