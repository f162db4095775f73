// The feed that tails PostgreSQL directly.
//
// One connection reads, batches of all lanes in one query; a second one only listens for the notifier's wake-ups and
// may be missing: the jittered poll is the truth. Neither is opened before it is needed, and a lost one is replaced.
#pragma once

#include "events/feed/feed.hpp"
#include "events/log/connection.hpp"

#include <memory>
#include <string>

namespace event_feed
{
struct store_feed_config
{
    feed_config feed;
    std::string dsn;
    std::string password_file;
    std::string application_name = "clientflow feed";
    std::shared_ptr<event_log::watchdog> guard;  // the process's; none: the feed makes its own
};

class store_feed final : public feed
{
public:
    explicit store_feed(store_feed_config);
    ~store_feed() override;

    using feed::read;
    std::vector<recorded> read(std::span<const position> after, std::size_t events_max) override;
    std::vector<position> heads(std::span<const std::int32_t> lanes) override;
    void wait() override;
    void wake() override;

    // The statement behind `read`, for the test that asserts its plan.
    static const char* read_statement();

private:
    struct implementation;
    std::unique_ptr<implementation> self_;
};

// What notifier and store feed agree upon.
inline constexpr const char* appended_channel = "clientflow_appended";
}  // namespace event_feed
