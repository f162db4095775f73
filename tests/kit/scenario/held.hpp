// A transaction that somebody else holds open on the database: a forgotten session, a migration, a report.
//
// Begun with the object, rolled back with it. One thread at a time.
#pragma once

#include <memory>
#include <string>
#include <vector>

namespace scenario
{
class held_transaction
{
public:
    // Runs the statements inside the transaction and keeps it open.
    held_transaction(const std::string& dsn, const std::vector<std::string>& statements);
    ~held_transaction();

    std::string run(const std::string& statement);  // the first column of the first row, "" without
    void release();  // rolls back now

private:
    struct session;
    std::unique_ptr<session> self_;
};
}  // namespace scenario
