// Bytes in, requests out: the reading side of HTTP/1.1 (RFC 9112) as a machine without IO, stricter than it has to be.
//
// A request that two servers could read in two ways is refused, because that is how requests are smuggled past a proxy:
// bare line feeds, folded fields, missing or repeated Host, Transfer-Encoding that is anything but one `chunked` on
// HTTP/1.1, Transfer-Encoding beside Content-Length, repeated or signed Content-Length. Beast's parser underneath lets
// several of these through; they are looked for before it and after it. One wire_reader serves one connection and one
// thread; after `failed` it must not be used again.
#pragma once

#include "http/server/limits.hpp"
#include "http/server/message.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace http
{
// Why a request could not be read. The texts are static.
struct wire_failure
{
    int status = 400;
    std::string_view code = "malformed";
    std::string_view detail;
};

class wire_reader
{
public:
    enum class step
    {
        need_more,
        done,
        failed
    };

    explicit wire_reader(const listener_config&);
    ~wire_reader();
    wire_reader(const wire_reader&) = delete;
    wire_reader& operator=(const wire_reader&) = delete;

    // Looks for a complete head at the beginning of `unread`. On done `consumed` bytes are used up, `into` is filled
    // with views into this reader (valid until the next head is read), and the body is expected. `consumed` may also be
    // non-zero on need_more: an empty line before a request is skipped, one.
    step head(std::string_view unread, std::size_t& consumed, request& into);

    // After a head: takes from `unread` what belongs to the body; done when it is complete (at once without a body).
    // `keep`: append to `into.body`; else the bytes are thrown away. Beyond `bytes_max`: failed with too_large.
    step body(std::string_view unread, std::size_t& consumed, request& into, std::size_t bytes_max, bool keep);

    std::uint64_t body_bytes() const { return body_bytes_; }
    bool keep_alive() const { return keep_alive_; }
    bool takes_chunks() const { return !http_1_0_; }
    bool expects_continue() const { return expects_continue_; }
    const wire_failure& failure() const { return failure_; }

private:
    class parser;

    step fail(int status, std::string_view code, std::string_view detail);
    step refuse_oversize(std::string_view unread);
    bool lines_are_strict(std::string_view fresh);
    bool read_target(request&);
    bool read_framing(request&);

    const listener_config limits_;
    std::string head_;  // the current request's head; the views of the request point here
    std::size_t scanned_ = 0;
    bool has_skipped_ = false;  // an empty line before this request
    std::uint64_t body_bytes_ = 0;
    bool keep_alive_ = true;
    bool expects_continue_ = false;
    bool http_1_0_ = false;
    std::unique_ptr<parser> parser_;
    wire_failure failure_;
};
}  // namespace http
