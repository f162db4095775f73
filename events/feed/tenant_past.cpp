#include "events/feed/tenant_past.hpp"

#include "events/feed/recorded_row.hpp"
#include "events/log/store.hpp"
#include "events/log/wire.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

namespace event_feed
{
namespace
{
using steady = std::chrono::steady_clock;

constexpr const char* statement_name = "tenant_past";

// The tenant's events in one window of its lane: at most so many, and cut where they become too many bytes. `found`
// tells whether the limit or the bytes ended it.
const std::string window_statement =
    std::string{"select "} + recorded_columns +
    ", e.found"
    "  from (select e.*, count(*) over () as found, sum(e.weight) over (order by e.seq) as bytes"
    "          from (select e.*, " +
    recorded_weight +
    " as weight from es.event as e"
    "                 where e.lane = $1::int and e.seq > $2::bigint and e.seq <= $3::bigint and e.tenant_id = $4::uuid"
    "                 order by e.seq limit $5::bigint) as e) as e"
    " where e.bytes - e.weight < $6::bigint"
    " order by e.seq";
}  // namespace

struct tenant_past::implementation
{
    explicit implementation(tenant_past_config given) : config(std::move(given))
    {
        if (!config.guard)
            config.guard = std::make_shared<event_log::watchdog>();
        // Along the lane's key, also before there are statistics.
        for (const char* other : {"enable_seqscan", "enable_bitmapscan", "enable_hashjoin", "enable_mergejoin", "jit"})
            config.connection.settings.emplace_back(other, "off");
        config.connection.settings.emplace_back("plan_cache_mode", "force_generic_plan");
        config.connection.statement_timeout = config.call_deadline;
    }

    event_log::binary_rows ask(const event_log::uuid& tenant, const position& after, std::int64_t up_to,
                               std::size_t events_max, std::size_t bytes_max);

    tenant_past_config config;
    std::unique_ptr<event_log::connection> used;
    bool is_prepared = false;  // in `used`
};

event_log::binary_rows tenant_past::implementation::ask(const event_log::uuid& tenant, const position& after,
                                                        std::int64_t up_to, std::size_t events_max,
                                                        std::size_t bytes_max)
{
    if (!used || used->lost())
    {
        used = std::make_unique<event_log::connection>(config.connection, config.guard);
        is_prepared = false;
    }
    try
    {
        const event_log::connection::deadline limit{*used, config.call_deadline};
        if (!std::exchange(is_prepared, true))
            event_log::prepare(*used, statement_name, window_statement);
        const std::array<std::string, 6> arguments{std::to_string(after.lane), std::to_string(after.seq),
                                                   std::to_string(up_to),      tenant.text(),
                                                   std::to_string(events_max), std::to_string(bytes_max)};
        return event_log::ask_prepared(*used, statement_name, arguments);
    }
    catch (const std::exception& problem)
    {
        const auto why = event_log::understand(problem, *used);
        used.reset();
        throw event_log::unreachable{"a tenant's past cannot be read: " + why.message};
    }
}

tenant_past::tenant_past(tenant_past_config config) : self_(std::make_unique<implementation>(std::move(config))) {}
tenant_past::~tenant_past() = default;

tenant_past::page tenant_past::read(const event_log::uuid& tenant, const position& after, std::int64_t up_to,
                                    std::size_t events_max, std::size_t bytes_max)
{
    const auto until = steady::now() + self_->config.page_time;
    page made;
    made.up_to = after.seq;
    for (bool is_first = true; made.up_to < up_to && made.events.empty() && (is_first || steady::now() < until);
         is_first = false)
    {
        const auto end = std::min(up_to, made.up_to + self_->config.window_events);
        const auto rows = self_->ask(tenant, {after.lane, made.up_to}, end, events_max, bytes_max);
        made.up_to = end;
        for (std::size_t row = 0; row < rows.size(); ++row)
            made.events.push_back(read_recorded(rows, row));
        if (made.events.empty())
            continue;
        const auto found = static_cast<std::size_t>(
            event_log::wire::integer_in(rows.at(0, recorded_columns_count).value_or(std::string_view{})));
        if (found == events_max || found > rows.size())  // there may be more of them in this window
            made.up_to = made.events.back().at.seq;
    }
    return made;
}
}  // namespace event_feed
