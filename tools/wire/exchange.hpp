// A small HTTP/1.1 client over POSIX sockets, for the tools that play outside clients: the load and the benchmarks.
//
// It shares the machine with the server it drives, so it is cheap on purpose: one thread, epoll, keep-alive, at most
// one request in flight per connection, and no copy of an answer but its own buffer. Requests are handed in as bytes.
// A connection that dies is opened again by the next `send`; the request that was in flight ends as `lost`, because
// only the caller knows whether it may be repeated. Nothing here is thread-safe: an exchange serves the thread that
// made it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace wire
{
// Where a server listens. Plain HTTP only: the tools run beside the server.
struct endpoint
{
    std::string host;
    std::uint16_t port = 0;

    std::string authority() const;  // "127.0.0.1:8080"
    // "http://host:port", a trailing slash allowed.
    static std::optional<endpoint> parse(std::string_view url);
};

struct response
{
    int status = 0;    // 0: the connection was lost, or the deadline passed, before a whole answer arrived
    std::string head;  // status line and header lines as they came
    std::string body;

    bool lost() const { return status == 0; }
    // The first header of that name (any case), without the spaces around; empty when absent.
    std::string_view header(std::string_view name) const;
};

struct request
{
    std::string_view method;
    std::string_view target;
    std::string_view key;              // X-API-Key; empty: none
    std::string_view idempotency_key;  // empty: none
    std::string_view body;             // JSON; empty: none
    std::string_view headers;          // further header lines, each ended by CRLF
    std::string_view content_type = "application/json";
};

// The bytes of a request for `to`.
std::string render(const endpoint& to, const request&);

// The host has no address.
struct no_such_host : std::runtime_error
{
    using runtime_error::runtime_error;
};

class exchange
{
public:
    // Resolves the host once; connections are opened when first used. Throws `no_such_host`.
    exchange(const endpoint&, int connections, std::chrono::milliseconds answer_deadline = std::chrono::seconds{35});
    // Connection n is always to servers[n mod size], whether that one is there or not.
    exchange(const std::vector<endpoint>& servers, int connections, std::chrono::milliseconds answer_deadline);
    ~exchange();
    exchange(const exchange&) = delete;
    exchange& operator=(const exchange&) = delete;

    int connections() const { return static_cast<int>(links_.size()); }
    bool busy(int connection) const { return links_[static_cast<std::size_t>(connection)].waiting; }
    int in_flight() const { return in_flight_; }

    // Starts a request on a connection that is not busy. The bytes are copied.
    void send(int connection, std::string_view bytes);

    // Waits at most that long for something to happen and hands every finished answer to `done`, which may `send` again
    // on the same connection. The response may be moved from.
    using done = std::function<void(int connection, response&)>;
    void step(std::chrono::milliseconds wait, const done&);

private:
    using instant = std::chrono::steady_clock::time_point;

    struct address
    {
        std::vector<unsigned char> bytes;  // a sockaddr
        int family = 0;
    };

    struct link
    {
        int socket = -1;
        bool waiting = false;  // a request is in flight
        bool connecting = false;
        bool wants_write = false;  // registered for EPOLLOUT
        bool fresh = true;         // nothing was answered on this connection yet
        std::string out;
        std::size_t sent = 0;
        std::string in;
        std::size_t searched = 0;  // of `in`, for the end of the head
        std::size_t head_bytes = 0;
        std::size_t body_bytes = 0;
        bool chunked = false;
        bool closes = false;
        int status = 0;
        instant deadline;
    };

    static address resolve(const endpoint&);
    void open(link&, int number);
    void shut(link&);
    void write(link&, int number);
    void read(link&, int number, const done&);
    bool parse(link&);
    void finish(link&, int number, response&, const done&);
    void lose(link&, int number, const done&);
    void expire(const done&);
    void watch(link&, int number, bool for_write);

    std::vector<link> links_;
    std::vector<address> addresses_;  // one per server
    int poll_ = -1;
    int in_flight_ = 0;
    std::chrono::milliseconds answer_deadline_;
    instant expired_at_;
    std::vector<int> failed_;  // links whose request could not even be started
};

// One request and its answer on a connection of its own.
response call(const endpoint&, const request&, std::chrono::milliseconds deadline = std::chrono::seconds{35});
}  // namespace wire
