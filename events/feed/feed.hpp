// Where consumers get the log from: batches of recorded events, contiguous per lane from the position asked.
//
// The same interface serves the store feed (PostgreSQL tailed directly) and the Kafka feed. A consumer remembers
// (incarnation, lane, seq); it is handed seq + 1 next, always. One feed object serves one thread; `wake` may be called
// from any.
#pragma once

#include "events/log/envelope.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace event_feed
{
using event_log::position;
using event_log::recorded;

struct feed_config
{
    std::size_t batch_events_max = 5'000;           // per lane and call
    std::size_t batch_bytes_max = 8 * 1024 * 1024;  // per call
    std::chrono::milliseconds poll_min{200};        // jittered poll, the truth behind every wake-up
    std::chrono::milliseconds poll_max{400};
    std::chrono::milliseconds read_deadline{10'000};
};

// The log lacks an event between two others, or hands them out of order. Nothing may be read past it.
struct hole : std::runtime_error
{
    hole(const position& wanted, const position& found);

    position wanted;
    position found;
};

class feed
{
public:
    virtual ~feed() = default;

    // Events after each position given, at most the configured batch per lane, or `events_max` where that is less,
    // grouped by lane, ascending by seq and without a hole: a hole in the log is a fault and throws `event_feed::hole`.
    // They are as they are stored: who decodes one brings it to its newest shape (upcast.hpp). Empty when there is
    // nothing new. Throws `event_log::unreachable` when the source cannot be read before the deadline; a later call
    // tries anew.
    virtual std::vector<recorded> read(std::span<const position> after, std::size_t events_max) = 0;
    std::vector<recorded> read(std::span<const position> after)
    {
        return read(after, std::numeric_limits<std::size_t>::max());
    }

    // The last seq of each lane asked, in order.
    virtual std::vector<position> heads(std::span<const std::int32_t> lanes) = 0;

    // Returns when something new may be there, at the latest after the jittered poll interval.
    virtual void wait() = 0;

    // Ends a `wait` early. Thread-safe.
    virtual void wake() = 0;
};
}  // namespace event_feed
