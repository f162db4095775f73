// Prepared statements whose rows come in PostgreSQL's binary form.
//
// libpqxx 6 asks for texts alone, and counts the owners of a result with every field; ids and moments as bytes cost
// both sides less. This speaks with libpq on the same connection, outside any transaction of libpqxx or
// within the one that stands open. Source: PostgreSQL 15, libpq, "Command Execution Functions"; the form of each type
// is read by wire.hpp.
//
// Throws what libpqxx throws for the same, for `understand`. Serves one thread; the connection outlives all of it.
#pragma once

#include "events/log/connection.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

struct pg_result;

namespace event_log
{
enum class arguments_come
{
    as_text,  // and hold no NUL
    as_bytes  // in binary form, as wire.hpp writes them
};

class binary_rows
{
public:
    std::size_t size() const;
    std::size_t columns() const;
    // Nothing for NULL. Valid as long as the rows are.
    std::optional<std::string_view> at(std::size_t row, std::size_t column) const;

private:
    friend binary_rows ask_prepared(connection&, const std::string&, std::span<const std::string>, arguments_come);
    explicit binary_rows(std::shared_ptr<const pg_result> held) : held_(std::move(held)) {}

    std::shared_ptr<const pg_result> held_;
};

// A statement of the session, by a name that it has not yet. The types of its parameters are what the statement says.
void prepare(connection&, const std::string& name, const std::string& statement);
binary_rows ask_prepared(connection&, const std::string& name, std::span<const std::string> arguments,
                         arguments_come = arguments_come::as_text);
void unprepare(connection&, const std::string& name);
}  // namespace event_log
