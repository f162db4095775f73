// Where the server tells what it did: access lines and notes, as values. Whoever owns the process decides how they are
// written; this folder includes no logging library. No key, body or personal value is ever handed over: an address is
// one, so a line carries the network it lies in; the whole address stands, sealed, with the events that it caused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace http
{
struct access_line
{
    std::string_view request_id;
    std::string_view traceparent;  // as sent, when well formed
    std::string_view method;
    std::string_view route;  // the pattern, "/api/v1/projects/{id}"; empty: none matched
    int status = 0;
    std::string_view code;  // of the problem, empty on success
    double seconds = 0;
    std::string_view tenant;     // org_…, empty without a key
    std::string_view principal;  // key_…
    std::string network;         // of the peer: "203.0.113.0/24", "2001:db8:1::/48"
    std::size_t answer_bytes = 0;
};

enum class severity : std::uint8_t
{
    info,
    warning,
    error
};

class journal
{
public:
    virtual ~journal() = default;
    // Both from any thread; must not block and must not throw.
    virtual void access(const access_line&) = 0;
    virtual void note(severity, std::string_view event, std::string_view detail) = 0;
};
}  // namespace http
