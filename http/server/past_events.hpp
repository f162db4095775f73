// The thread `live-past`: reads what is older than what the process has in memory, and writes down used tickets.
//
// It has connections of its own, so that a client who comes back after a month keeps neither a query thread nor the
// live streams waiting. Calls may come from any thread and never block; `done` is called once, on this thread, or
// dropped by `stop`.
#pragma once

#include "events/feed/fan_out.hpp"
#include "events/feed/tenant_past.hpp"
#include "http/server/ticket.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace http
{
struct past_events_config
{
    event_log::store_config store;
    event_feed::tenant_past_config past;
    std::size_t page_events_max = 200;
    std::size_t waiting_max = 10'000;  // asks; beyond: refused
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
        std::size_t events_max = SIZE_MAX;  // or what the config says, when that is less
    };
    struct page
    {
        bool failed = false;  // the store is away
        std::vector<event_feed::shown> events;
        std::int64_t up_to = 0;
    };
    enum class ticket_use
    {
        first,
        again,
        failed
    };

    past_events(past_events_config, event_log::keyring&, std::function<void(const std::string& why)> failed);
    ~past_events();  // stops

    void start();
    void stop();

    // False: too many are waiting; `done` is not called.
    bool read(ask, std::function<void(page)> done);
    bool use(ticket, std::function<void(ticket_use)> done);

    std::uint64_t pages_read() const;

private:
    struct implementation;
    std::unique_ptr<implementation> self_;
};
}  // namespace http
