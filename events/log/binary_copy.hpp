// One COPY … FROM STDIN in its binary form, within the transaction that stands open on a connection.
//
// libpqxx 6 knows COPY as lines of text alone, of which uuids and times cost the server three times what their bytes
// do; this speaks with libpq on the same connection. Source: PostgreSQL 15, "COPY", "Binary Format", and libpq's
// "Functions Associated with the COPY Command".
//
// Between its making and `finish` nothing else may use the connection. Throws what libpqxx throws for the same, for
// `understand`; destroyed before it was finished, it takes back what it sent, and the transaction has failed. Serves
// one thread; the connection outlives it.
#pragma once

#include "events/log/connection.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace event_log
{
class binary_copy
{
public:
    static constexpr std::size_t sent_bytes = 64 * 1024;  // as much is gathered before it is sent

    // `table` and `columns` are names, trusted as they are.
    binary_copy(connection&, std::string_view table, std::span<const std::string> columns);
    ~binary_copy();
    binary_copy(const binary_copy&) = delete;
    binary_copy& operator=(const binary_copy&) = delete;

    // The fields of one row, as `wire::fields` writes them, one for each column.
    void row(std::string_view fields);

    // Answers the rows that were sent, once the server has taken them all.
    std::uint64_t finish();

private:
    void send();
    void end(const char* why_cut_off);

    connection& on_;
    const std::string statement_;
    const std::uint16_t columns_;
    std::string gathered_;
    std::uint64_t rows_ = 0;
    bool is_under_way_ = false;
};
}  // namespace event_log
