// `clientflow config print`: every setting, and with --origin where its value came from. Secrets are masked.
#include "schemas/json_writer.hpp"
#include "tools/clientflow/settings.hpp"

#include <CLI/CLI.hpp>

#include <iostream>

namespace cli
{
namespace
{
void print_json(const explained& all)
{
    std::string out;
    schema::json_writer json{out};
    json.begin_object().member("data", all.values.data.string()).key("settings").begin_array();
    for (const auto& row : all.rows)
    {
        json.begin_object().member("name", row.name).member("value", row.printed()).member("unit", row.unit);
        json.member("origin", word(row.from)).member("note", row.note).end_object();
    }
    json.end_array().end_object();
    std::cout << out << '\n';
}

void print_text(const explained& all, bool origins)
{
    std::cout << "# data directory: " << all.values.data.string() << '\n';
    for (const auto& row : all.rows)
    {
        std::cout << row.name << " = " << row.printed();
        if (!row.unit.empty())
            std::cout << ' ' << row.unit;
        if (origins)
            std::cout << "  [" << word(row.from) << "]";
        std::cout << "  # " << row.note << '\n';
    }
}
}  // namespace

void add_config(CLI::App& root, program& chosen)
{
    auto& noun =
        add_noun(root, "config", "Example: clientflow config print --origin\n\nWhat is set, and where it came from.");
    auto& print = add_verb(noun, "print", "Example: clientflow config print --origin\n\nEvery setting with its unit.");
    auto origins = std::make_shared<bool>(false);
    print.add_flag("--origin", *origins, "Say where each value came from");
    print.callback([&chosen, origins] {
        chosen.run = [&chosen, origins] {
            explained all;
            explain(chosen.given, all);
            chosen.given.json ? print_json(all) : print_text(all, *origins);
            return done;
        };
    });
}
}  // namespace cli
