// `clientflow schemas emit|check`: the checked-in descriptions of everything stored and spoken.
#include "schemas/json_writer.hpp"
#include "tools/clientflow/emitted_files.hpp"
#include "tools/clientflow/program.hpp"

#include <CLI/CLI.hpp>

#include <iostream>

namespace cli
{
namespace
{
void show(const program& chosen, const std::vector<drift>& found)
{
    std::string out;
    schema::json_writer json{out};
    json.begin_object().key("differences").begin_array();
    for (const auto& each : found)
    {
        json.begin_object().member("path", each.path).member("what", each.what).key("breaks").begin_array();
        for (const auto& line : each.breaks)
            json.string(line);
        json.end_array().end_object();
        if (chosen.given.json)
            continue;
        std::cout << each.path << ": " << each.what << '\n';
        for (const auto& line : each.breaks)
            std::cout << "  breaks " << line << '\n';
    }
    json.end_array().end_object();
    if (chosen.given.json)
        std::cout << out << '\n';
}

// What breaks somebody is never written over: the file is the promise.
exit_status emit(const program& chosen, const std::string& folder)
{
    if (const auto found = compare_emitted(folder); breaks_something(found))
    {
        show(chosen, found);
        say(chosen, "nothing was written; a promise that shall end is removed by hand, file by file");
        return differences;
    }
    const auto written = write_emitted(folder);
    if (chosen.given.json)
    {
        std::string out;
        schema::json_writer json{out};
        json.begin_object().member("folder", folder).key("written").begin_array();
        for (const auto& path : written)
            json.string(path);
        json.end_array().end_object();
        std::cout << out << '\n';
        return done;
    }
    for (const auto& path : written)
        say(chosen, "wrote " + path);
    say(chosen, written.empty() ? "nothing has changed" : "check these in");
    return done;
}

exit_status check(const program& chosen, const std::string& folder)
{
    const auto found = compare_emitted(folder);
    show(chosen, found);
    if (!chosen.given.json && !found.empty() && !breaks_something(found))
        say(chosen, "when meant: clientflow schemas emit");
    return found.empty() ? done : differences;
}
}  // namespace

void add_schemas(CLI::App& root, program& chosen)
{
    auto& noun =
        add_noun(root, "schemas", "Example: clientflow schemas check\n\nWhat was promised, and whether it holds.");
    auto folder = std::make_shared<std::string>("schemas/emitted");
    auto& emitting = add_verb(noun, "emit",
                              "Example: clientflow schemas emit --folder schemas/emitted\n\n"
                              "Writes the description of every fact, item, command and route. Refused, with the\n"
                              "member or route named, when that would break old events or old clients.");
    auto& checking = add_verb(noun, "check",
                              "Example: clientflow schemas check\n\n"
                              "Names every drift from the checked-in files and every member it breaks.");
    for (auto* verb : {&emitting, &checking})
        verb->add_option("--folder", *folder, "Default: schemas/emitted");
    emitting.callback([&chosen, folder] { chosen.run = [&chosen, folder] { return emit(chosen, *folder); }; });
    checking.callback([&chosen, folder] { chosen.run = [&chosen, folder] { return check(chosen, *folder); }; });
}
}  // namespace cli
