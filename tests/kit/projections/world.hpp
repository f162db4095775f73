// A database with a log that the test writes itself, and everything a runner needs to read it.
//
// Facts are appended through the real store and sealed with real keys, without deciders: folds are total, so any
// history will do. One thread uses an object at a time; runners made from it have threads of their own.
#pragma once

#include "events/feed/store_feed.hpp"
#include "events/log/meta.hpp"
#include "events/log/seal.hpp"
#include "projections/catalogue.hpp"
#include "projections/runner/reader.hpp"
#include "projections/runner/rebuild.hpp"
#include "projections/runner/runner.hpp"
#include "projections/runner/verify.hpp"
#include "schemas/record.hpp"
#include "tests/kit/database.hpp"
#include "tests/kit/eventually.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace projection_tests
{
using event_log::position;
using schema::moment;
using schema::uuid;

uuid fresh_id();

inline constexpr std::int32_t lanes_used[] = {0, 1, 2, 3};

class world
{
public:
    world();
    explicit world(kit::cluster&);

    // A tenant with its org stream.
    uuid tenant(std::int32_t lane, const std::string& time_zone = "UTC");

    // Appends at the next `flush`, or when enough has come together.
    template <class Fact>
    void append(const uuid& tenant, std::string_view category, const uuid& stream, const Fact& fact,
                moment occurred_at = {1'700'000'000'000'000})
    {
        const auto& type = schema::schema_of<Fact>;
        const uuid event = fresh_id();
        auto seal = sealer_of(tenant, stream, event, type);
        std::string data;
        schema::write_json(fact, data, seal.get());
        append_raw(tenant, category, stream, type.name, type.version, event, std::move(data), occurred_at);
    }
    void append_raw(const uuid& tenant, std::string_view category, const uuid& stream, std::string_view type,
                    int version, const uuid& event, std::string data, moment occurred_at = {1'700'000'000'000'000});
    void flush();

    // The last seq of each lane.
    std::vector<position> heads();

    event_log::connection_config connection(const std::string& role = "clientflow_app") const;
    projection::row_store_config rows() const;
    projection::runner_config runner(const std::filesystem::path& cache) const;
    projection::reader_config reading() const;
    projection::verify_config verifying() const;
    projection::rebuild_config rebuilding() const;
    // As the first server does: rows can be written from then on.
    void register_read_models() const;
    // Builds new versions beside the live ones; throws unless they stand there afterwards.
    std::vector<projection::version> rebuild(std::span<const projection::definition* const>, bool goes_on = false);
    std::unique_ptr<event_feed::feed> feed() const;

    // Everything the log says stands in the rows, byte for byte; throws with what differs first.
    projection::verified verified(std::span<const projection::definition* const> = projection::read_models());
    // Likewise in every version that is fed, live or beside.
    projection::verified verified_versions();

    kit::database db;
    kit::temporary_directory room;
    std::shared_ptr<event_log::watchdog> watchdog = std::make_shared<event_log::watchdog>();
    std::unique_ptr<event_log::keyring> keys;
    schema::system_clock clock;

private:
    std::unique_ptr<schema::sealer> sealer_of(const uuid& tenant, const uuid& stream, const uuid& event,
                                              const schema::record_type&);
    void prepare();

    std::unique_ptr<event_log::store> store_;
    std::map<uuid, std::int32_t> lanes_;
    std::map<event_log::stream_key, event_log::head> heads_;
    std::vector<event_log::command_part> waiting_;
    std::vector<event_log::subject_key> fresh_keys_;
    std::size_t events_waiting_ = 0;
};

// A runner with its positions, started; waits for what is asked of it.
class running
{
public:
    running(world&, const std::filesystem::path& cache,
            std::span<const projection::definition* const> = projection::read_models());
    ~running();

    // Until the rows show the log as it is now.
    void catch_up();
    void stop() { runner.stop(); }

    world& of;
    projection::positions positions;
    std::vector<projection::report> reports();

private:
    mutable std::mutex mutex_;
    std::vector<projection::report> reports_;

public:
    projection::runner runner;
};

// Appends a history of random facts about a few nouns: the same for the same seed.
struct history_size
{
    int tenants = 4;
    int events = 500;
};
std::vector<uuid> random_history(world&, std::uint32_t seed, history_size = {});
}  // namespace projection_tests
