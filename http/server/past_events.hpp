// The thread `live-past`: reads what is older than what the process has in memory.
//
// It has a connection of its own, so that a client who comes back after a month keeps neither a query thread nor the
// live streams waiting. A page comes by the read model that is an index by tenant, where that reaches, and by a walk
// along the lane where it does not (projections/events_by_tenant, events/feed/tenant_past). What was read and is not
// taken by its clients yet is counted, whoever holds it: beyond its share a tenant is read no further page until some
// is let go of, and beyond the bound of all nobody is. Tenants take turns, a page each (past_queue). Calls may come
// from any thread and never block; `done` is called once, on this thread, or never: when the asker is gone, when the
// ask's time is over, after `stop`.
#pragma once

#include "events/feed/fan_out.hpp"
#include "events/feed/tenant_past.hpp"
#include "events/log/seal.hpp"
#include "http/server/past_queue.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace projection
{
class reader;
}

namespace http
{
struct past_events_config
{
    event_log::store_config store;
    event_feed::tenant_past_config past;
    // Called on the thread; empty: everything is read along the lanes.
    std::function<std::unique_ptr<projection::reader>()> open_reader;
    std::size_t page_events_max = 200;
    std::size_t page_bytes_max = 1024 * 1024;                 // as stored; but for one event
    std::size_t held_bytes_max = 64 * 1024 * 1024;            // rendered, of all pages together; but for one page
    std::size_t held_bytes_of_tenant_max = 16 * 1024 * 1024;  // likewise, of one tenant's
    past_queue_limits waiting;                                // beyond: refused
};

class past_events
{
public:
    struct ask
    {
        event_log::uuid tenant;
        event_log::position after;
        std::int64_t up_to = 0;
        std::string incarnation;
        std::size_t events_max = SIZE_MAX;  // or what the config says, when that is less; likewise
        std::size_t bytes_max = SIZE_MAX;
        std::weak_ptr<const void> asker;  // once it is gone nobody wants the answer any more,
        std::chrono::steady_clock::time_point until = std::chrono::steady_clock::time_point::max();  // nor after this
    };
    struct page
    {
        bool failed = false;  // the store is away
        std::vector<event_feed::shown> events;
        std::int64_t up_to = 0;
    };
    past_events(past_events_config, event_log::keyring&, std::function<void(const std::string& why)> failed);
    ~past_events();  // stops

    void start();
    void stop();

    // False: too many are waiting; `done` is not called.
    bool read(ask, std::function<void(page)> done);
    bool has_room_for(const event_log::uuid& tenant) const;
    // Nothing is read for this tenant until somebody lets go of events.
    bool holds_too_much(const event_log::uuid& tenant) const;

    struct figures
    {
        std::size_t waiting = 0;
        std::size_t held_bytes = 0;
        std::uint64_t pages_by_tenant = 0;  // from the read model
        std::uint64_t pages_by_lane = 0;    // from the log
        std::uint64_t refused = 0;
        std::uint64_t passed_over = 0;
    };
    figures take_figures() const;

private:
    struct implementation;
    std::unique_ptr<implementation> self_;
};
}  // namespace http
