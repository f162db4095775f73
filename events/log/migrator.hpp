// Brings a database to the schema this program wants, and says how far a database is.
//
// A migration is a file `NNNN_what_it_does.sql` in one directory; numbers grow and may leave gaps, what was released is
// never edited. Each runs in a transaction of its own, together with the row in es.migration that records its name and
// checksum. One runner at a time: the others wait for it. Everything runs as whoever `dsn` names, who must be allowed
// to create roles and schemas; the files change to the owner's role themselves.
#pragma once

#include "events/log/connection.hpp"

#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

namespace event_log
{
struct migration
{
    int number = 0;
    std::string name;      // without number and ending
    std::string checksum;  // SHA-256 of the file, hex
    std::string sql;
};

// In order. Throws std::runtime_error on a name of another shape, a number twice, or a directory that cannot be read.
std::vector<migration> read_migrations(const std::filesystem::path& directory);

enum class schema_state
{
    current,  // exactly what this program wants
    empty,    // nothing was ever migrated here
    behind,   // something is still to be run
    newer,    // holds migrations this program does not know
    edited    // a migration that was run here differs from the file of the same number
};

struct schema_report
{
    schema_state state = schema_state::empty;
    std::vector<migration> pending;  // in order
    std::string detail;              // one sentence, empty when current
};

// A database that may not be migrated: newer or edited. Nothing was changed.
struct schema_refused : std::runtime_error
{
    using runtime_error::runtime_error;
};

// Reads only; for readiness checks and dry runs.
schema_report inspect_schema(connection&, const std::vector<migration>& wanted);

// Runs what is pending and returns it, in order; an unchanged database returns none. Throws `schema_refused`;
// std::runtime_error when a file fails (its own transaction is rolled back, earlier files stay); `unreachable`.
// FAULT_POINTs migrate.before_commit and migrate.after_commit stand around each file's commit.
std::vector<migration> migrate(connection&, const std::vector<migration>& wanted);

// Which history positions belong to: the timeline of the write-ahead log, which a promoted copy changes, and a number
// that `migrate --new-incarnation` and restore raise.
struct incarnation
{
    std::int64_t timeline = 0;
    std::int64_t number = 0;
    friend auto operator<=>(const incarnation&, const incarnation&) = default;

    std::string text() const { return std::to_string(timeline) + '.' + std::to_string(number); }
};

incarnation read_incarnation(connection&);

// Needs the rights of a migration. FAULT_POINTs incarnation.before_commit and incarnation.after_commit stand around its
// commit.
incarnation begin_incarnation(connection&, const std::string& reason);
}  // namespace event_log
