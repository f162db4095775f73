// When each API key was last used and how often this month: written in batches by the `key-use` thread, read by
// /api-keys/{id}/usage. Never one write per request.
#pragma once

#include "events/log/connection.hpp"
#include "events/log/store.hpp"
#include "http/server/use_book.hpp"
#include "schemas/uuid.hpp"

#include <memory>
#include <string>
#include <vector>

namespace http
{
class key_use_writer
{
public:
    explicit key_use_writer(event_log::store_config);
    ~key_use_writer();

    // One statement for all, which is its own transaction: FAULT_POINTs key_use.before_commit and key_use.after_commit
    // stand around it. A sending that was added before is not added again. Throws when the database is away, or the
    // answer was lost; the next call makes a new connection.
    void keep(const use_sending&);

private:
    const event_log::store_config config_;
    const std::shared_ptr<event_log::watchdog> guard_;
    const schema::uuid node_;  // what sendings are numbered of: one life of this writer
    std::unique_ptr<event_log::connection> connection_;
};

// What the housekeeping of a process does for them: see `event_log::housekeeper_config::chores`.
std::vector<std::string> key_use_chores();

struct key_use
{
    std::optional<schema::moment> last_used_at;
    std::int64_t calls_this_month = 0;
};

// On a connection of its own kind; one serves one thread.
class key_use_reader
{
public:
    explicit key_use_reader(event_log::store_config);
    ~key_use_reader();

    key_use read(const schema::uuid& tenant, const schema::uuid& key);

private:
    const event_log::store_config config_;
    const std::shared_ptr<event_log::watchdog> guard_;
    std::unique_ptr<event_log::connection> connection_;
};
}  // namespace http
