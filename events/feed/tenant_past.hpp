// One tenant's events of long ago, page by page, without a look at any other lane.
//
// A page walks the tenant's lane in windows and ends when it is full, when the place asked for is reached, or when its
// time is over: then it is short or empty, and the next one goes on where it stopped. One connection, one thread.
#pragma once

#include "events/feed/feed.hpp"
#include "events/log/connection.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace event_feed
{
struct tenant_past_config
{
    event_log::connection_config connection;
    std::shared_ptr<event_log::watchdog> guard;
    std::int64_t window_events = 20'000;             // of the lane, looked at in one statement
    std::chrono::milliseconds page_time{500};        // after which no further window is begun
    std::chrono::milliseconds call_deadline{5'000};  // of one statement
};

class tenant_past
{
public:
    explicit tenant_past(tenant_past_config);
    ~tenant_past();

    struct page
    {
        std::vector<recorded> events;  // ascending, as they are stored
        std::int64_t up_to = 0;        // all there are up to here
    };
    // Events of the tenant after `after` up to `up_to`, at most `events_max` and `bytes_max`, as stored, but for one
    // event. Throws `event_log::unreachable`.
    page read(const event_log::uuid& tenant, const position& after, std::int64_t up_to, std::size_t events_max,
              std::size_t bytes_max);

private:
    struct implementation;
    std::unique_ptr<implementation> self_;
};
}  // namespace event_feed
