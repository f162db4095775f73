// The public API as an application behind a listener: finds the route, knows the key, keeps the limits, and hands the
// request to its route as a command, a query or an answer at once.
//
// The order is the contract's: authenticate, limit, authorise, then (in the lane writer) receipt, If-Match, decide.
// That there is no such route is told where it would be authorised.
// One object serves all shards; everything it holds is either constant or made for many threads.
#pragma once

#include "commands/lanes/dispatcher.hpp"
#include "http/server/credentials.hpp"
#include "http/server/health.hpp"
#include "http/server/journal.hpp"
#include "http/server/limiter.hpp"
#include "http/server/metrics.hpp"
#include "http/server/network.hpp"
#include "http/server/position_token.hpp"
#include "http/server/query_pool.hpp"
#include "http/server/refused_access.hpp"
#include "http/server/router.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace projection
{
class positions;
}

namespace http
{
struct api_config
{
    std::string upgrade_url;
    std::chrono::milliseconds command_time_max{10'000};
    std::chrono::milliseconds wait_default{2'000};
    std::chrono::milliseconds wait_max{10'000};
    std::chrono::milliseconds slow_query{100};  // longer ones are noted
    std::int64_t audit_days = 365;
    std::int64_t address_per_minute = 120;
    std::int64_t key_per_minute = 1'000;
    std::size_t exports_per_key_max = 4;  // CSV answers under way; beyond: 429
    std::size_t addresses_max = 100'000;
    std::int64_t unknown_keys_per_minute = 12'000;         // looked up for all addresses together
    std::int64_t lookups_per_minute_when_limited = 3'000;  // of these, for addresses over their limit
    std::vector<address_block> trusted_proxies{};
};

struct api_parts
{
    const router& routes;
    lanes::dispatcher& commands;
    query_pool& queries;
    credentials& keys_of;
    live& streams;
    event_log::keyring& ring;
    const health& well;
    projection::positions& shown;
    const schema::clock& clock;
    journal& log;
    refused_access& refused;
    std::function<std::string()> incarnation;
    std::vector<domain_code> domain_codes;
    std::string openapi;
};

class api final : public application, public service_face
{
public:
    api(api_config, api_parts);

    next on_head(exchange&) override;
    next on_body(exchange&) override;
    void on_answer(exchange&, double seconds) override;
    void on_refused(exchange&, int status, std::string_view code, std::string_view detail,
                    std::string_view peer) override;
    void on_exception(exchange&, std::string_view what) override;

    schema::uuid make_id(schema::moment) override;
    void show_health(reply&) const override;
    std::string incarnation() const override { return parts_.incarnation(); }
    const std::string& upgrade_url() const override { return config_.upgrade_url; }
    std::string_view openapi() const override { return parts_.openapi; }
    void compress_if_asked(exchange&, const call&) const;
    std::span<const domain_code> domain_codes() const override { return parts_.domain_codes; }
    event_log::keyring& keys() override { return parts_.ring; }
    query_pool& queries() override { return parts_.queries; }
    live& streams() override { return parts_.streams; }
    std::int64_t audit_days() const override { return config_.audit_days; }

    void write_metrics(metrics_text&) const;

private:
    void find_route(exchange&, call&);
    // Each looks at one thing; false: it has refused.
    next authenticate(exchange&, call&);
    next authenticate_ticket(exchange&, call&, std::string_view text);
    next know_key(exchange&, call&);
    next authenticated(exchange&, call&, const credentials::answer&);
    bool keep_address_limit(exchange&, call&);
    bool keep_key_limit(exchange&, call&);
    bool keep_export_limit(call&) const;
    bool authorise(call&);
    bool check_media(call&);
    bool check_fields(call&);
    bool check_batch_fields(call&);
    bool may_look_up(exchange&, call&);
    next go_without_key(exchange&, call&);
    void note_denied(const exchange&, const call&);
    next answer_wrong(call&);
    next after_key(exchange&, call&);

    // `then` goes on once the tenant's key is at hand, if it is needed.
    next with_tenants_key(exchange&, const std::shared_ptr<call>&, bool needed, std::function<next(exchange&)> then);
    next run_command(exchange&, const std::shared_ptr<call>&);
    next submit(exchange&, const std::shared_ptr<call>&);
    bool fill_submission(call&, lanes::submission&);
    void answer_command(call&, lanes::answer&);
    void note_position(call&, const event_log::position&);
    void add_position(call&, const std::string& history, const event_log::position&);
    void add_known_position(call&);
    // What the client hands back, as far as it is whole.
    positions_told told_before(const call&, const std::string& history) const;
    struct batched;
    struct batch_run;
    next run_batch(exchange&, const std::shared_ptr<call>&);
    next submit_batch(exchange&, const std::shared_ptr<call>&, const std::shared_ptr<batch_run>&);
    bool prepare_batched(batched&);
    void answer_batch(call&, batch_run&, std::vector<lanes::answer>);
    next run_query(exchange&, const std::shared_ptr<call>&);
    next wait_for_rows(exchange&, const std::shared_ptr<call>&);
    next start_query(exchange&, const std::shared_ptr<call>&);
    next read_again(exchange&, const std::shared_ptr<call>&, const reply& before);
    std::chrono::steady_clock::time_point waits_until(const call&) const;
    void finish_query(call&);
    void tell_when_slow(const call&, std::chrono::steady_clock::duration);

    const api_config config_;
    const api_parts parts_;
    address_limiter addresses_;
    gcra unknown_keys_;
    gcra lookups_when_limited_;
    route_metrics counted_;
    const std::string packed_openapi_;  // gzip
    const std::string position_secret_;
    duration_histogram unrouted_;
};
}  // namespace http
