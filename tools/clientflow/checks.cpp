// See checks.hpp.
#include "tools/clientflow/checks.hpp"

#include "events/log/migrator.hpp"
#include "events/log/self_check.hpp"
#include "events/log/store.hpp"
#include "projections/catalogue.hpp"
#include "projections/runner/self_check.hpp"
#include "projections/runner/versions.hpp"
#include "schemas/time.hpp"
#include "tools/clientflow/database.hpp"
#include "tools/clientflow/dsn.hpp"
#include "tools/clientflow/schema_of_store.hpp"

#include <array>
#include <cstdlib>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

namespace cli
{
namespace
{
// A question about what lies beside the log, whose answer is one row: nothing or null when all is well, otherwise the
// sentence. What the log itself needs of the server is one list, event_log::check_database.
struct question
{
    const char* name;
    bool fatal;
    const char* sql;
};

constexpr question clock_question{
    "clock", false,
    "select 'the clocks of this machine and the database differ by ' || round(off::numeric, 1) || ' s'"
    " from (select abs(extract(epoch from clock_timestamp()) - $1::float8) as off) c where off > 5"};

constexpr std::array<question, 2> read_model_questions{{
    {"projections", false,
     "select 'read model ' || min(n.projection) || ' is behind by up to ' || max(h.seq - n.seq) || ' events; is a"
     " projector running?' from (select distinct on (projection, version, lane) projection, lane, seq"
     " from read.checkpoint order by projection, version, lane, step desc) n cross join lateral"
     " (select e.seq, e.recorded_at from es.event e where e.lane = n.lane order by e.seq desc limit 1) h"
     " where h.seq > n.seq and h.recorded_at < clock_timestamp() - interval '60 s' having count(*) > 0"},
    {"parked_keys", false,
     "select count(*) || ' keys are parked: a read model could not fold them; see clientflow parked list'"
     " from read.parked where discarded_at is null having count(*) > 0"},
}};

constexpr question login_question{"application_login", true,
                                  "select 'the server would work as ' || current_user || ', not as clientflow_app'"
                                  " where current_user <> 'clientflow_app'"};

class report
{
public:
    void add(const std::string& name, bool fatal, std::string complaint)
    {
        results_.push_back({name, complaint.empty(), fatal, std::move(complaint)});
    }
    std::vector<check_result> take() { return std::move(results_); }

private:
    std::vector<check_result> results_;
};

std::string ask(database& store, const question& each, const std::vector<field>& parameters = {})
{
    try
    {
        const auto found = store.ask_one(each.sql, parameters);
        return found && found->front() ? *found->front() : "";
    }
    catch (const std::runtime_error& wrong)
    {
        return std::string{"cannot be asked: "} + wrong.what();
    }
}

event_log::connection_config config_for(const std::string& dsn)
{
    event_log::connection_config made;
    made.dsn = dsn;
    made.application_name = "clientflow doctor";
    return made;
}

std::string schema_complaint(event_log::connection& link)
{
    const auto found = event_log::inspect_schema(link, wanted_migrations());
    switch (found.state)
    {
    case event_log::schema_state::current:
        return "";
    case event_log::schema_state::empty:
        return "nothing was ever migrated here: run clientflow migrate";
    case event_log::schema_state::behind:
        return std::to_string(found.pending.size()) + " migrations are still to be run: clientflow migrate";
    default:
        return found.detail.empty() ? "the schema is not one that this program knows" : found.detail;
    }
}

void check_log(report& into, event_log::connection& link, event_log::extent how_far)
{
    for (const auto& each : event_log::check_database(link, how_far))
        into.add(each.id, each.grave, each.ok ? "" : each.message + ". " + each.what_to_do);
}

// Rows that the folds of this program did not make must neither be fed nor shown by it.
std::string definitions_complaint(const settings& of)
{
    projection::row_store_config rows;
    rows.connection = config_for(as_application(of.store.dsn));
    rows.connection.password_file = of.store.password_file;
    rows.watchdog = std::make_shared<event_log::watchdog>();
    try
    {
        projection::version_store versions{rows};
        versions.open();
        versions.fed(projection::read_models());
        return "";
    }
    catch (const projection::unknown_definition& fault)
    {
        return fault.what();
    }
    catch (const projection::store_failed& fault)
    {
        return std::string{"cannot be asked: "} + fault.what();
    }
}

void check_read_models(report& into, event_log::connection& link, database& store)
{
    std::string findings;
    for (const auto& each : projection::check_row_security(link))
        findings += (findings.empty() ? "" : "; ") + each.object + ' ' + each.what;
    into.add("row_security", true, findings);
    for (const auto& each : read_model_questions)
        into.add(each.name, each.fatal, ask(store, each));
}

void check_store(report& into, const settings& of)
{
    event_log::connection link{config_for(of.operator_dsn()), std::make_shared<event_log::watchdog>()};
    into.add("store", true, "");
    const auto complaint = schema_complaint(link);
    into.add("schema", true, complaint);
    check_log(into, link, complaint.empty() ? event_log::extent::server_and_log : event_log::extent::server);
    database store{of.operator_dsn()};
    const auto now = std::to_string(static_cast<double>(schema::system_clock{}.now().us) / 1e6);
    into.add(clock_question.name, clock_question.fatal, ask(store, clock_question, {now}));
    if (!complaint.empty())
        return;
    check_read_models(into, link, store);
    into.add("definitions", true, definitions_complaint(of));
    database as_app{as_application(of.store.dsn)};
    into.add(login_question.name, login_question.fatal, ask(as_app, login_question));
}

void check_master_key(report& into, const settings& of)
{
    const auto& file = of.keys.master_key_file;
    struct stat seen
    {};
    std::string complaint;
    if (::stat(file.c_str(), &seen) != 0)
        complaint = file.string() + " is not there: clientflow migrate makes one for a fresh store";
    else if ((seen.st_mode & 077) != 0)
        complaint = file.string() + " can be read by others: chmod 600";
    else
    {
        std::string key;
        std::ifstream{file} >> key;
        if (key.size() != 64 || key.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos)
            complaint = file.string() + " does not hold 64 hex digits";
    }
    into.add("master_key", true, complaint);
}

void check_machine(report& into, const settings& of)
{
    std::error_code trouble;
    const auto space = std::filesystem::space(of.data, trouble);
    into.add("data_directory", true,
             trouble                                ? of.data.string() + ": " + trouble.message()
             : ::access(of.data.c_str(), W_OK) != 0 ? of.data.string() + " is not writable"
                                                    : "");
    constexpr std::uintmax_t wanted = 512ULL * 1024 * 1024;
    into.add("disk_space", false,
             !trouble && space.available < wanted ? "less than 512 MiB are free at " + of.data.string() : "");
    const std::uintmax_t processors = static_cast<std::uintmax_t>(::sysconf(_SC_NPROCESSORS_ONLN));
    into.add("threads", false,
             static_cast<std::uintmax_t>(of.http.api.shards) > 4 * processors ? "many more shards than processors"
                                                                              : "");
}
}  // namespace

std::vector<check_result> run_checks(const settings& of)
{
    report into;
    check_machine(into, of);
    check_master_key(into, of);
    try
    {
        check_store(into, of);
    }
    catch (const event_log::unreachable& away)
    {
        into.add("store", true, std::string{"cannot be reached: "} + away.what() + std::string{start_hint});
    }
    return into.take();
}
}  // namespace cli
