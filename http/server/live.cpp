#include "http/server/live.hpp"

#include "http/server/metrics.hpp"

namespace http
{
namespace
{
constexpr std::int64_t told_every_us = 5'000'000;  // a store that is away is told once in a while

past_events_config past_of(const live_config& config, const live::parts& given)
{
    const auto& store = given.store;
    past_events_config made;
    made.open_reader = given.open_reader;
    made.store = store;
    made.waiting = config.past_waiting;
    made.held_bytes_max = config.past_held_bytes_max;
    made.held_bytes_of_tenant_max = config.past_held_bytes_of_tenant_max;
    made.past.connection.dsn = store.dsn;
    made.past.connection.password_file = store.password_file;
    made.past.connection.application_name = "clientflow live-past";
    made.past.guard = store.guard;
    made.past.call_deadline = store.read_deadline;
    return made;
}

ticket_desk_config desk_of(const live_config& config, const event_log::store_config& store)
{
    ticket_desk_config made;
    made.store = store;
    made.waiting_max = config.tickets_waiting_max;
    return made;
}
}  // namespace

live::live(live_config config, parts given)
    : config_(std::move(config))
    , given_(std::move(given))
    , secret_(ticket_secret(given_.ring))
    , presenter_(given_.ring, given_.store)
    , past_(past_of(config_, given_), given_.ring, [this](const std::string& why) { tell(why); })
    , desk_(desk_of(config_, given_.store), [this](const std::string& why) { tell(why); })
    , events_(config_.ring, {given_.from, presenter_, given_.incarnation, given_.relearn,
                             [this](const std::string& why) { tell(why); }})
{}

live::~live() { stop(); }

void live::start()
{
    past_.start();
    desk_.start();
    events_.start();
}

void live::stop()
{
    events_.stop();
    desk_.stop();
    past_.stop();
}

void live::tell(const std::string& why)
{
    const auto at = now().us;
    auto before = told_us_.load();
    if (at - before >= told_every_us && told_us_.compare_exchange_strong(before, at))
        given_.log.note(severity::warning, "live.unreachable", why);
}

ticket_item live::make_ticket(std::string_view key_digest) const
{
    const schema::moment end{now().us + std::chrono::microseconds{config_.ticket_time}.count()};
    return {seal_ticket(secret_, key_digest, end), end};
}

live::place live::admit(const schema::uuid& key)
{
    {
        const std::lock_guard lock{streams_->mutex};
        auto& here = streams_->of_key[key];
        if (here >= config_.streams_per_key_max)
            return nullptr;
        ++here;
        ++streams_->all;
    }
    return {static_cast<const void*>(this), [in = streams_, key](const void*) {
                const std::lock_guard lock{in->mutex};
                --in->all;
                const auto here = in->of_key.find(key);
                if (--here->second == 0)
                    in->of_key.erase(here);
            }};
}

void live::write_metrics(metrics_text& text) const
{
    const auto ring = events_.take_figures();
    const auto past = past_.take_figures();
    std::size_t open = 0;
    {
        const std::lock_guard lock{streams_->mutex};
        open = streams_->all;
    }
    const auto gauge = [&](std::string_view name, std::string_view help, std::size_t value) {
        text.family(name, "gauge", help);
        text.sample({}, static_cast<double>(value));
    };
    const auto counter = [&](std::string_view name, std::string_view help, std::uint64_t value) {
        text.family(name, "counter", help);
        text.sample({}, static_cast<double>(value));
    };
    gauge("clientflow_event_streams", "Event streams that are open.", open);
    gauge("clientflow_event_followers", "Streams and waiting polls.", ring.followers);
    gauge("clientflow_event_ring_bytes", "Latest events kept in memory for those who follow.", ring.ring_bytes);
    counter("clientflow_event_streams_opened_total", "Event streams begun.", opened);
    counter("clientflow_events_shown_total", "Events opened and rendered, once for all who follow.", ring.events_shown);
    counter("clientflow_events_sent_total", "Events written into streams.", sent);
    counter("clientflow_event_polls_total", "Polls for events answered.", polls);
    text.family("clientflow_event_pages_total", "counter",
                "Pages of older events, by the tenant's rows or along its whole lane.");
    text.sample({{"by", "tenant"}}, static_cast<double>(past.pages_by_tenant));
    text.sample({{"by", "lane"}}, static_cast<double>(past.pages_by_lane));
    gauge("clientflow_event_past_bytes", "Older events in memory for those who have not taken them yet.",
          past.held_bytes);
    gauge("clientflow_event_pages_waiting", "Pages of older events that are waited for.", past.waiting);
    counter("clientflow_event_pages_refused_total", "Pages of older events refused because too many were waited for.",
            past.refused);
    counter("clientflow_event_pages_passed_over_total",
            "Pages of older events that nobody waited for any more when their turn came.", past.passed_over);
    counter("clientflow_event_stream_resets_total", "Streams that began anew because the store's history did.", resets);
    counter("clientflow_event_read_failures_total", "Reads of the log for those who follow that failed.",
            ring.failures);
    text.family("clientflow_event_stream_cuts_total", "counter", "Streams that the server ended.");
    text.sample({{"reason", "draining"}}, static_cast<double>(cut_draining));
    text.sample({{"reason", "slow"}}, static_cast<double>(cut_slow));
    text.sample({{"reason", "key"}}, static_cast<double>(cut_key));
}
}  // namespace http
