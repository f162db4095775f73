// The kit itself: what the other suites take for granted about clusters, proxies, processes and the wire.
#include "tests/kit/cluster.hpp"
#include "tests/kit/eventually.hpp"
#include "tests/kit/process.hpp"
#include "tests/kit/proxy.hpp"
#include "tests/kit/wire.hpp"

#include <doctest/doctest.h>
#include <pqxx/pqxx>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <future>
#include <netinet/in.h>
#include <sstream>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

using namespace std::chrono_literals;

namespace
{
// Accepts one connection and hands it to a function; the port is known at once.
class listener
{
public:
    listener()
    {
        socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in here{};
        here.sin_family = AF_INET;
        here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof here;
        REQUIRE(::bind(socket_, reinterpret_cast<sockaddr*>(&here), size) == 0);
        REQUIRE(::listen(socket_, 8) == 0);
        REQUIRE(::getsockname(socket_, reinterpret_cast<sockaddr*>(&here), &size) == 0);
        port = ntohs(here.sin_port);
    }
    ~listener() { ::close(socket_); }
    listener(const listener&) = delete;
    listener& operator=(const listener&) = delete;

    int accept() { return ::accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC); }

    std::uint16_t port = 0;

private:
    int socket_ = -1;
};

// Everything the other side sends until it ends or resets the connection.
std::string drained(int connection)
{
    std::string all;
    std::array<char, 1024> buffer;
    for (;;)
    {
        const ssize_t got = ::recv(connection, buffer.data(), buffer.size(), 0);
        if (got <= 0)
            break;
        all.append(buffer.data(), static_cast<std::size_t>(got));
    }
    ::close(connection);
    return all;
}

// A question on an open session; which call of libpqxx notices a lost connection differs.
int answer_of(pqxx::connection& open)
{
    pqxx::nontransaction work(open);
    return work.exec1("SELECT 42")[0].as<int>();
}

void say(int connection, std::string_view text)
{
    REQUIRE(::send(connection, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()));
}
}  // namespace

TEST_CASE("a process is run with its arguments and environment, and its output is kept")
{
    const auto done = kit::run({.program = "/bin/sh",
                                .arguments = {"-c", "echo out $1 $GREETING; echo err >&2; exit 7", "sh", "one"},
                                .environment = {{"GREETING", "hello"}}});
    CHECK(done.end == kit::ending{7, 0});
    CHECK(done.output == "out one hello\n");
    CHECK(done.errors == "err\n");
    CHECK_THROWS(kit::process({.program = "/no/such/program"}));
}

TEST_CASE("a process is signalled, waited for with a deadline, and gone with its object")
{
    pid_t pid = 0;
    {
        kit::process child({.program = "/bin/sleep", .arguments = {"100"}});
        pid = child.pid();
        CHECK(child.running());
        CHECK(!child.wait(20ms));
    }
    CHECK(::kill(pid, 0) != 0);

    kit::process child({.program = "/bin/sleep", .arguments = {"100"}});
    child.kill(SIGTERM);
    CHECK(child.wait() == kit::ending{-1, SIGTERM});
}

TEST_CASE("a cluster starts, keeps what it committed through a crash, and leaves nothing behind")
{
    std::filesystem::path directory;
    pid_t pid = 0;
    {
        kit::cluster db;
        directory = db.directory();
        pid = db.pid();
        CHECK(db.run("SHOW fsync") == "on");
        CHECK(db.run("SHOW server_encoding") == "UTF8");
        db.run("CREATE TABLE kept AS SELECT 41 AS n");
        db.stop_immediate();
        CHECK(!db.running());
        db.start();
        CHECK(db.run("SELECT n + 1 FROM kept") == "42");
        pid = db.pid();
    }
    CHECK(!std::filesystem::exists(directory));
    CHECK(::kill(pid, 0) != 0);
}

TEST_CASE("a database is a copy of its template")
{
    kit::cluster& db = kit::plain_cluster();
    CHECK(db.run("SHOW fsync") == "off");
    db.create_database("kit_first");
    db.run("CREATE TABLE there AS SELECT 'yes' AS answer", "kit_first");
    db.create_database("kit_second", "kit_first");
    CHECK(db.run("SELECT answer FROM there", "kit_second") == "yes");
    db.drop_database("kit_second");
    db.drop_database("kit_first");
}

TEST_CASE("a stopped cluster answers nobody, and goes on where it stood")
{
    kit::cluster& db = kit::plain_cluster();
    pqxx::connection open(db.dsn());
    db.sigstop();
    auto answer = std::async(std::launch::async, [&] { return db.run("SELECT 1"); });
    CHECK(answer.wait_for(200ms) == std::future_status::timeout);
    db.sigcont();
    CHECK(answer.get() == "1");
    CHECK(answer_of(open) == 42);
}

TEST_CASE("terminated backends are noticed by their clients")
{
    kit::cluster& db = kit::plain_cluster();
    pqxx::connection open(db.dsn());
    db.terminate_backends();
    CHECK_THROWS_AS(answer_of(open), pqxx::failure);
}

TEST_CASE("through the proxy a session works, and a cut ends it while new ones pass")
{
    kit::cluster& db = kit::plain_cluster();
    kit::proxy between(db.port());
    const std::string dsn = db.dsn_through(between.port());
    {
        pqxx::connection first(dsn);
        CHECK(answer_of(first) == 42);
        between.cut();
        CHECK_THROWS_AS(answer_of(first), pqxx::failure);
    }
    CHECK_NOTHROW(pqxx::connection{dsn});
    between.refuse();
    CHECK_THROWS_AS(pqxx::connection{dsn}, pqxx::broken_connection);
    between.heal();
    CHECK_NOTHROW(pqxx::connection{dsn});
}

TEST_CASE("the proxy cuts after an exact number of bytes, in either direction")
{
    listener server;
    kit::proxy between(server.port);

    between.cut_after_bytes(kit::direction::to_server, 5);
    kit::wire client(between.port());
    client.send("0123456789");
    CHECK(drained(server.accept()) == "01234");
    CHECK(client.ended());

    between.cut_after_bytes(kit::direction::to_client, 3);
    kit::wire second(between.port());
    const int connection = server.accept();
    say(connection, "abcdef");
    CHECK(second.read_to_end() == "abc");
    CHECK(drained(connection).empty());
    CHECK(kit::eventually([&] { return between.connections() == 0; }));
}

TEST_CASE("half open: the client is cut off while the server's side stays open")
{
    listener server;
    kit::proxy between(server.port);
    kit::wire client(between.port());
    const int connection = server.accept();
    client.send("x");
    char byte = 0;
    REQUIRE(::recv(connection, &byte, 1, 0) == 1);
    between.half_open();
    CHECK(client.ended());
    CHECK(::recv(connection, &byte, 1, MSG_DONTWAIT) == -1);
    CHECK((errno == EAGAIN || errno == EWOULDBLOCK));
    CHECK(between.connections() == 1);
    between.heal();
    CHECK(drained(connection).empty());
}

TEST_CASE("a silenced direction swallows what is sent, closes nothing, and concerns no new connection")
{
    listener server;
    kit::proxy between(server.port);
    kit::wire client(between.port(), "127.0.0.1", 100ms);
    const int connection = server.accept();
    between.silence(kit::direction::to_client);
    say(connection, "swallowed.");
    CHECK_THROWS_AS(client.read_until("."), kit::wire_error);
    client.send("x");
    char byte = 0;
    CHECK(::recv(connection, &byte, 1, 0) == 1);

    kit::wire other(between.port());
    const int second = server.accept();
    say(second, "heard.");
    CHECK(other.read_until(".") == "heard.");
    ::close(second);
    ::close(connection);
}

TEST_CASE("stalled bytes arrive once the proxy heals; delayed ones arrive late")
{
    listener server;
    kit::proxy between(server.port);
    kit::wire client(between.port(), "127.0.0.1", 100ms);
    const int connection = server.accept();
    between.stall();
    say(connection, "late.");
    CHECK_THROWS_AS(client.read_until("."), kit::wire_error);
    between.heal();
    client.deadline(10s);
    CHECK(client.read_until(".") == "late.");

    between.delay(80ms);
    const auto start = std::chrono::steady_clock::now();
    say(connection, "later.");
    CHECK(client.read_until(".") == "later.");
    CHECK(std::chrono::steady_clock::now() - start >= 80ms);
    ::close(connection);
}

TEST_CASE("the wire reads replies of known length, in chunks, without a body and up to the end")
{
    listener server;
    kit::wire client(server.port);
    const int connection = server.accept();
    say(connection, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: 1\r\nx-a: 2\r\n\r\nhi"
                    "HTTP/1.1 204 No Content\r\n\r\n"
                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"
                    "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"
                    "HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\nto the end");
    ::shutdown(connection, SHUT_WR);

    const kit::reply known = client.exchange("GET", "/a");
    CHECK(known.status == 200);
    CHECK(known.reason == "OK");
    CHECK(known.body == "hi");
    CHECK(known.header("X-a") == "1");
    CHECK(client.read().status == 204);
    CHECK(client.read().body == "abcde");
    CHECK(client.exchange("HEAD", "/a").body.empty());
    CHECK(client.exchange("POST", "/b", {{"A", "b"}}, "xy").body == "to the end");
    CHECK(client.ended());
    client.end_sending();
    const std::string host = "Host: 127.0.0.1:" + std::to_string(server.port) + "\r\n";
    CHECK(drained(connection) == "GET /a HTTP/1.1\r\n" + host + "\r\nHEAD /a HTTP/1.1\r\n" + host +
                                     "\r\nPOST /b HTTP/1.1\r\n" + host + "A: b\r\nContent-Length: 2\r\n\r\nxy");
}

TEST_CASE("what a test program leaves behind when it is killed is cleared up")
{
    // A second test program of the same binary starts a cluster, says where, and is killed.
    const auto self = std::filesystem::read_symlink("/proc/self/exe");
    kit::process other({.program = self, .arguments = {"--no-skip", "-tc=a cluster that is never stopped"}});
    std::filesystem::path directory;
    pid_t server = 0;
    kit::await(
        "the other program says where its cluster lies",
        [&] {
            std::istringstream said(other.output());
            std::string line;
            while (std::getline(said, line))
                if (line.starts_with("cluster "))
                {
                    std::istringstream words(line.substr(8));
                    return static_cast<bool>(words >> directory >> server);
                }
            return false;
        },
        30s);
    CHECK(std::filesystem::exists(directory));
    other.kill(SIGKILL);
    CHECK(other.wait() == kit::ending{-1, SIGKILL});
    CHECK(kit::eventually([&] { return !std::filesystem::exists(directory) && ::kill(server, 0) != 0; }, 20s));
}

TEST_CASE("a cluster that is never stopped" * doctest::skip())
{
    kit::cluster db({.fsync = false});
    std::printf("cluster %s %d\n", db.directory().c_str(), static_cast<int>(db.pid()));
    std::fflush(stdout);
    kit::eventually([] { return false; }, 60s);
}
