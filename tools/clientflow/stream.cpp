// `clientflow stream show <id> [--at]`: the history of one thing.
#include "events/catalogue.hpp"
#include "schemas/time.hpp"
#include "schemas/uuid.hpp"
#include "tools/clientflow/settings.hpp"
#include "tools/clientflow/timeline.hpp"

#include <CLI/CLI.hpp>

#include <charconv>
#include <iostream>

namespace cli
{
namespace
{
event_log::thing read_subject(const std::string& text)
{
    if (const auto found = event_log::read_thing(text))
        return *found;
    throw failure(usage, "bad_id", "\"" + text + "\" is no id of a client, project, task, …");
}

exit_status show(const program& chosen, const std::string& which, const std::string& at)
{
    const auto what = read_subject(which);
    std::int64_t version = INT64_MAX;
    field recorded;
    if (!at.empty())
    {
        const auto [end, error] = std::from_chars(at.data(), at.data() + at.size(), version);
        const bool is_version = error == std::errc{} && end == at.data() + at.size();
        const auto moment = is_version ? std::nullopt : schema::moment::parse(at);
        if (!is_version && !moment)
            throw failure(usage, "bad_time", "--at wants a version or a time (RFC 3339)");
        if (moment)
        {
            version = INT64_MAX;
            recorded = moment->text();
        }
    }
    database store{read_settings(chosen.given).operator_dsn()};
    // The tenant is part of the key; an operator has the thing's id only.
    const auto events = store.ask(std::string{"select "} + event_columns +
                                      " from es.tenant t join es.event e on e.tenant_id = t.tenant_id"
                                      " and e.category = $1 and e.stream_id = $2 and e.version <= $3"
                                      " where $4::timestamptz is null or e.recorded_at <= $4"
                                      " order by e.lane, e.version",
                                  {what.category, what.id.text(), std::to_string(version), recorded});
    const bool has_version = version == INT64_MAX || (!events.empty() && *events.back()[7] == std::to_string(version));
    if (events.empty() || !has_version)
        throw failure(not_found, "not_found", "there is no " + which + (at.empty() ? "" : " at " + at));
    if (!chosen.given.json)
    {
        for (const auto& each : events)
            std::cout << print_event(each) << '\n';
        return done;
    }
    std::cout << "{\"stream\":\"" << which << "\",\"events\":[";
    for (std::size_t i = 0; i < events.size(); ++i)
        std::cout << (i == 0 ? "" : ",") << print_event(events[i]);
    std::cout << "]}\n";
    return done;
}
}  // namespace

void add_stream(CLI::App& root, program& chosen)
{
    auto& noun = add_noun(root, "stream", "Example: clientflow stream show task_…\n\nThe history of one thing.");
    auto which = std::make_shared<std::string>();
    auto at = std::make_shared<std::string>();
    auto& showing = add_verb(noun, "show",
                             "Example: clientflow stream show task_… --at 3\n\n"
                             "Its events in order, up to a version or a recorded time.");
    showing.add_option("id", *which, "client_…, project_…, task_…, …")->required();
    showing.add_option("--at", *at, "A version, or a recorded time");
    showing.callback([&chosen, which, at] { chosen.run = [&chosen, which, at] { return show(chosen, *which, *at); }; });
}
}  // namespace cli
