// The operator's look into the store: small questions in SQL, answered as rows of text.
//
// What the tools ask here has no place in the product's own interfaces: lists of tenants, positions, single events by
// id. Values go as parameters, never into the statement. Serves one thread. Throws event_log::unreachable when there is
// no server or it is lost, and std::runtime_error with the server's own one-line message when it refuses.
#pragma once

#include "events/log/connection.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace cli
{
using field = std::optional<std::string>;  // nothing: null
using line = std::vector<field>;

class database
{
public:
    explicit database(const std::string& dsn);

    std::vector<line> ask(const std::string& statement, const std::vector<field>& parameters = {});
    std::optional<line> ask_one(const std::string& statement, const std::vector<field>& parameters = {});

private:
    std::shared_ptr<event_log::watchdog> watchdog_;
    event_log::connection connection_;
};
}  // namespace cli
