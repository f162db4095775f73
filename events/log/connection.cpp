#include "events/log/connection.hpp"

#include "events/log/store.hpp"

#include <pqxx/pqxx>

#include <algorithm>
#include <libpq-fe.h>
#include <typeinfo>

namespace event_log
{
namespace
{
using options = std::vector<std::pair<std::string, std::string>>;

options parse_dsn(const std::string& dsn)
{
    char* problem = nullptr;
    const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> parsed{PQconninfoParse(dsn.c_str(), &problem),
                                                                              &PQconninfoFree};
    if (!parsed)
    {
        PQfreemem(problem);  // repeats the text, and with it what may be a password
        throw std::invalid_argument{"the DSN cannot be read"};
    }
    options out;
    for (const PQconninfoOption* option = parsed.get(); option->keyword != nullptr; ++option)
        if (option->val != nullptr)
            out.emplace_back(option->keyword, option->val);
    return out;
}

std::string quoted(std::string_view value, char quote, bool backslash)
{
    std::string out{quote};
    for (const char c : value)
    {
        if (c == quote || (backslash && c == '\\'))
            out += backslash ? '\\' : quote;
        out += c;
    }
    return out += quote;
}

void set_default(options& all, const char* name, const std::string& value)
{
    const auto same = [&](const auto& option) { return option.first == name; };
    if (std::none_of(all.begin(), all.end(), same))
        all.emplace_back(name, value);
}

std::string conninfo(const connection_config& config)
{
    options all = parse_dsn(config.dsn);
    const auto seconds = std::max<std::int64_t>(2, (config.connect_deadline.count() + 999) / 1000);
    set_default(all, "connect_timeout", std::to_string(seconds));
    set_default(all, "application_name", config.application_name);
    set_default(all, "client_encoding", "UTF8");
    set_default(all, "keepalives_idle", "10");
    set_default(all, "keepalives_interval", "5");
    set_default(all, "keepalives_count", "3");
    if (!config.password_file.empty())
        set_default(all, "passfile", config.password_file);
    std::string out;
    for (const auto& [name, value] : all)
        out += name + '=' + quoted(value, '\'', true) + ' ';
    return out;
}

std::string session_settings(const connection_config& config)
{
    options all{{"lock_timeout", std::to_string(config.lock_timeout.count())},
                {"statement_timeout", std::to_string(config.statement_timeout.count())},
                {"idle_in_transaction_session_timeout", std::to_string(config.idle_in_transaction.count())},
                {"default_transaction_isolation", "read committed"},
                {"timezone", "UTC"},
                {"datestyle", "ISO, YMD"},
                {"bytea_output", "hex"},
                {"client_min_messages", "error"}};
    all.insert(all.end(), config.settings.begin(), config.settings.end());
    std::string sql = "select ";
    for (std::size_t i = 0; i < all.size(); ++i)
        sql += (i == 0 ? "" : ", ") + std::string{"set_config("} + quoted(all[i].first, '\'', false) + ", " +
               quoted(all[i].second, '\'', false) + ", false)";
    return sql;
}

// The first line, without the level that the server puts in front.
std::string first_line(std::string_view text)
{
    for (const std::string_view level : {"ERROR:", "FATAL:", "PANIC:"})
        if (text.starts_with(level))
            text.remove_prefix(level.size());
    while (text.starts_with(' '))
        text.remove_prefix(1);
    return std::string{text.substr(0, text.find('\n'))};
}

// Connects as pqxx::connection does, and keeps what libpqxx keeps to itself.
class direct : public pqxx::connect_direct
{
public:
    using connect_direct::connect_direct;
    handle do_startconnect(handle before) override { return made_ = connect_direct::do_startconnect(before); }
    handle made() const { return made_; }

private:
    handle made_ = nullptr;
};

class own_connection : public pqxx::connection_base
{
public:
    explicit own_connection(const std::string& how) : connection_base(way_), way_(how) { init(); }
    ~own_connection() { close(); }
    PGconn* handle() const { return way_.made(); }

private:
    direct way_;
};

bool ends_session(std::string_view sqlstate)
{
    return sqlstate.starts_with("08") || sqlstate.starts_with("57P0") || sqlstate == "25P03" || sqlstate == "57P05";
}
}  // namespace

connection::connection(const connection_config& config, std::shared_ptr<watchdog> guard) : watchdog_(std::move(guard))
{
    try
    {
        const auto made = std::make_shared<own_connection>(conninfo(config));
        raw_ = made;
        handle_ = made->handle();
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
        raw_->inhibit_reactivation(true);
#pragma GCC diagnostic pop
        raw_->set_verbosity(pqxx::connection_base::terse);
        const deadline limit{*this, config.connect_deadline};
        pqxx::nontransaction session{*raw_};
        session.exec(session_settings(config));
    }
    catch (const std::invalid_argument&)
    {
        throw;
    }
    catch (const std::exception& problem)
    {
        raw_.reset();
        throw unreachable{"no connection to PostgreSQL: " + first_line(problem.what())};
    }
}

connection::~connection() = default;

bool connection::lost() const noexcept { return given_up_ || !raw_ || !raw_->is_open(); }

connection::deadline::deadline(connection& guarded, std::chrono::milliseconds within)
    : deadline(guarded, watchdog::clock::now() + within)
{}

connection::deadline::deadline(connection& guarded, watchdog::clock::time_point until)
{
    const int socket = guarded.raw_->sock();
    if (socket >= 0 && guarded.watchdog_)
        watch_.emplace(*guarded.watchdog_, socket, until);
}

namespace
{
// libpqxx makes classes of some SQLSTATEs and forgets the code itself on the way. Empty: no server said this, the two
// ends misunderstood each other.
std::string sqlstate_of(const pqxx::sql_error& refused)
{
    if (!refused.sqlstate().empty())
        return refused.sqlstate();
    const auto is = [&]<class Kind>(const Kind*) { return dynamic_cast<const Kind*>(&refused) != nullptr; };
    if (is(static_cast<const pqxx::unique_violation*>(nullptr)))
        return "23505";
    if (is(static_cast<const pqxx::check_violation*>(nullptr)))
        return "23514";
    if (is(static_cast<const pqxx::integrity_constraint_violation*>(nullptr)))
        return "23000";
    if (is(static_cast<const pqxx::data_exception*>(nullptr)))
        return "22000";
    if (is(static_cast<const pqxx::disk_full*>(nullptr)))
        return "53100";
    if (is(static_cast<const pqxx::insufficient_resources*>(nullptr)))
        return "53000";
    if (is(static_cast<const pqxx::insufficient_privilege*>(nullptr)))
        return "42501";
    if (is(static_cast<const pqxx::syntax_error*>(nullptr)))
        return "42601";
    if (is(static_cast<const pqxx::plpgsql_error*>(nullptr)))
        return "P0000";
    return typeid(refused) == typeid(pqxx::sql_error) ? "" : "XX000";
}
}  // namespace

failure understand(const std::exception& problem, const connection& used)
{
    failure out{failure_kind::refused, {}, first_line(problem.what())};
    const auto* const sql = dynamic_cast<const pqxx::sql_error*>(&problem);
    if (sql != nullptr)
        out.sqlstate = sqlstate_of(*sql);
    if ((sql != nullptr && out.sqlstate.empty()) ||
        dynamic_cast<const pqxx::broken_connection*>(&problem) != nullptr ||
        dynamic_cast<const pqxx::in_doubt_error*>(&problem) != nullptr ||
        dynamic_cast<const pqxx::statement_completion_unknown*>(&problem) != nullptr || used.lost() ||
        ends_session(out.sqlstate))
        out.kind = failure_kind::lost;
    else if (dynamic_cast<const pqxx::transaction_rollback*>(&problem) != nullptr || out.sqlstate.starts_with("40"))
        out.kind = failure_kind::repeat;
    return out;
}

bool has_password(const std::string& dsn)
{
    const options all = parse_dsn(dsn);
    return std::any_of(all.begin(), all.end(), [](const auto& option) {
        return option.first == "password" || option.first == "sslpassword";
    });
}
}  // namespace event_log
