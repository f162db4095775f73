// Where a scenario takes place: a PostgreSQL of its own that keeps what it confirms, a migrated database, a proxy
// before it, a master key, and organisations founded through the command line.
//
// Nodes made on it are real `clientflow serve` processes. One thread uses a site at a time, except dsn() and through().
#pragma once

#include "tests/kit/cluster.hpp"
#include "tests/kit/database.hpp"
#include "tests/kit/paths.hpp"
#include "tests/kit/proxy.hpp"

#include <filesystem>
#include <string>

namespace scenario
{
struct organisation
{
    std::string org_id;
    std::string member_id;
    std::string key_id;
    std::string api_key;

    std::string tenant_id() const;  // its uuid
};

class site
{
public:
    site();

    std::string dsn() const { return db.dsn(); }
    // Through the proxy, so that the link can be cut.
    std::string through() const { return db.dsn_through(link.port()); }

    // A data directory with this site's master key.
    std::filesystem::path data_directory(const std::string& name);

    organisation found(const std::string& slug, const std::string& plan = "business");

    // As the superuser; the first column of the first row.
    std::string ask(const std::string& sql) const { return db.run(sql); }
    long count(const std::string& sql) const;

    kit::cluster cluster;
    kit::database db;
    kit::proxy link;
    kit::temporary_directory room;
};

// Runs `clientflow` with these words and returns what it printed; throws when it does not end with 0.
std::string command_line(const site&, std::vector<std::string> words);
}  // namespace scenario
