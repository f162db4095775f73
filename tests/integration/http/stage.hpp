// A whole server inside the test: database, lane writers, projections and http::service, with tenants and keys.
//
// The server machine, the lane writers and PostgreSQL are the real ones; only the process is the test's own, so that a
// test can look at the database and at what was logged. Requests go over real sockets (kit::wire).
#pragma once

#include "commands/api_key.hpp"
#include "commands/lanes/dispatcher.hpp"
#include "events/feed/feed.hpp"
#include "events/org.hpp"
#include "http/server/service.hpp"
#include "projections/runner/positions.hpp"
#include "projections/runner/runner.hpp"
#include "projections/runner/verify.hpp"
#include "tests/kit/database.hpp"
#include "tests/kit/paths.hpp"
#include "tests/kit/wire.hpp"

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace http_tests
{
// Keeps every line, so that tests can ask what was told and what was not.
class memory_journal final : public http::journal
{
public:
    void access(const http::access_line&) override;
    void note(http::severity, std::string_view event, std::string_view detail) override;
    std::string text() const;

private:
    mutable std::mutex mutex_;
    std::string text_;
};

struct tenant
{
    schema::uuid id;
    schema::uuid owner;
    std::string key;  // of the owner, scope admin
    std::string key_id;
};

struct stage_options
{
    bool projections = true;
    org::plan plan = org::plan::business;
    std::function<void(http::service_config&)> adjust;
    std::function<void(lanes::writer_config&)> adjust_writers;
    std::size_t cached_keys_max = 200'000;  // of the keyring
    std::int64_t snapshots_every = 0;       // 0: there are none
    std::function<std::string()> incarnation = [] { return std::string{"1.1"}; };
};

class stage
{
public:
    explicit stage(stage_options = {});
    ~stage();

    std::uint16_t port() const { return service->port(); }
    kit::wire connect() const { return kit::wire{port()}; }

    // An organisation with its owner and the owner's key, which has no rate limit.
    tenant new_tenant(const std::string& slug, org::plan plan = org::plan::business);
    // One more key of a tenant.
    std::string new_key(const tenant&, std::vector<api_key::scope>, std::optional<std::int64_t> per_minute = 0);
    schema::uuid new_id();
    // One more event of a stream, as a server of another build may have written it: nothing is decided or checked.
    event_log::head append_raw(const tenant&, const std::string& category, const schema::uuid& stream,
                               const event_log::head& after, std::string type, int schema_version, std::string data);
    // Everything the log says stands in the rows that are shown, byte for byte.
    projection::verified verified();
    // Makes a tenant's rows of one read model anew from the log, beside the runner; whether it was done.
    bool rebuild_rows(const tenant&, std::string_view read_model);
    // A new one in the place of `runner`, which must be gone.
    void make_runner();
    // Likewise, in the place of `service`: what a server just started knows.
    void make_service(const stage_options&);

    // Runs a command as an operator; throws when it is refused.
    lanes::answer run(const schema::uuid& of, std::function<lanes::decided(lanes::view&, const lanes::origin&)>,
                      const lanes::aggregate_type&, bool is_birth = false);

    kit::database db;
    kit::temporary_directory room;
    schema::system_clock clock;
    memory_journal journal;
    std::shared_ptr<event_log::watchdog> guard = std::make_shared<event_log::watchdog>();
    std::unique_ptr<event_log::keyring> keys;
    projection::positions positions;
    std::unique_ptr<projection::runner> runner;
    std::unique_ptr<event_feed::feed> news;  // for streams
    std::unique_ptr<event_log::snapshots> snapshots;
    std::unique_ptr<lanes::dispatcher> commands;
    std::unique_ptr<http::service> service;

private:
    event_log::store_config store() const;
    projection::row_store_config rows() const;
    std::unique_ptr<event_feed::feed> feed() const;

    schema::uuid_source ids_;
};

// One request on a connection of its own.
kit::reply ask(const stage&, const std::string& key, std::string_view method, std::string_view target,
               std::string_view body = {}, kit::header_list more = {});

// The value of a member of a flat JSON text: "code" of a problem, "id" of an item. Text without its quotes.
std::string value_of(std::string_view json, std::string_view name);
}  // namespace http_tests
