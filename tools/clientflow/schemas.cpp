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
exit_status emit(const program& chosen, const std::string& folder)
{
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
    else if (!found.empty())
        say(chosen, "when meant, and nothing breaks: clientflow schemas emit");
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
                              "Writes the description of every fact, item, command and route.");
    auto& checking = add_verb(noun, "check",
                              "Example: clientflow schemas check\n\n"
                              "Names every drift from the checked-in files and every member it breaks.");
    for (auto* verb : {&emitting, &checking})
        verb->add_option("--folder", *folder, "Default: schemas/emitted");
    emitting.callback([&chosen, folder] { chosen.run = [&chosen, folder] { return emit(chosen, *folder); }; });
    checking.callback([&chosen, folder] { chosen.run = [&chosen, folder] { return check(chosen, *folder); }; });
}
}  // namespace cli
