// From one read of the log to everybody who follows a tenant live.
//
// One thread, named `live`, tails the lanes in which somebody is followed, and no others; while nobody is, it reads
// nothing. An event of a followed tenant is shown once (opened, rendered) and shared by all its followers. Each tenant
// has a bounded ring of the latest events: a follower holds a place, not events, and who falls out of the ring reads
// the log itself up to where the ring begins. A ring outlives its last follower for a while, so that one who comes
// again finds it.
// Every function is thread-safe. Followers are woken outside of locks, on the `live` thread.
#pragma once

#include "events/feed/feed.hpp"
#include "events/log/envelope.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace event_feed
{
using event_log::uuid;

// An event as followers hand it on. Immutable.
struct shown_event
{
    std::int64_t seq = 0;
    std::string type;  // the public name
    std::string text;  // as it goes into a stream, and within it:
    std::size_t json_at = 0;
    std::size_t json_size = 0;

    std::string_view json() const { return std::string_view{text}.substr(json_at, json_size); }
};
using shown = std::shared_ptr<const shown_event>;

// How events are shown, on the `live` thread.
class presenter
{
public:
    virtual ~presenter() = default;
    // Before `show` of these: fetches what opening them needs, there as long as the answer is kept. Throws
    // `event_log::unreachable`.
    [[nodiscard]] virtual std::shared_ptr<const void> prepare(std::span<const recorded>) = 0;
    // Of an event that was prepared. Nothing: not for the world outside. Must not throw.
    virtual shown show(const recorded&, std::string_view incarnation) = 0;
};

struct fan_out_config
{
    std::size_t ring_bytes_max = 64 * 1024 * 1024;        // of all tenants together
    std::size_t tenant_ring_bytes_max = 4 * 1024 * 1024;  // one event is kept in any case
    std::chrono::milliseconds ring_kept_for{30'000};      // after the last follower has gone
    std::chrono::milliseconds again_after{250};           // a failed read
};

class fan_out
{
public:
    // Both outlive the fan-out. `incarnation`: what the store's positions belong to now, asked often; `relearn` asks
    // the store for it after a read has failed, and may fail itself by throwing. `failed` is told why.
    struct parts
    {
        feed& from;
        presenter& as;
        std::function<std::string()> incarnation;
        std::function<void()> relearn;
        std::function<void(const std::string& why)> failed;
    };
    fan_out(fan_out_config, parts);
    ~fan_out();  // stops

    void start();
    void stop();  // followers stay as they are and are woken no more

    class follower;

    // What a follower may read on.
    struct look
    {
        bool ready = false;         // where the lane ended was asked after this follower came:
        std::int64_t head = 0;      // there
        bool is_current = false;    // and it has been read up to there
        std::uint64_t history = 0;  // another number: places of the one before mean nothing
        std::string incarnation;
        bool behind = false;         // the ring begins after the place asked from,
        std::int64_t ring_from = 0;  // after this one
        std::int64_t up_to = 0;      // `events` are all there are up to here
        std::vector<shown> events;
    };

    // `woken` is called whenever `at` may answer something new, any number of times, until the follower is let go of; a
    // call may still be under way then, so the function owns what it touches.
    std::shared_ptr<follower> follow(const uuid& tenant, std::int32_t lane, std::function<void()> woken);

    // The events after this place, at most so many and so many bytes (but one).
    look at(const follower&, std::int64_t after, std::size_t events_max, std::size_t bytes_max) const;

    struct figures
    {
        std::size_t followers = 0;
        std::size_t tenants = 0;
        std::size_t ring_bytes = 0;
        std::uint64_t events_shown = 0;
        std::uint64_t failures = 0;
    };
    figures take_figures() const;

private:
    struct implementation;
    std::shared_ptr<implementation> self_;  // followers keep it, to leave it
};
}  // namespace event_feed
