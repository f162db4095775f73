// A connection as the projector's role, and what its failures mean in the runner's words.
//
// Serves one thread. After a call that lost it, every call throws until `open` made a new one.
#pragma once

#include "events/log/connection.hpp"
#include "projections/runner/row_store.hpp"

#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace projection
{
class row_connection
{
public:
    row_connection(row_store_config, const char* application_name);

    // Throws store_failed.
    void open();
    bool is_open() const { return used_ && !used_->lost(); }
    pqxx::connection_base& raw() { return used_->raw(); }
    event_log::connection& held() { return *used_; }

    // Runs one piece of work under a deadline and says in our words how it failed: lost_race or store_failed.
    template <class Work>
    auto call(Work work)
    {
        if (!used_)
            throw store_failed("the rows' store is not open", false);
        const event_log::connection::deadline limit{*used_, config_.call_deadline};
        try
        {
            return work(used_->raw());
        }
        catch (const std::exception& fault)
        {
            explain(fault);
        }
    }

    // Refused for a value: a row that is out of bounds, breaks a constraint or grows too large. Not a lost race.
    static bool is_by_data(std::string_view sqlstate);

private:
    // Of the exception being handled: what is not the database's goes on as it is.
    [[noreturn]] void explain(const std::exception&);

    row_store_config config_;
    std::unique_ptr<event_log::connection> used_;
};
}  // namespace projection
