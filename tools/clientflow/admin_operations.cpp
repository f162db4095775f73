// See admin_operations.hpp.
#include "tools/clientflow/admin_operations.hpp"

#include "events/log/store.hpp"
#include "projections/runner/row_store.hpp"
#include "schemas/record.hpp"
#include "tools/clientflow/dsn.hpp"
#include "tools/clientflow/operation_body.hpp"
#include "tools/clientflow/operation_refusals.hpp"
#include "tools/clientflow/operator_answers.hpp"
#include "tools/clientflow/reading_operations.hpp"
#include "tools/clientflow/started_operations.hpp"

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

namespace cli
{
// The body of what is done to stopped keys.
struct parked_request
{
    std::optional<std::string> key;
    std::optional<std::string> projection;
    std::optional<bool> all;
    std::optional<bool> dry_run;
    std::optional<std::string> reason;
};
}  // namespace cli

template <>
inline constexpr schema::record_type schema::schema_of<cli::parked_request> =
    schema::record("parked_request", 1, schema::field<&cli::parked_request::key>("key", "task_…; or all."),
                   schema::field<&cli::parked_request::projection>("projection", "Only of this one."),
                   schema::field<&cli::parked_request::all>("all", "Every key that is stopped and not discarded."),
                   schema::field<&cli::parked_request::dry_run>("dry_run", "Only say which ones."),
                   schema::field<&cli::parked_request::reason>("reason", schema::length{1, 500}, "Of a discard."));

namespace cli
{
namespace
{
using http::operation;
using http::operation_call;

// The store as operators look at it.
class desk
{
public:
    explicit desk(const settings& of) : of_(of) {}

    const settings& of() const { return of_; }

    // Runs the work over the connection that is kept, in the words of problems.
    std::string answer(const std::function<std::string(database&)>& work)
    try
    {
        if (!store_)
            store_ = std::make_unique<database>(dsn());
        return work(*store_);
    }
    catch (const failure& wrong)
    {
        constexpr std::array members{"all", "key", "projection", "dry_run", "reason"};
        throw http::operation_refused{
            http::make_problem(problem_code_of(wrong.status), without_flags(wrong.what(), members))};
    }
    catch (const event_log::unreachable&)
    {
        store_.reset();
        throw http::operation_refused{http::make_problem("unavailable")};
    }
    catch (const projection::store_failed& fault)
    {
        throw http::operation_refused{http::make_problem(fault.was_refused ? "internal" : "unavailable")};
    }

private:
    std::string dsn() const
    {
        std::vector<std::pair<std::string, std::string>> values{{"options", "-c role=clientflow_projector"}};
        if (!of_.store.password_file.empty())
            values.emplace_back("passfile", of_.store.password_file);
        return with_values(of_.store.dsn, values);
    }

    const settings& of_;
    std::unique_ptr<database> store_;  // the operations' thread alone uses it
};

parked_keys_wanted from_query(const operation_call& call)
{
    parked_keys_wanted made;
    for (const auto& [name, value] : call.parameters)
        (name == "key" ? made.key : made.projection) = value;
    return made;
}

parked_keys_wanted from_body(const operation_call& call)
{
    const auto read = read_operation_body<parked_request>(call);
    return {read.key.value_or(""), read.projection.value_or(""), read.all.value_or(false), read.dry_run.value_or(false),
            read.reason.value_or("")};
}
}  // namespace

std::vector<operation> admin_operations(const settings& of, const std::shared_ptr<admin_work>& work)
{
    using http::verb;
    using scope = api_key::scope;
    const auto at = std::make_shared<desk>(of);
    std::vector<operation> all{
        {"lanes/status",
         verb::get,
         scope::ops_read,
         {},
         [at](const operation_call&) { return at->answer(lanes_status); }},
        {"projection/list",
         verb::get,
         scope::ops_read,
         {},
         [at](const operation_call&) { return at->answer(projection_list); }},
        {"parked/list",
         verb::get,
         scope::ops_read,
         {"projection"},
         [at](const operation_call& call) {
             return at->answer([&](database& store) { return parked_list(store, from_query(call)); });
         }},
        {"parked/show",
         verb::get,
         scope::ops_read,
         {"key", "projection"},
         [at](const operation_call& call) {
             return at->answer([&](database& store) { return parked_show(store, from_query(call)); });
         },
         200,
         {"key"}},
        {"parked/replay",
         verb::post,
         scope::ops_replay,
         {},
         [at](const operation_call& call) {
             return at->answer([&](database& store) { return parked_replay(at->of(), store, from_body(call)); });
         }},
        {"parked/discard",
         verb::post,
         scope::ops_write,
         {},
         [at](const operation_call& call) {
             return at->answer([&](database& store) { return parked_discard(at->of(), store, from_body(call)); });
         }},
    };
    const auto rebuilds = [at] {
        admin_work::known found;
        at->answer([&](database& store) {
            found = projection_rebuilds(store);
            return std::string{};
        });
        return found;
    };
    for (auto& more : {started_operations(work, rebuilds), reading_operations(work)})
        all.insert(all.end(), more.begin(), more.end());
    return all;
}
}  // namespace cli
