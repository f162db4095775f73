// A TCP proxy that misbehaves on demand: what a network does to a connection, without privileges.
//
// It listens on a free port of 127.0.0.1 and carries every connection to the target. Faults apply to the connections
// that exist, except refuse(). heal() ends all faults; connections already broken stay broken. One thread of its own
// does the work; every member may be called from any thread and has taken effect on the proxy when it returns.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include <chrono>

namespace kit
{
enum class direction
{
    to_server,
    to_client
};

class proxy
{
public:
    explicit proxy(std::uint16_t target_port, const std::string& target_address = "127.0.0.1");
    ~proxy();
    proxy(const proxy&) = delete;
    proxy& operator=(const proxy&) = delete;

    std::uint16_t port() const;

    // Both sides of every connection are reset.
    void cut();
    // Lets exactly this many further bytes pass in that direction, counted over all connections. Then every connection
    // is cut: who receives in that direction gets all those bytes and then the end, the others a reset. Happens once.
    void cut_after_bytes(direction, std::size_t bytes);
    // New connections are reset at once.
    void refuse();
    // The client's side is reset; the server's side stays open and silent.
    void half_open();
    // Nothing passes in either direction, and nothing is closed: packets vanish.
    void stall();
    // What is sent in that direction never arrives, and nothing is closed: a link that fell silent. heal() does not
    // bring it back, and new connections are not concerned.
    void silence(direction);
    // Every byte arrives that much later, in both directions.
    void delay(std::chrono::milliseconds);
    // Ends every fault. What was stalled passes now; half-open server sides are closed.
    void heal();

    std::size_t connections() const;  // open now, half-open ones included
    std::size_t accepted() const;     // ever
    std::uint64_t bytes(direction) const;

private:
    class engine;
    std::unique_ptr<engine> engine_;
};
}  // namespace kit
