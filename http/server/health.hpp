// What /api/health says: rendered ahead, at most a second old, whatever the database is doing.
//
// One thread, `health-probe`, asks the store a question every half second; another, `health`, renders what is known. A
// question that stays open for a second counts as unreachable, so a stuck database cannot make health lie.
#pragma once

#include "events/log/store.hpp"
#include "schemas/record.hpp"
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

// What everybody is told. The names are the customer's own.
struct health_report
{
    std::string status;
    schema::moment ts;
    std::string version;
    std::string region;
    std::string db;
    std::int64_t latency_ms = 0;
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

template <>
inline constexpr schema::record_type schema::schema_of<http::health_report> = schema::record(
    "health", 1, schema::field<&http::health_report::status>("status", "ok or unavailable."),
    schema::field<&http::health_report::ts>("ts"), schema::field<&http::health_report::version>("version"),
    schema::field<&http::health_report::region>("region"),
    schema::field<&http::health_report::db>("db", "ok or unreachable."),
    schema::field<&http::health_report::latency_ms>("latencyMs", "Of the last question to the database."));
