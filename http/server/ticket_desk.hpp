// The thread `tickets`: writes down which tickets were used, one after another.
//
// Apart from the thread for older events, so that a browser's stream begins at once whatever others read. Calls may
// come from any thread and never block; `done` is called once, on this thread, or dropped by `stop`.
#pragma once

#include "http/server/ticket.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

namespace http
{
struct ticket_desk_config
{
    event_log::store_config store;
    std::size_t waiting_max = 1'000;  // tickets; beyond: refused
};

class ticket_desk
{
public:
    enum class use_kind
    {
        first,
        again,
        failed  // the store is away, or did not answer in time
    };

    ticket_desk(ticket_desk_config, std::function<void(const std::string& why)> failed);
    ~ticket_desk();  // stops

    void start();
    void stop();

    // A ticket that is not looked at before `until` has failed, and is not used up. False: too many are waiting; `done`
    // is not called.
    bool use(ticket, std::chrono::steady_clock::time_point until, std::function<void(use_kind)> done);

private:
    struct implementation;
    std::unique_ptr<implementation> self_;
};
}  // namespace http
