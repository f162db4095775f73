// The operator's look into the store: small questions in SQL, answered as rows of text.
//
// What the tools ask here has no place in the product's own interfaces: lists of tenants, positions, single events by
// id. Values go as parameters, never into the statement. Serves one thread. Throws event_log::unreachable when there is
// no server or it is lost, and server_refused with the server's own one-line message when it refuses.
#pragma once

#include "events/log/connection.hpp"

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace cli
{
using field = std::optional<std::string>;  // nothing: null
using line = std::vector<field>;

struct server_refused : std::runtime_error
{
    server_refused(const std::string& message, std::string state) : runtime_error(message), sqlstate(std::move(state))
    {}
    std::string sqlstate;
};

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
