// One connection of a listener: a machine that says what it waits for, and a coroutine that does nothing but wait.
//
// `advance` is ordinary code: it reads requests out of the bytes that are there, hands them to the application, gathers
// answers, and returns the one thing to wait for next. All of it runs on the shard's thread. Deadlines are absolute and
// looked at by the shard's ticker, so a connection needs no timer of its own. Included by this machine's .cpp files
// only.
#pragma once

#include "http/server/answer.hpp"
#include "http/server/limits.hpp"
#include "http/server/message.hpp"
#include "http/server/wire.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>

#include <atomic>
#include <chrono>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace http
{
namespace asio = boost::asio;
using steady_time = std::chrono::steady_clock::time_point;

inline constexpr std::size_t read_bytes = 16 * 1024;  // asked of a socket at a time

class parking;

// Where other threads leave word that exchanges may go on. One post to the shard per batch, however many wake at once.
class mailbox : public std::enable_shared_from_this<mailbox>
{
public:
    explicit mailbox(asio::io_context& shard) : shard_(&shard) {}
    void put(std::shared_ptr<parking>);
    void close();  // afterwards `put` does nothing

private:
    void drain();

    std::mutex mutex_;
    asio::io_context* shard_;                        // guarded by mutex_; nullptr: closed
    std::vector<std::shared_ptr<parking>> arrived_;  // guarded by mutex_
    std::vector<std::shared_ptr<parking>> waking_;   // the shard's thread only
};

// A coroutine that sleeps, without its type. (Asio 1.81's any_completion_handler copies itself without end.)
struct sleeping
{
    virtual ~sleeping() = default;
    virtual void resume() = 0;
};

// The place where a connection's coroutine waits for another thread.
class parking final : public waker::target, public std::enable_shared_from_this<parking>
{
public:
    explicit parking(std::shared_ptr<mailbox> box) : box_(std::move(box)) {}
    void wake() override;  // any thread
    void wake_here();      // the shard's thread

    // The shard's thread only.
    std::unique_ptr<sleeping> sleeper;
    asio::ip::tcp::socket* watched = nullptr;  // while it waits for another thread or the client's end
    bool woken = false;

private:
    std::shared_ptr<mailbox> box_;
    std::atomic<bool> posted_{false};
};

// What all connections of a shard share. The shard's thread only.
struct shard_state
{
    const listener_config* limits = nullptr;
    application* serves = nullptr;
    std::shared_ptr<mailbox> box;
    std::list<class connection*> connections;
    bool draining = false;
    std::string date_field;  // "Date: …\r\n", renewed by the ticker
    std::uint64_t timed_out = 0;
    std::size_t answer_bytes = 0;  // rendered and not yet taken by the clients
};

class connection
{
public:
    connection(asio::ip::tcp::socket, std::string peer, shard_state&);
    ~connection();

    static asio::awaitable<void> serve(std::shared_ptr<connection>);

    // By the shard's ticker.
    void expire(steady_time now);
    // Idle: closes. Otherwise the answer under way is the last one.
    void drain();
    void cut();
    // After the shard's thread has ended: lets go of the coroutine, which a sleeping connection owns in a circle.
    void abandon();

private:
    enum class wait
    {
        read,
        write,
        sleep,
        watch,   // for a wake or the client's end
        turn,    // let the others of the shard have theirs
        nothing  // over
    };
    enum class stage
    {
        head,
        body,
        handling,
        streaming,
        lingering,
        over
    };

    wait advance();
    bool read_request_head();  // true: go on; false: bytes are missing
    bool read_request_body();
    void handle(next);
    void settle();
    void refuse(int status, std::string_view code, std::string_view detail);
    void write_answer(const request*, const reply&, bool last, framing = framing::length);
    void forget_exchange();

    void begin_stream(std::shared_ptr<body_source>, bool last);
    wait go_on_streaming();
    body_source::state pull();
    void end_stream(bool is_whole);
    bool take_leave();
    bool look_at_source(steady_time now);
    void look_for_end();
    bool flush_now();  // false: the socket takes no more for now
    void forget_written();
    void count_pending();
    void time_ran_out();
    void lose_peer();
    steady_time deadline_of_body() const;
    std::string_view unread() const { return {static_cast<const char*>(in_.data().data()), in_.size()}; }
    void use(std::size_t bytes);

    // Fixed after construction.
    shard_state& shard_;
    const listener_config& limits_;
    const std::string peer_;
    const std::shared_ptr<parking> parking_;
    std::list<connection*>::iterator place_;

    asio::ip::tcp::socket socket_;
    wire_reader reader_;
    exchange exchange_;
    std::shared_ptr<body_source> source_;  // while streaming
    std::shared_ptr<parking> stream_;      // its own: a late wake must not meet the next exchange
    framing framed_ = framing::length;
    std::size_t turn_bytes_ = 0;  // written since the others had their turn
    bool leaving_ = false;        // the source says its last words, until
    steady_time leave_by_{};
    bool told_to_end_ = false;    // that the server drains
    bool closing_after_ = false;  // the connection ends with the body
    steady_time again_at_{};      // when a waiting source wants to be pulled
    stage stage_ = stage::head;
    boost::beast::flat_buffer in_;  // what was read and not used yet; its room is not zeroed for every read
    std::string out_;
    std::size_t out_written_ = 0;
    std::size_t served_ = 0;
    std::size_t lingered_ = 0;
    bool discarding_ = false;  // the answer is known, the body is read and thrown away
    bool closing_ = false;     // after what is in out_
    bool breaks_off_ = false;  // an answer ended by the end of the connection is not whole
    bool timed_out_ = false;
    bool peer_ended_ = false;
    bool broken_ = false;   // nothing can be written any more, but another thread still holds the exchange
    bool waiting_ = false;  // a deadline counts
    bool writing_ = false;  // `write_deadline_` does, otherwise `deadline_`
    steady_time deadline_{};
    steady_time write_deadline_{};  // of all that is in `out_`, set once: when the socket first did not take it
    std::size_t counted_ = 0;       // of `out_`, in the shard's sum
    steady_time head_began_{};      // the first byte of the head being read
    bool head_begun_ = false;
    steady_time body_began_{};
    steady_time handled_from_{};
};
}  // namespace http
