// Live updates of a process: everything that streams and polls share.
//
//     one read of the log -> fan_out (thread `live`) -> event_stream on the shards · polls
//                                 older than the rings -> past_events (thread `live-past`)
//                                 who comes with a ticket -> ticket_desk (thread `tickets`)
//
// Nothing is read while nobody listens. All members are thread-safe but start and stop.
#pragma once

#include "events/feed/fan_out.hpp"
#include "http/server/credentials.hpp"
#include "http/server/journal.hpp"
#include "http/server/past_events.hpp"
#include "http/server/shown_event.hpp"
#include "http/server/ticket.hpp"
#include "http/server/ticket_desk.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace http
{
class metrics_text;

struct live_config
{
    std::size_t streams_per_key_max = 20;                       // at this node; beyond: 429
    std::chrono::milliseconds comment_interval{15'000};         // when there is nothing else to say
    std::chrono::milliseconds key_check_interval{1'000};        // of a stream: whether its key is still good
    std::chrono::milliseconds key_trust_without_store{60'000};  // of a stream whose key nobody can hold against the log
    std::chrono::milliseconds begin_time_max{5'000};            // until the end of the lane is known; then 503
    std::chrono::milliseconds slow_after{2'000};                // a client that took so long is slow: what is held for
                                                                // it is let go of, and it is cut when the ring has
                                                                // gone on without it
    std::size_t hold_events_max = 64;                           // that a stream takes at a time
    std::size_t hold_bytes_max = 256 * 1024;                    // of the ring
    std::size_t stream_page_bytes_max = 32 * 1024;              // of older events, as stored; but for one event
    std::chrono::milliseconds retry_min{1'000};                 // told to clients as `retry`, jittered between the two
    std::chrono::milliseconds retry_max{5'000};
    std::chrono::milliseconds ticket_time{60'000};
    std::chrono::milliseconds wait_default{2'000};  // a poll's search, when it asks for no wait
    std::chrono::milliseconds wait_max{10'000};     // the most that Prefer: wait may ask
    event_feed::fan_out_config ring;
    past_queue_limits past_waiting;  // asks for older events; beyond: 503, or later again within a stream
    std::size_t past_held_bytes_max = 64 * 1024 * 1024;            // older events in memory, of all streams and polls
    std::size_t past_held_bytes_of_tenant_max = 16 * 1024 * 1024;  // likewise, of one tenant's
    std::size_t tickets_waiting_max = 1'000;                       // to be written down; beyond: 503
};

class live
{
public:
    struct parts
    {
        event_feed::feed& from;
        event_log::keyring& ring;
        event_log::store_config store;
        credentials& keys_of;
        const schema::clock& clock;
        journal& log;
        std::function<std::string()> incarnation;
        std::function<void()> relearn;  // asks the store for its incarnation; may be empty
        std::function<std::unique_ptr<projection::reader>()> open_reader;
    };

    live(live_config, parts);
    ~live();  // stops

    void start();
    void stop();

    const live_config& config() const { return config_; }
    event_feed::fan_out& events() { return events_; }
    past_events& past() { return past_; }
    ticket_desk& desk() { return desk_; }
    credentials& keys_of() { return given_.keys_of; }
    schema::moment now() const { return given_.clock.now(); }

    ticket_item make_ticket(std::string_view key_digest) const;
    std::optional<ticket> read_ticket(std::string_view text) const { return open_ticket(secret_, text, now()); }

    // One more stream of this key; it ends with the last copy. Null: the key has as many as it may.
    using place = std::shared_ptr<const void>;
    place admit(const schema::uuid& key);

    // For /metrics.
    std::atomic<std::uint64_t> opened{0}, sent{0}, resets{0}, cut_draining{0}, cut_slow{0}, cut_key{0}, polls{0};
    void write_metrics(metrics_text&) const;

private:
    void tell(const std::string& why);

    const live_config config_;
    const parts given_;
    const event_log::secret_key secret_;
    event_presenter presenter_;
    past_events past_;
    ticket_desk desk_;
    event_feed::fan_out events_;

    struct census
    {
        std::mutex mutex;
        std::unordered_map<schema::uuid, std::size_t> of_key;  // guarded by mutex
        std::size_t all = 0;                                   // guarded by mutex
    };
    const std::shared_ptr<census> streams_ = std::make_shared<census>();  // places keep it
    std::atomic<std::int64_t> told_us_{0};
};
}  // namespace http
