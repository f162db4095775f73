// The store's one connection: opened when needed, prepared, replaced when lost. Serves one thread.
#pragma once

#include "events/log/connection.hpp"
#include "events/log/round_plan.hpp"
#include "events/log/store.hpp"

#include <memory>
#include <string>
#include <vector>

namespace pqxx
{
class result;
}

namespace event_log
{
using time_point = watchdog::clock::time_point;

class session
{
public:
    explicit session(store_config);

    // Opens the connection if there is none. Throws `unreachable`.
    void open(time_point until);
    void drop() noexcept { link_.reset(); }
    bool is_open() const noexcept { return link_ && !link_->lost(); }

    // How this database numbers the types of schema es; known while open.
    const type_numbers& types() const noexcept { return types_; }

    // One prepared statement, its parameters in binary form, in a transaction of its own. Throws what pqxx throws.
    pqxx::result run(const char* statement, const std::vector<std::string>& parameters, time_point until);

    // What an exception of `run` means; drops the connection when it is lost.
    failure understand(const std::exception&);

    // A statement that only reads: once more on a new connection when the first was lost. Throws `unreachable`.
    pqxx::result read(const char* statement, const std::vector<std::string>& parameters);

    const store_config& config() const noexcept { return config_; }

private:
    store_config config_;
    std::unique_ptr<connection> link_;
    type_numbers types_;
};

// Prepared on every connection.
namespace statement
{
inline constexpr const char *append = "append", *append_carefully = "append_carefully", *settle = "settle",
                            *confirm = "confirm", *load = "load", *find_tenant = "find_tenant", *last_seq = "last_seq",
                            *least_lane = "least_lane", *find_claim = "find_claim", *subject_keys = "subject_keys",
                            *quotas = "quotas", *rehearse = "rehearse";
}  // namespace statement

// The text of a prepared statement, for the test that asserts its plan.
std::string_view text_of(std::string_view statement);
}  // namespace event_log
