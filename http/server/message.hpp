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
    std::string_view target;  // origin form: starts with '/' (or with '?', of http://host?query), or is "*"
    std::string_view path;    // target up to '?', never empty
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

class body_source;

struct reply
{
    int status = 200;
    std::string_view content_type;  // empty: the answer has no body
    std::string body;
    std::string_view borrowed_body;       // instead of `body`: text that outlives the exchange
    std::shared_ptr<body_source> source;  // instead of both: the body comes piece by piece
    std::string fields;                   // complete lines, "Name: value\r\n"
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

// The body of an answer that is not there yet when its head is: a long list, a stream that never ends.
//
// The connection pulls: it asks for a piece whenever the client has taken the ones before, so a slow client holds one
// piece in memory (listener_config::piece_bytes_max) and no thread. Whoever makes the pieces on another thread gives
// `waiting`, and wakes the connection when there is more; nothing of the exchange may be used after the head is
// written, so a source holds what it needs. HTTP/1.1 gets chunks and goes on with the next request; HTTP/1.0, and a
// reply with `close`, end with the connection. Answers to HEAD drop the source unasked.
// All functions are called on the shard's thread and must not block. The source is destroyed when its answer or its
// connection ends, on the shard's thread or on the one that stops the listener: its destructor is where it lets go of
// other threads.
class body_source
{
public:
    enum class state
    {
        more,     // pull again when this was taken
        waiting,  // for a wake, or until `again_at`
        ended,    // that was all
        failed    // the client is to see that something is missing: the connection ends in mid-body
    };
    enum class ending
    {
        draining,  // the server stops
        too_slow   // the client did not take what there was in time
    };

    virtual ~body_source() = default;

    // Once, before the first pull. `wake` may be called from any thread, any number of times, also after the end.
    virtual void begin(waker wake) = 0;

    // Appends at most `room` bytes.
    virtual state pull(std::string& out, std::size_t room) = 0;

    // Of a source that waits: when it wants to be pulled without a wake (within a tenth of a second).
    virtual std::chrono::steady_clock::time_point again_at() const
    {
        return std::chrono::steady_clock::time_point::max();
    }

    // A body without an end is over when the client has closed its side.
    virtual bool has_end() const { return true; }

    // True: it takes leave: brings to an end what it is in the middle of, and soon gives `ended`. False: `draining`
    // changes nothing, and a client that is too slow is cut.
    virtual bool finish(ending) { return false; }

    // Asked ten times a second, also while the client takes nothing. True: the connection is cut at once.
    virtual bool is_void() { return false; }
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
