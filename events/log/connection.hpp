// A connection to PostgreSQL as everything in the product uses it: opened explicitly, never reopened silently, with a
// deadline on every call.
//
// libpqxx reconnects by itself, and session locks and settings vanish with the old session; that is switched off. A
// connection serves one thread. After a failure that lost it, `lost()` is true for ever and the owner makes a new one.
// No message made here contains a statement, a parameter or a row.
//
// The DSN is libpq's, key=value or URI. A password may come from a file in libpq's format (`password_file`), from
// ~/.pgpass or PGPASSWORD; `has_password` lets the command line refuse one in its arguments.
#pragma once

#include "events/log/watchdog.hpp"

#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

struct pg_conn;

namespace pqxx
{
class connection_base;
}

namespace event_log
{
struct connection_config
{
    std::string dsn;
    std::string password_file;  // empty: libpq's default
    std::string application_name = "clientflow";
    std::chrono::milliseconds connect_deadline{3'000};
    std::chrono::milliseconds statement_timeout{0};  // 0: none; the watchdog's deadline stands behind it
    std::chrono::milliseconds lock_timeout{5'000};
    std::chrono::milliseconds idle_in_transaction{30'000};
    std::vector<std::pair<std::string, std::string>> settings;  // more session settings, by name
};

class connection
{
public:
    // Throws `unreachable` (store.hpp) when there is no server, or none that lets us in, before the deadline.
    connection(const connection_config&, std::shared_ptr<watchdog>);
    ~connection();
    connection(const connection&) = delete;
    connection& operator=(const connection&) = delete;

    // For users that include pqxx in their own .cpp: transactions, prepared statements. Every call made on it stands
    // under a `deadline`.
    pqxx::connection_base& raw() noexcept { return *raw_; }

    // libpq's own, for what libpqxx cannot say. Only while the connection is not lost, and under a `deadline`.
    pg_conn* handle() const noexcept { return handle_; }

    bool lost() const noexcept;
    void give_up() noexcept { given_up_ = true; }  // an answer of it cannot be trusted any more

    // While it lives, the connection's socket is shut when the time is over: calls then fail as lost.
    class deadline
    {
    public:
        deadline(connection&, std::chrono::milliseconds);
        deadline(connection&, watchdog::clock::time_point);

    private:
        std::optional<watchdog::watch> watch_;
    };

private:
    std::shared_ptr<watchdog> watchdog_;
    std::shared_ptr<pqxx::connection_base> raw_;  // shared only for its deleter: the base has no virtual destructor
    pg_conn* handle_ = nullptr;  // lives as long as raw_, which never makes another
    bool given_up_ = false;
};

// What a failed call means for what it was to write.
enum class failure_kind
{
    lost,    // the connection is gone: whatever was under way may have been committed
    repeat,  // deadlock, serialization: rolled back, try again
    refused  // the server said no: rolled back
};

struct failure
{
    failure_kind kind = failure_kind::lost;
    std::string sqlstate;  // never empty when the server refused; the class alone where libpqxx keeps no more
    std::string message;   // one line, without statement, parameters and rows
};

// Of any exception that came out of a call on `raw()`.
failure understand(const std::exception&, const connection&);

// A password (of the login, or of the client's TLS key) stands in the DSN itself. Throws std::invalid_argument when
// the DSN cannot be read.
bool has_password(const std::string& dsn);
}  // namespace event_log
