// What the verbs on versions of read models take, and what they share: where versions are looked up, how one is built,
// what a fault of the stores means.
#pragma once

#include "projections/runner/definition.hpp"
#include "projections/runner/rebuild.hpp"
#include "projections/runner/row_store.hpp"
#include "projections/runner/versions.hpp"
#include "tools/clientflow/program.hpp"
#include "tools/clientflow/settings.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace CLI
{
class Option;
}

namespace schema
{
class json_writer;
}

namespace cli
{
struct version_options
{
    std::vector<std::string> names;
    bool all = false;
    bool goes_on = false;
    std::string tenant;  // org_…: only this one's rows, in place
    int number = 0;      // of a version; 0: the one that can only be meant
    bool with_stopped_keys = false;
    bool dry_run = false;
    std::string reason;
};

// Throws `failure` (not_found).
const projection::definition& definition_named(const std::string& name);

// Of a connection as the projector, with a watchdog of its own.
projection::row_store_config projector_rows(const settings&);

// How this data directory's versions are built. Tells its progress where somebody looks on. Refers to both.
projection::rebuild_config build_config(const program&, const settings&);

// What a fault of the stores means on the command line.
template <class Work>
auto telling(Work work)
{
    try
    {
        return work();
    }
    catch (const projection::not_now& fault)
    {
        throw failure(refused, "not_now", fault.what());
    }
    catch (const projection::unknown_definition& fault)
    {
        throw failure(refused, "unknown_definition", fault.what());
    }
    catch (const projection::store_failed& fault)
    {
        throw failure(fault.was_refused ? failed : unreachable, fault.was_refused ? "failed" : "unavailable",
                      fault.what());
    }
}

// The versions of one read model, and the one that is meant where none is named. What is handed out lives as long as
// this.
struct standing_versions
{
    standing_versions(projection::version_store&, const std::string& name);

    const projection::version* in_state(std::string_view) const;  // nullptr: none
    const projection::version& numbered(int) const;               // throws `failure` (not_found)
    // The newest of those in this state, unless there is a number. Throws `failure`: not_found, or not_now in the words
    // of `otherwise`.
    const projection::version& meant(int number, std::string_view state, const char* otherwise) const;

    std::vector<projection::version> all;
};

// Returns once both show the same events, or after ten seconds. Whoever feeds both does so in one transaction; one that
// was built just now has to come up first.
void await_same_events(projection::version_store&, const projection::version&, const projection::version&);

// The object is left open.
void begin_version(schema::json_writer&, const projection::version&);

// A verb whose options are filled in when it is parsed, and which is run with them.
std::pair<CLI::App*, std::shared_ptr<version_options>>
add_version_verb(CLI::App& noun, program&, const char* name, const char* text,
                 exit_status (*run)(const program&, const version_options&));

// Its read model, and --version where a version can be meant; without a number that tells the program's, as everywhere.
CLI::Option* add_version_named(CLI::App& verb, version_options&, const char* which);
}  // namespace cli
