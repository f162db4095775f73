// `clientflow migrate`: brings the store to the schema this program wants, and makes the master key of a fresh one.
#include "events/log/seal.hpp"
#include "events/log/store.hpp"
#include "projections/catalogue.hpp"
#include "projections/runner/view_notes.hpp"
#include "schemas/json_writer.hpp"
#include "schemas/text.hpp"
#include "tools/clientflow/database.hpp"
#include "tools/clientflow/embedded.hpp"
#include "tools/clientflow/schema_of_store.hpp"
#include "tools/clientflow/settings.hpp"

#include <CLI/CLI.hpp>

#include <iostream>

namespace cli
{
const std::vector<event_log::migration>& wanted_migrations()
{
    static const auto all = [] {
        std::vector<event_log::migration> made;
        for (const auto& [file, sql] : embedded::migrations())
        {
            const auto name = file.substr(5, file.size() - 5 - std::string_view{".sql"}.size());
            made.push_back({std::stoi(file.substr(0, 4)), name, schema::hex(schema::sha256(sql)), sql});
        }
        return made;
    }();
    return all;
}

namespace
{
struct wishes
{
    bool dry_run = false;
    bool new_incarnation = false;
    std::string reason;
};

std::string titled(const event_log::migration& each)
{
    auto number = std::to_string(each.number);
    return std::string(4 - std::min<std::size_t>(4, number.size()), '0') + number + '_' + each.name;
}

void print(const program& chosen, const std::vector<event_log::migration>& ran, const wishes& given,
           const std::string& incarnation)
{
    if (!chosen.given.json)
    {
        for (const auto& each : ran)
            say(chosen, (given.dry_run ? "would run " : "ran ") + titled(each));
        if (given.new_incarnation)
            say(chosen, given.dry_run ? "would begin a new incarnation" : "began incarnation " + incarnation);
        else if (ran.empty())
            say(chosen, "the schema is current");
        return;
    }
    std::string out;
    schema::json_writer json{out};
    json.begin_object().key("dry_run").boolean(given.dry_run).key("migrations").begin_array();
    for (const auto& each : ran)
        json.string(titled(each));
    json.end_array().key("new_incarnation").boolean(given.new_incarnation);
    json.member("incarnation", incarnation).end_object();
    std::cout << out << '\n';
}

// A fresh store gets a master key; one that holds tenants cannot do with another than the one that wrapped their keys.
void make_master_key(const program& chosen, const settings& of)
{
    if (std::filesystem::exists(of.keys.master_key_file))
        return;
    database store{of.operator_dsn()};
    const auto tenants = store.ask_one("select count(*) from es.tenant where octet_length(wrapped_key) > 0");
    if (tenants && tenants->front() != "0")
        throw failure(refused, "master_key_missing",
                      "the store holds tenants, but " + of.keys.master_key_file.string() +
                          " is not there: put the master key back, without it their personal values cannot be read");
    std::filesystem::create_directories(of.keys.master_key_file.parent_path());
    event_log::create_master_key(of.keys.master_key_file);
    say(chosen, "made the master key " + of.keys.master_key_file.string() + ": keep a copy of it elsewhere");
}

event_log::connection_config admin_connection(const settings& of)
{
    event_log::connection_config made;
    made.dsn = of.operator_dsn();
    made.application_name = "clientflow migrate";
    return made;
}

exit_status migrate(const program& chosen, const wishes& given)
{
    const auto of = read_settings(chosen.given);
    end_at_second_signal();  // another migration may hold the lock for long
    event_log::connection link{admin_connection(of), std::make_shared<event_log::watchdog>()};
    try
    {
        if (given.dry_run)
        {
            const auto report = event_log::inspect_schema(link, wanted_migrations());
            if (report.state == event_log::schema_state::newer || report.state == event_log::schema_state::edited)
                throw event_log::schema_refused(report.detail);
            print(chosen, report.pending, given, "");
            return done;
        }
        const auto ran = event_log::migrate(link, wanted_migrations());
        projection::write_view_notes(link, projection::read_models());
        make_master_key(chosen, of);
        if (given.new_incarnation)
            event_log::begin_incarnation(link, given.reason.empty() ? "migrate --new-incarnation" : given.reason);
        print(chosen, ran, given, event_log::read_incarnation(link).text());
        return done;
    }
    catch (const event_log::schema_refused& wrong)
    {
        throw failure(refused, "schema_refused", wrong.what());
    }
}
}  // namespace

void add_migrate(CLI::App& root, program& chosen)
{
    auto given = std::make_shared<wishes>();
    auto& verb = add_noun(root, "migrate",
                          "Example: clientflow migrate --dry-run\n\nBrings the store to the schema this program wants; "
                          "one runner at a time. A newer or edited schema is refused.");
    verb.add_flag("--dry-run", given->dry_run, "Only say what would be run and begun");
    verb.add_flag("--new-incarnation", given->new_incarnation,
                  "After a restore: positions given out before belong to another history");
    verb.add_option("--reason", given->reason, "Recorded with the new incarnation");
    verb.callback([&chosen, given] { chosen.run = [&chosen, given] { return migrate(chosen, *given); }; });
}
}  // namespace cli
