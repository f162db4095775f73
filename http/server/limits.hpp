// Every limit of a listener, named, with its unit, in one place.
//
// A listener is one address and port with its shards. The values are those of the public API; the admin listener and
// the tests start from them and change what they need. Plain data; copied into the listener at its start.
#pragma once

#include "http/server/network.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace http
{
struct listener_config
{
    std::string name = "http";          // threads are called <name>-0, <name>-1, …
    std::string address = "127.0.0.1";  // an IPv4 or IPv6 address; "::" and "0.0.0.0" mean every interface
    std::uint16_t port = 8080;          // 0: any free one, see listener::port()
    int shards = 1;                     // one thread and one io_context each; nothing is shared between them

    std::size_t header_bytes_max = 16 * 1024;          // request line and fields; beyond: 431
    std::size_t header_fields_max = 100;               // beyond: 431
    std::size_t uri_bytes_max = 8 * 1024;              // beyond: 414
    std::chrono::milliseconds header_time_max{5'000};  // from the first byte, absolute; beyond: 408
    std::size_t body_bytes_max = 256 * 1024;           // unless the route says otherwise; beyond: 413
    std::chrono::milliseconds body_time_grace{5'000};  // before the rate below is asked for
    std::size_t body_rate_min = 4 * 1024;              // bytes per second, on average since the grace; below: 408
    std::chrono::milliseconds idle_time_max{60'000};   // between requests; beyond: closed without a word
    std::chrono::milliseconds write_time_max{30'000};  // before the rate below is asked for
    std::size_t write_rate_min = 4 * 1024;             // bytes per second that a client takes; below: closed
    std::chrono::milliseconds linger_time_max{2'000};  // reading on after a refusal, so that the client sees it
    std::size_t linger_bytes_max = 1024 * 1024;
    std::size_t connections_max = 10'000;                 // all shards; beyond: 503 and closed
    std::size_t connections_per_address_max = 2'048;      // beyond: 503 and closed; not of trusted proxies
    std::vector<address_block> trusted_proxies{};         // whose word on the client's address is taken
    std::size_t requests_per_connection_max = 1'000'000;  // then `Connection: close`
    std::size_t answers_gathered_max = 64 * 1024;         // bytes of pipelined answers written in one go
    std::size_t piece_bytes_max = 16 * 1024;              // of a body that is made while it is sent
    std::size_t answers_pending_max = 256 * 1024 * 1024;  // bytes not taken by clients yet, per shard; beyond: 503
    std::chrono::milliseconds drain_time_max{25'000};     // for what is under way when the server is asked to stop
};
}  // namespace http
