// The server machine: one address and port, N shards, and an application behind them.
//
// Each shard is one thread `<name>-N` with its own io_context and its own SO_REUSEPORT acceptor; a connection lives and
// dies on the shard that accepted it. Requests of a connection are answered in the order in which they came. All
// members may be called from any thread, one at a time. Sources: RFC 9110, RFC 9112.
#pragma once

#include "http/server/limits.hpp"
#include "http/server/message.hpp"

#include <chrono>
#include <cstdint>
#include <memory>

namespace http
{
class listener
{
public:
    // The application must outlive the listener. Nothing is opened yet.
    listener(listener_config, application&);
    ~listener();  // stops

    // Binds and begins to accept. Throws std::runtime_error with a sentence for people when the port is taken (also by
    // a process that shares ports) or the address is not this machine's; nothing is left open then.
    void start();
    std::uint16_t port() const;

    // Stops accepting, closes idle connections and lets what is under way finish, at most this long. True when nothing
    // was left; otherwise the rest is still being served and `stop` will cut it.
    bool drain(std::chrono::milliseconds at_most);

    // Closes everything at once and joins the threads. Whoever holds a waker may still call it.
    void stop();

    struct figures
    {
        std::uint64_t accepted = 0;
        std::uint64_t refused = 0;  // over a connection bound
        std::uint64_t timed_out = 0;
        std::size_t open = 0;
    };
    figures look() const;

private:
    struct implementation;
    std::unique_ptr<implementation> self_;
};
}  // namespace http
