#include "events/log/migrator.hpp"

#include "events/log/store.hpp"
#include "schemas/fault_point.hpp"
#include "schemas/text.hpp"

#include <pqxx/pqxx>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <map>
#include <sstream>

namespace event_log
{
namespace
{
constexpr std::chrono::minutes one_migration_max{30};

// Any two numbers of our own: migrations of one database exclude each other.
constexpr const char* runner_lock = "7105, 1000000";

migration read_migration(const std::filesystem::path& file)
{
    const std::string stem = file.stem().string();
    migration out;
    const auto read = std::from_chars(stem.data(), stem.data() + stem.size(), out.number);
    if (read.ptr != stem.data() + 4 || stem.size() < 6 || stem[4] != '_' || out.number <= 0)
        throw std::runtime_error{"not NNNN_what_it_does.sql: " + file.filename().string()};
    out.name = stem.substr(5);
    std::ifstream in{file, std::ios::binary};
    std::ostringstream text;
    text << in.rdbuf();
    if (!in)
        throw std::runtime_error{"cannot read " + file.filename().string()};
    out.sql = text.str();
    out.checksum = schema::hex(schema::sha256(out.sql));
    return out;
}

struct applied
{
    std::string name;
    std::string checksum;
};

std::map<int, applied> read_applied(pqxx::transaction_base& work)
{
    std::map<int, applied> out;
    if (work.exec1("select to_regclass('es.migration') is null")[0].as<bool>())
        return out;
    for (const pqxx::row& row : work.exec("select number, name, checksum from es.migration"))
        out[row[0].as<int>()] = {row[1].c_str(), row[2].c_str()};
    return out;
}

schema_report compare(std::map<int, applied> there, const std::vector<migration>& wanted)
{
    schema_report out;
    out.state = there.empty() ? schema_state::empty : schema_state::current;
    for (const migration& each : wanted)
    {
        const auto found = there.find(each.number);
        if (found == there.end())
        {
            out.pending.push_back(each);
            continue;
        }
        if (found->second.checksum != each.checksum)
            return {schema_state::edited,
                    {},
                    "migration " + std::to_string(each.number) + " (" + found->second.name +
                        ") was run here in another form"};
        there.erase(found);
    }
    if (!there.empty())
        return {schema_state::newer,
                {},
                "the database holds migration " + std::to_string(there.begin()->first) + " (" +
                    there.begin()->second.name + "), which this program does not know"};
    if (!out.pending.empty())
    {
        out.detail = std::to_string(out.pending.size()) + " migration(s) to run";
        if (out.state == schema_state::current)
            out.state = schema_state::behind;
    }
    return out;
}

void run_one(connection& on, const migration& each)
{
    try
    {
        const connection::deadline limit{on, one_migration_max};
        pqxx::work work{on.raw()};
        work.exec(each.sql);
        work.exec("reset role");
        work.exec_params("insert into es.migration (number, name, checksum) values ($1, $2, $3)", each.number,
                         each.name, each.checksum);
        FAULT_POINT("migrate.before_commit");
        work.commit();
        FAULT_POINT("migrate.after_commit");
    }
    catch (const std::exception& problem)
    {
        throw std::runtime_error{"migration " + std::to_string(each.number) + " (" + each.name +
                                 ") failed: " + understand(problem, on).message};
    }
}

// Held by the session, and gone with it.
class runner
{
public:
    explicit runner(connection& on) : on_(on)
    {
        const connection::deadline limit{on_, one_migration_max};
        pqxx::nontransaction work{on_.raw()};
        work.exec("set lock_timeout = 0");
        work.exec(std::string{"select pg_advisory_lock("} + runner_lock + ")");
        work.exec("set lock_timeout = '30s'");
    }
    ~runner()
    {
        try
        {
            pqxx::nontransaction work{on_.raw()};
            work.exec(std::string{"select pg_advisory_unlock("} + runner_lock + ")");
        }
        catch (const std::exception&)
        {
            on_.give_up();
        }
    }
    runner(const runner&) = delete;
    runner& operator=(const runner&) = delete;

private:
    connection& on_;
};
}  // namespace

std::vector<migration> read_migrations(const std::filesystem::path& directory)
{
    std::vector<migration> out;
    for (const auto& entry : std::filesystem::directory_iterator{directory})
        if (entry.path().extension() == ".sql")
            out.push_back(read_migration(entry.path()));
    std::sort(out.begin(), out.end(), [](const migration& a, const migration& b) { return a.number < b.number; });
    const auto twice = std::adjacent_find(out.begin(), out.end(),
                                          [](const migration& a, const migration& b) { return a.number == b.number; });
    if (twice != out.end())
        throw std::runtime_error{"two migrations have the number " + std::to_string(twice->number)};
    return out;
}

schema_report inspect_schema(connection& on, const std::vector<migration>& wanted)
{
    const connection::deadline limit{on, std::chrono::seconds{30}};
    pqxx::nontransaction work{on.raw()};
    return compare(read_applied(work), wanted);
}

std::vector<migration> migrate(connection& on, const std::vector<migration>& wanted)
{
    const runner only{on};
    const schema_report report = inspect_schema(on, wanted);
    if (report.state == schema_state::newer || report.state == schema_state::edited)
        throw schema_refused{report.detail};
    for (const migration& each : report.pending)
        run_one(on, each);
    return report.pending;
}

incarnation read_incarnation(connection& on)
{
    const connection::deadline limit{on, std::chrono::seconds{10}};
    pqxx::nontransaction work{on.raw()};
    const pqxx::row row = work.exec1("select ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint,"
                                     " (select max(number) from es.incarnation)");
    return {row[0].as<std::int64_t>(), row[1].as<std::int64_t>()};
}

incarnation begin_incarnation(connection& on, const std::string& reason)
{
    {
        const connection::deadline limit{on, std::chrono::seconds{10}};
        pqxx::work work{on.raw()};
        work.exec("set local role clientflow_owner");
        work.exec_params("insert into es.incarnation (number, reason)"
                         " select coalesce(max(number), 0) + 1, $1 from es.incarnation",
                         reason);
        FAULT_POINT("incarnation.before_commit");
        work.commit();
    }
    FAULT_POINT("incarnation.after_commit");
    return read_incarnation(on);
}
}  // namespace event_log
