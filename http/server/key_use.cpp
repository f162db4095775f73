#include "http/server/key_use.hpp"

#include "schemas/fault_point.hpp"
#include "schemas/time.hpp"

#include <pqxx/pqxx>

#include <string_view>

namespace http
{
namespace
{
constexpr std::chrono::milliseconds deadline{5'000};

std::unique_ptr<event_log::connection> open(const event_log::store_config& store,
                                            const std::shared_ptr<event_log::watchdog>& guard)
{
    event_log::connection_config config;
    config.dsn = store.dsn;
    config.password_file = store.password_file;
    config.application_name = "clientflow-key-use";
    return std::make_unique<event_log::connection>(config, guard);
}

std::shared_ptr<event_log::watchdog> guard_of(const event_log::store_config& store)
{
    return store.guard ? store.guard : std::make_shared<event_log::watchdog>();
}

schema::uuid new_node()
{
    schema::uuid_source ids;
    return ids.next(schema::system_clock{}.now().us);
}

// {"a","b"}: none of the values holds a quote or a backslash.
void add(std::string& literal, std::string_view value)
{
    literal.append(literal.empty() ? "{\"" : ",\"").append(value).append("\"");
}
}  // namespace

key_use_writer::key_use_writer(event_log::store_config store)
    : config_(std::move(store)), guard_(guard_of(config_)), node_(new_node())
{}

key_use_writer::~key_use_writer() = default;

void key_use_writer::keep(const use_sending& sending)
{
    if (!connection_ || connection_->lost())
        connection_ = open(config_, guard_);
    std::string tenants, keys, calls, times;
    for (const key_calls& one : sending.uses)
    {
        add(tenants, one.tenant.text());
        add(keys, one.key.value.text());
        add(calls, std::to_string(one.calls));
        add(times, one.last_used_at.text());
    }
    const event_log::connection::deadline until{*connection_, deadline};
    pqxx::nontransaction work{connection_->raw()};
    FAULT_POINT("key_use.before_commit");
    work.exec_params("select read.note_api_key_use($1::uuid, $2::bigint, $3::uuid[], $4::uuid[], $5::bigint[],"
                     " $6::timestamptz[])",
                     node_.text(), sending.number, tenants + '}', keys + '}', calls + '}', times + '}');
    FAULT_POINT("key_use.after_commit");
}

std::vector<std::string> key_use_chores()
{
    return {"select read.roll_up_usage(5000)", "select read.forget_key_use_sent()"};
}

key_use_reader::key_use_reader(event_log::store_config store) : config_(std::move(store)), guard_(guard_of(config_)) {}

key_use_reader::~key_use_reader() = default;

key_use key_use_reader::read(const schema::uuid& tenant, const schema::uuid& key)
{
    if (!connection_ || connection_->lost())
        connection_ = open(config_, guard_);
    const event_log::connection::deadline until{*connection_, deadline};
    pqxx::nontransaction work{connection_->raw()};
    const auto rows =
        work.exec_params("select last_used_us, calls_this_month from read.api_key_use_of($1::uuid, $2::uuid)",
                         tenant.text(), key.text());
    key_use made;
    if (rows.empty())
        return made;
    if (!rows[0][0].is_null())
        made.last_used_at = schema::moment{rows[0][0].as<std::int64_t>()};
    made.calls_this_month = rows[0][1].as<std::int64_t>();
    return made;
}
}  // namespace http
