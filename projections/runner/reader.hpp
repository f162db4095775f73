// Reads of the read models: one read is one call to the database.
//
// The call sets the tenant for the transaction, reads the position, then runs the query on whichever versions of the
// read models are live; so every answer comes with the position it shows, and nothing outside the tenant can be seen
// even by a faulty query. Pages and single rows are statements prepared once per kind of question, whose plans suit
// every tenant; every other query goes through read.ask and is planned for its values. One object holds one connection
// and serves one thread; a lost connection is replaced, and the read repeated once. Throws `event_log::unreachable`
// when the database is away or does not answer, `read_failed` when it refuses.
#pragma once

#include "events/log/connection.hpp"
#include "projections/runner/list.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace projection
{
struct reader_config
{
    event_log::connection_config connection;
    std::shared_ptr<event_log::watchdog> watchdog;
    std::chrono::milliseconds call_deadline{5'000};
    std::string cursor_secret;  // at least 32 bytes, the same in every process of an installation
};

// The database refused the read, or was told to end it because it took too long.
struct read_failed : std::runtime_error
{
    using runtime_error::runtime_error;
};

// How new an answer is. The incarnation is empty when nothing was ever projected in the tenant's lane.
struct shown
{
    event_log::position at;
    std::string incarnation;
    bool has_parked = false;  // a key of the tenant is stopped in what was asked: some row may be older
};

struct page
{
    std::string data;  // a JSON array of items in GET's shape
    std::size_t count = 0;
    std::optional<std::string> next_cursor, prev_cursor;
    shown as_of;
};

struct item
{
    std::optional<std::string> data;  // a JSON object; nothing: there is no such thing
    shown as_of;
};

// The rows of a fixed query, all columns as text.
struct answer
{
    std::vector<std::vector<std::optional<std::string>>> rows;
    shown as_of;
};

class reader
{
public:
    explicit reader(reader_config);
    ~reader();

    const std::string& cursor_secret() const;

    page list(const list_shape&, const list_place&, const list_ask&, std::optional<under> = {});
    item get(const list_shape&, const uuid& tenant, const uuid& id, std::optional<under> = {});

    // A query whose first column is the position (see read.ask), that names tables as {task} and versions as
    // {task.version}, and whose others are text, `columns` of them, the
    // first of them never null. Shown as of the lowest position of the definitions named.
    answer ask(const uuid& tenant, std::span<const definition* const>, const statement&, std::size_t columns);

private:
    struct implementation;
    std::unique_ptr<implementation> self_;
};
}  // namespace projection
