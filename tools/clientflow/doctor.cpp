// `clientflow doctor`: is this installation able to keep its promises? Silent when it is.
#include "schemas/json_writer.hpp"
#include "tools/clientflow/checks.hpp"
#include "tools/clientflow/start_checks.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <iostream>

namespace cli
{
namespace
{
bool is_away(const check_result& each) { return each.name == "store" && !each.well; }

exit_status examine(const program& chosen, bool all)
{
    const auto results = run_checks(read_settings(chosen.given));
    std::string out;
    schema::json_writer json{out};
    json.begin_object().key("checks").begin_array();
    for (const auto& each : results)
    {
        json.begin_object().member("name", each.name).key("well").boolean(each.well).key("fatal").boolean(each.fatal);
        json.member("detail", each.detail).end_object();
        if (!chosen.given.json && (!each.well || all))
            std::cout << (each.well    ? "well     "
                          : each.fatal ? "FATAL    "
                                       : "warning  ")
                      << each.name << (each.detail.empty() ? "" : ": ") << each.detail << '\n';
    }
    json.end_array().end_object();
    if (chosen.given.json)
        std::cout << out << '\n';
    if (std::any_of(results.begin(), results.end(), is_away))
        return unreachable;
    return std::all_of(results.begin(), results.end(), [](const auto& each) { return each.well; }) ? done : differences;
}
}  // namespace

void refuse_to_start_unless_sound(const settings& of)
{
    for (const auto& each : run_checks(of))
    {
        if (each.well || !each.fatal)
            continue;
        throw failure(is_away(each) ? unreachable : refused, "unsound_" + each.name,
                      "not started, because " + each.name + ": " + each.detail);
    }
}

void add_doctor(CLI::App& root, program& chosen)
{
    auto all = std::make_shared<bool>(false);
    auto& verb = add_noun(root, "doctor",
                          "Example: clientflow doctor --data /var/lib/clientflow\n\n"
                          "Looks for everything that would break a promise; silent when all is well. "
                          "Exit 6 when something is not, 5 when the store cannot be reached.");
    verb.add_flag("--all", *all, "Also name what is well");
    verb.callback([&chosen, all] { chosen.run = [&chosen, all] { return examine(chosen, *all); }; });
}
}  // namespace cli
