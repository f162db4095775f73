// See database.hpp.
#include "tools/clientflow/database.hpp"

#include "events/log/store.hpp"

#include <pqxx/connection_base>
#include <pqxx/nontransaction>
#include <pqxx/result>

namespace cli
{
namespace
{
constexpr std::chrono::seconds answer_deadline{30};

event_log::connection_config config_for(const std::string& dsn)
{
    event_log::connection_config made;
    made.dsn = dsn;
    made.application_name = "clientflow cli";
    made.settings = {{"client_connection_check_interval", "1s"}};  // a command that is ended leaves no question behind
    return made;
}
}  // namespace

database::database(const std::string& dsn)
    : watchdog_(std::make_shared<event_log::watchdog>()), connection_(config_for(dsn), watchdog_)
{}

std::vector<line> database::ask(const std::string& statement, const std::vector<field>& parameters)
{
    try
    {
        const event_log::connection::deadline within{connection_, answer_deadline};
        pqxx::nontransaction session{connection_.raw()};
        std::vector<const char*> values;
        for (const auto& each : parameters)
            values.push_back(each ? each->c_str() : nullptr);
        const pqxx::result found = session.exec_params(statement, pqxx::prepare::make_dynamic_params(values));
        std::vector<line> lines;
        for (const auto& row : found)
        {
            auto& made = lines.emplace_back();
            for (const auto& value : row)
                made.push_back(value.is_null() ? field{} : field{value.as<std::string>()});
        }
        return lines;
    }
    catch (const std::exception& wrong)
    {
        const auto meaning = event_log::understand(wrong, connection_);
        if (meaning.kind == event_log::failure_kind::lost)
            throw event_log::unreachable(meaning.message);
        throw server_refused(meaning.message, meaning.sqlstate);
    }
}

std::optional<line> database::ask_one(const std::string& statement, const std::vector<field>& parameters)
{
    auto lines = ask(statement, parameters);
    if (lines.empty())
        return std::nullopt;
    return std::move(lines.front());
}
}  // namespace cli
