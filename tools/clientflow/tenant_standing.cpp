// See tenant_standing.hpp. Running servers follow by themselves: each of their appends is held against the
// organisation's head.
#include "tools/clientflow/tenant_standing.hpp"

#include "commands/org.hpp"
#include "schemas/json_writer.hpp"
#include "tools/clientflow/command_reading.hpp"
#include "tools/clientflow/office.hpp"
#include "tools/clientflow/reason.hpp"

#include <CLI/CLI.hpp>

#include <iostream>

namespace cli
{
namespace
{
struct wishes
{
    std::string org;
    std::string plan;
    std::string reason;
    bool dry_run = false;
};

// {} with one text member, or none.
std::string body(std::string_view name = {}, std::string_view value = {})
{
    std::string text;
    schema::json_writer json{text};
    json.begin_object();
    if (!name.empty())
        json.member(name, value);
    json.end_object();
    return text;
}

template <class Command>
exit_status decide(const program& chosen, const wishes& given, Command command)
{
    const auto id = org::org_id::parse(given.org);
    if (!id)
        throw failure(usage, "bad_id", "\"" + given.org + "\" is no org_… id");
    command.id = *id;
    const auto handle = [command](lanes::view& seen, const lanes::origin& from) {
        return org::handle(command, seen, from);
    };
    office desk{read_settings(chosen.given)};
    const auto* shown_as = &lanes::aggregate_of<org::state>();
    std::cout << (given.dry_run ? desk.rehearse(id->value, handle, shown_as)
                                : desk.submit(id->value, handle, shown_as).item)
              << '\n';
    return done;
}

// Nothing is recorded of a rehearsal, so it needs no reason.
org::suspend read_suspension(const wishes& given)
{
    if (given.dry_run && given.reason.empty())
        return {};
    read_reason(given.reason);
    return read_command<org::suspend>(body("reason", given.reason), "the organisation cannot be suspended");
}

CLI::App& add_standing_verb(CLI::App& tenant, const std::string& name, const std::string& text, wishes& given)
{
    auto& verb = add_verb(tenant, name, text);
    verb.add_option("org", given.org, "org_…")->required();
    verb.add_flag("--dry-run", given.dry_run, "Only show what would be recorded");
    return verb;
}
}  // namespace

void add_standing_verbs(CLI::App& tenant, program& chosen)
{
    auto given = std::make_shared<wishes>();
    auto& planning = add_standing_verb(tenant, "plan",
                                       "Example: clientflow tenant plan org_01h455vb4pex5vsknk084sn02q --plan "
                                       "professional\n\nChanges what an organisation may hold. What it already has "
                                       "above a lower plan's limits stays; only more of it is refused.",
                                       *given);
    planning.add_option("--plan", given->plan, "starter, professional or business")->required();
    planning.callback([&chosen, given] {
        chosen.run = [&chosen, given] {
            return decide(chosen, *given,
                          read_command<org::change_plan>(body("plan", given->plan), "the plan cannot be changed"));
        };
    });

    auto& suspending = add_standing_verb(tenant, "suspend",
                                         "Example: clientflow tenant suspend org_01h455vb4pex5vsknk084sn02q --reason "
                                         "\"Unpaid since May\"\n\nRefuses every write of the organisation's keys with "
                                         "403 org.suspended until it is resumed; reads go on.",
                                         *given);
    suspending.add_option("--reason", given->reason,
                          "Recorded with the suspension, up to 500 characters; not for a dry run");
    suspending.callback([&chosen, given] {
        chosen.run = [&chosen, given] { return decide(chosen, *given, read_suspension(*given)); };
    });

    auto& resuming = add_standing_verb(tenant, "resume",
                                       "Example: clientflow tenant resume org_01h455vb4pex5vsknk084sn02q\n\n"
                                       "Ends a suspension.",
                                       *given);
    resuming.callback(
        [&chosen, given] { chosen.run = [&chosen, given] { return decide(chosen, *given, org::resume{}); }; });
}
}  // namespace cli
