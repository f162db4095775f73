// A request as it was read, and the answer to it.
//
// The text views of a request point into its connection and stand until the answer has been written; whoever needs them
// longer copies them. Both serve one thread at a time: the shard's, or the one that the exchange was handed to.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace http
{
enum class verb : std::uint8_t
{
    get,
    head,
    post,
    patch,
    delete_,
    put,
    options,
    other
};

verb verb_of(std::string_view method);
std::string_view text_of(verb);

bool equals_ignoring_case(std::string_view, std::string_view);

struct header_field
{
    std::string_view name;   // as sent
    std::string_view value;  // without surrounding blanks
};

struct request
{
    verb method = verb::other;
    std::string_view method_text;
    std::string_view target;  // origin form: starts with '/', or is "*"
    std::string_view path;    // target up to '?'
    std::string_view query;   // after '?'
    std::vector<header_field> fields;
    std::string body;
    bool has_body = false;  // a Content-Length above 0, or chunks
    std::string_view peer;  // the address of the other side, never what a header claims

    // The first field of this name, in any case; empty when there is none.
    std::string_view field(std::string_view name) const;
    std::size_t count(std::string_view name) const;
    // All fields of this name as one list, "a, b".
    std::string joined(std::string_view name) const;
};

struct reply
{
    int status = 200;
    std::string_view content_type;  // empty: the answer has no body
    std::string body;
    std::string_view borrowed_body;  // instead of `body`: text that outlives the exchange
    std::string fields;              // complete lines, "Name: value\r\n"
    bool close = false;

    // `value` must not hold a line end: asserted.
    void add(std::string_view name, std::string_view value);
    std::string_view text() const { return borrowed_body.empty() ? std::string_view{body} : borrowed_body; }
};

// Resumes a parked exchange on its shard. May be called from any thread, exactly once per parking; calls after the
// listener has stopped do nothing. Cheap to copy.
class waker
{
public:
    struct target
    {
        virtual ~target() = default;
        virtual void wake() = 0;
    };

    waker() = default;
    explicit waker(std::shared_ptr<target> to) : to_(std::move(to)) {}
    void operator()() const
    {
        if (to_)
            to_->wake();
    }

private:
    std::shared_ptr<target> to_;
};

// What an application says after it has looked at an exchange.
enum class next
{
    proceed,  // after the head: read the body, then ask again
    settled,  // `out` is the answer
    parked    // somebody will call `wake`; then `then` is asked
};

// One request on its way through the application.
struct exchange
{
    request in;
    reply out;
    std::size_t body_bytes_max = 0;  // preset from the listener; the application may change it after the head
    std::function<next(exchange&)> then;
    waker wake;
    // While parked: `on_due` is called once on the shard's thread when `due` has passed (within a tenth of a second).
    std::chrono::steady_clock::time_point due{};
    std::function<void()> on_due;
    std::shared_ptr<void> context;  // the application's own
};

// What a listener serves. Called on shard threads, must never block; an exception out of any of these is answered with
// `on_exception`.
class application
{
public:
    virtual ~application() = default;

    // The head is there. `settled` now spares reading a body into memory: it is still read, and thrown away.
    virtual next on_head(exchange&) = 0;
    // The body is there, complete and within bounds.
    virtual next on_body(exchange&) = 0;
    // The answer is about to be written; `seconds` since the head was complete.
    virtual void on_answer(exchange&, double seconds) = 0;
    // The rest of the request cannot be read, or took too long: `code` is a problem code of the public contract. With a
    // context the head had been looked at; without one `in` must not be used. No `on_answer` follows.
    virtual void on_refused(exchange&, int status, std::string_view code, std::string_view detail,
                            std::string_view peer) = 0;
    virtual void on_exception(exchange&, std::string_view what) = 0;
};
}  // namespace http
