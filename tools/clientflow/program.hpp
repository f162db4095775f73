// The command line's frame: what every noun's file is handed, and how a command ends.
//
// Each noun has one file with one function `add_<noun>` that hangs its verbs into the tree and leaves in `program::run`
// what is to be done; main() parses, runs it once, and turns what it throws into an exit status. Data goes to standard
// output, messages and progress to standard error. Commands run on the main thread.
#pragma once

#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace CLI
{
class App;
}

namespace cli
{
enum exit_status : int
{
    done = 0,
    failed = 1,
    usage = 2,
    not_found = 3,
    refused = 4,
    unreachable = 5,
    differences = 6,
    interrupted = 130
};

// A command that ends badly: one stable code, one sentence for people.
struct failure : std::runtime_error
{
    failure(exit_status how, std::string stable_code, const std::string& sentence)
        : runtime_error(sentence), status(how), code(std::move(stable_code))
    {}
    exit_status status;
    std::string code;
};

// The next step of whoever meets a store that does not answer.
constexpr std::string_view start_hint = " (tools/up --data DIR starts the store of a data directory)";

// What every command takes.
struct common_options
{
    bool json = false;
    bool quiet = false;
    bool no_input = false;
    bool yes = false;
    std::optional<std::string> data;
    std::optional<std::string> dsn;
    std::optional<std::string> dsn_file;
    std::vector<std::string> set;  // name=value, any setting
};

struct program
{
    common_options given;
    std::function<exit_status()> run;
};

// A verb of a noun: `text` starts with "Example: ". The returned app is owned by the tree.
CLI::App& add_noun(CLI::App& root, const std::string& name, const std::string& text);
CLI::App& add_verb(CLI::App& noun, const std::string& name, const std::string& text);

void add_serve(CLI::App& root, program&);
void add_migrate(CLI::App& root, program&);
void add_doctor(CLI::App& root, program&);
void add_config(CLI::App& root, program&);
void add_tenant(CLI::App& root, program&);
void add_key(CLI::App& root, program&);
void add_analyst(CLI::App& root, program&);
void add_events(CLI::App& root, program&);
void add_stream(CLI::App& root, program&);
void add_projection(CLI::App& root, program&);
void add_parked(CLI::App& root, program&);
void add_lanes(CLI::App& root, program&);
void add_why(CLI::App& root, program&);
void add_audit(CLI::App& root, program&);
void add_audit_log(CLI::App& audit, program&);
void add_bench(CLI::App& root, program&);
void add_schemas(CLI::App& root, program&);
void add_metrics(CLI::App& root, program&);
void add_openapi(CLI::App& root, program&);

// For people's terminals: control characters, which could command them, become question marks.
std::string printable(std::string text);

// A line to standard error, unless --quiet.
void say(const program&, std::string_view line);

// Nobody reads standard output any more, or it cannot be written.
bool output_ended();

// SIGINT and SIGTERM set this; long commands look at it.
bool stop_asked();

// From here on a second signal ends the process at once: for a wait inside the database, which rolls back by itself.
void end_at_second_signal();
}  // namespace cli
