// What /api/health says: rendered ahead, at most a second old, whatever the database is doing.
//
// One thread, `health-probe`, asks the store a question every half second; another, `health`, renders what is known. A
// question that stays open for a second counts as unreachable, so a stuck database cannot make health lie.
#pragma once

#include "events/log/store.hpp"
#include "schemas/time.hpp"

#include <atomic>
#include <chrono>
#include <memory>
#include <string>

namespace http
{
struct health_config
{
    std::string version;
    std::string region;
    event_log::store_config store;
    std::chrono::milliseconds interval{500};
    std::chrono::milliseconds stuck_after{1'000};  // a probe that takes longer counts as "unreachable"
};

struct health_state
{
    bool well = false;
    std::string body;
};

class health
{
public:
    health(health_config, const schema::clock&);
    ~health();  // stops

    void start();
    void stop();

    // The newest; cheap, any thread. Never nullptr after construction.
    std::shared_ptr<const health_state> look() const;

private:
    struct implementation;
    std::unique_ptr<implementation> self_;
};
}  // namespace http
