#include "tests/kit/projections/child.hpp"

#include <cstdlib>

namespace projection_tests
{
namespace
{
constexpr const char* where = "WORLD_DSN";
constexpr const char* room = "WORLD_ROOM";

std::string environment(const std::string& name)
{
    const char* value = std::getenv(name.c_str());
    return value == nullptr ? "" : value;
}
}  // namespace

kit::ending run_child(const world& in, const std::string& test_case, const std::string& fault,
                      const std::map<std::string, std::string>& told)
{
    kit::launch child;
    child.program = "/proc/self/exe";
    child.arguments = {"--no-skip", "--test-case=" + test_case};
    child.environment = {{where, in.db.dsn()}, {room, in.room.path().string()}, {"CLIENTFLOW_FAULT", fault}};
    for (const auto& [name, value] : told)
        child.environment["WORLD_" + name] = value;
    return kit::run(std::move(child), kit::milliseconds{60'000}).end;
}

bool guest::is_one() { return !environment(where).empty(); }

std::string guest::told(const std::string& name) { return environment("WORLD_" + name); }

guest::guest() : dsn(environment(where)), keys({environment(room) + "/master.key"}) {}

projection::row_store_config guest::rows() const
{
    projection::row_store_config made;
    made.connection.dsn = dsn;
    made.watchdog = watchdog;
    return made;
}

event_log::store_config guest::log() const
{
    event_log::store_config made;
    made.dsn = dsn;
    made.guard = watchdog;
    return made;
}

std::unique_ptr<event_feed::feed> guest::feed() const
{
    event_feed::store_feed_config made;
    made.dsn = dsn;
    made.guard = watchdog;
    made.feed.batch_events_max = 100;
    return std::make_unique<event_feed::store_feed>(made);
}

projection::rebuild_config guest::rebuilding() const
{
    projection::rebuild_config made;
    made.rows = rows();
    made.keys = log();
    made.lanes = {std::begin(lanes_used), std::end(lanes_used)};
    made.room = environment(room) + "/rebuild";
    made.feed = [this] { return feed(); };
    return made;
}
}  // namespace projection_tests
