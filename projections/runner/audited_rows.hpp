// What an audit and a repair of read models read and fold: some streams of a tenant, their rows and totals, inside a
// transaction of the caller's. Pure where it folds; the readers throw what pqxx throws. Included by row_audit.cpp and
// row_mending.cpp alone.
#pragma once

#include "projections/runner/folding.hpp"
#include "projections/runner/row_store.hpp"

#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace pqxx
{
class connection_base;
class transaction_base;
}  // namespace pqxx

namespace projection
{
// A connection as the application, whose failures are told in the words of the rows' store.
class audit_link
{
public:
    explicit audit_link(row_store_config);
    ~audit_link();

    void open();
    bool is_open() const;

    // Runs one piece of work under the deadline. Throws lost_race and store_failed.
    template <class Work>
    auto call(Work work)
    {
        using answer = decltype(work(std::declval<pqxx::connection_base&>()));
        if constexpr (std::is_void_v<answer>)
            run([&](pqxx::connection_base& raw) { work(raw); });
        else
        {
            std::optional<answer> made;
            run([&](pqxx::connection_base& raw) { made.emplace(work(raw)); });
            return std::move(*made);
        }
    }

private:
    void run(const std::function<void(pqxx::connection_base&)>&);

    const row_store_config config_;
    std::unique_ptr<event_log::connection> link_;
};

// The session's rights until the transaction ends: what the log is read with, and what rows are.
void as_application(pqxx::transaction_base&);
void as_projector(pqxx::transaction_base&);

// The newest checkpoint of one projection in one lane; step 0 when there is none.
checkpoint position_of(pqxx::transaction_base&, const definition&, std::int32_t lane);

struct audit_bounds
{
    uuid tenant;
    std::int32_t lane = 0;
    uuid after;  // streams behind this one
    std::size_t events_max = 0;
    std::size_t rows_max = 0;
};

struct audited_slice
{
    checkpoint at;
    std::vector<recorded> events;             // by stream and version, up to `at`
    std::map<uuid, std::string> rows;         // compact
    std::map<uuid, std::vector<term>> terms;  // by which they are found, in the order of words
    std::map<uuid, std::int64_t> stopped;     // keys, and the event that each stopped at
    std::optional<uuid> next;
};

audited_slice read_slice(pqxx::transaction_base&, const definition&, const audit_bounds&);
// The streams named and no others, whole.
audited_slice read_streams(pqxx::transaction_base&, const definition&, const audit_bounds&,
                           const std::vector<uuid>& streams);

struct wanted_row
{
    std::string bytes;          // empty: the log makes no row
    std::shared_ptr<void> row;  // the same as an object
    std::int64_t last_seq = 0;
};

// What the log makes of these streams, by id; nothing when a row of this projection is not a stream.
std::optional<std::map<uuid, wanted_row>> fold_anew(const definition&, const audited_slice&, const opening&);
std::optional<uuid> hole_in(const std::vector<recorded>&);

struct total_name
{
    std::string counter;
    std::string bucket;
    std::string text() const { return counter + '/' + bucket; }
    friend auto operator<=>(const total_name&, const total_name&) = default;
};
using totals_of_tenant = std::map<total_name, std::int64_t>;

totals_of_tenant totals_from_rows(pqxx::transaction_base&, const definition&, const uuid& tenant,
                                  std::size_t page_rows);
totals_of_tenant stored_totals(pqxx::transaction_base&, const definition&, const uuid& tenant);
}  // namespace projection
