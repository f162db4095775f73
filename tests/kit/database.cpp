#include "tests/kit/database.hpp"

#include "events/log/migrator.hpp"

#include <atomic>
#include <mutex>
#include <set>

namespace kit
{
namespace
{
constexpr const char* template_name = "cf_migrated";

// Once per cluster, which is told by its data directory: a cluster object may be made again in the same place.
void have_template(cluster& in)
{
    static std::mutex mutex;
    static std::set<std::filesystem::path> made;
    const std::lock_guard lock{mutex};
    if (!made.insert(in.directory()).second)
        return;
    in.create_database(template_name);
    event_log::connection_config config;
    config.dsn = in.dsn("postgres", template_name);
    config.connect_deadline = std::chrono::seconds{10};
    event_log::connection admin{config, std::make_shared<event_log::watchdog>()};
    event_log::migrate(admin, event_log::read_migrations(source_root() / "migrations"));
}

std::string next_name()
{
    static std::atomic<int> count = 0;
    return "cf_test_" + std::to_string(++count);
}
}  // namespace

database::database() : database(plain_cluster()) {}

database::database(cluster& in) : in_(in), name_(next_name())
{
    have_template(in_);
    in_.create_database(name_, template_name);
    in_.run("grant connect on database " + name_ + " to clientflow_app, clientflow_operator");
}

database::~database()
{
    try
    {
        in_.drop_database(name_);
    }
    catch (const std::exception&)
    {
        // The cluster may be stopped, or gone with its test.
    }
}
}  // namespace kit
