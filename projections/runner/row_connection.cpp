#include "projections/runner/row_connection.hpp"

#include <pqxx/pqxx>

namespace projection
{
row_connection::row_connection(row_store_config config, const char* application_name) : config_(std::move(config))
{
    config_.connection.settings.emplace_back("role", "clientflow_projector");
    // Every statement goes by keys. Statistics of a table that was small a moment ago must not make it a scan.
    for (const char* other : {"enable_seqscan", "enable_bitmapscan", "enable_hashjoin", "enable_mergejoin", "jit"})
        config_.connection.settings.emplace_back(other, "off");
    // A comparison whose process was ended goes on for nobody.
    config_.connection.settings.emplace_back("client_connection_check_interval", "1s");
    if (config_.connection.application_name == event_log::connection_config{}.application_name)
        config_.connection.application_name = application_name;
}

void row_connection::open()
{
    used_.reset();
    try
    {
        used_ = std::make_unique<event_log::connection>(config_.connection, config_.watchdog);
    }
    catch (const std::runtime_error& fault)
    {
        throw store_failed(fault.what(), false);
    }
}

bool row_connection::is_by_data(std::string_view sqlstate)
{
    return sqlstate.starts_with("22") || sqlstate.starts_with("54") ||
           (sqlstate.starts_with("23") && sqlstate != "23505");
}

void row_connection::explain(const std::exception& fault)
{
    if (dynamic_cast<const pqxx::failure*>(&fault) == nullptr)
        throw;
    const auto meaning = event_log::understand(fault, *used_);
    if (meaning.sqlstate == "CFP01" || meaning.sqlstate == "23505")
        throw lost_race("a lane has another owner");
    if (meaning.kind == event_log::failure_kind::lost)
        used_->give_up();
    const bool is_refused = meaning.kind == event_log::failure_kind::refused;
    throw store_failed(meaning.message, is_refused, is_refused && is_by_data(meaning.sqlstate), meaning.sqlstate);
}
}  // namespace projection
