// A blocking HTTP/1.1 client over a plain socket, for tests that must say every byte and see every byte.
//
// No library stands between the test and the server, so a malformed request stays malformed and a reply is what came.
// Every wait has a deadline. One object is one connection and serves one thread.
#pragma once

#include "tests/kit/eventually.hpp"

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kit
{
// The connection was refused, reset, ended in mid-message, silent until the deadline, or what came is not HTTP.
struct wire_error : std::runtime_error
{
    using std::runtime_error::runtime_error;
};

using header_list = std::vector<std::pair<std::string, std::string>>;

struct reply
{
    int status = 0;
    std::string reason;
    header_list headers;  // as sent, in order
    std::string body;     // chunks joined

    // The first of that name in any case; nothing when absent.
    std::optional<std::string> header(std::string_view name) const;
};

class wire
{
public:
    // `from`: which of this machine's addresses to come from, "127.0.0.77"; empty: any.
    explicit wire(std::uint16_t port, const std::string& address = "127.0.0.1",
                  milliseconds deadline = eventually_default, const std::string& from = {});
    ~wire();
    wire(wire&&) noexcept;
    wire& operator=(wire&&) noexcept;

    // Sends bytes as they are.
    void send(std::string_view);
    // Sends a request with Host, and Content-Length when there is a body or the method usually has one.
    void request(std::string_view method, std::string_view target, const header_list& = {}, std::string_view body = {});
    // Says that nothing more will be sent.
    void end_sending();
    // Ends the connection with a reset (RST), unread bytes and all.
    void reset();

    // The next reply; an interim one (1xx) is a reply of its own. `to_head`: the body is left out, as for HEAD.
    reply read(bool to_head = false);
    reply exchange(std::string_view method, std::string_view target, const header_list& = {},
                   std::string_view body = {});

    // The head alone, for bodies that do not end; their bytes come by read_until().
    reply read_head();
    // Everything up to and including `mark`.
    std::string read_until(std::string_view mark);
    // Everything up to the end of the connection.
    std::string read_to_end();
    // Whether the server ends the connection within the deadline, with nothing left unread. A reset counts.
    bool ended();

    // For every later wait.
    void deadline(milliseconds value) { deadline_ = value; }

private:
    bool fill();  // false at the end of the connection
    std::string take(std::size_t bytes);
    std::string take_line();

    int socket_ = -1;
    std::string authority_;
    milliseconds deadline_;
    std::string received_;  // and not yet handed out
};
}  // namespace kit
