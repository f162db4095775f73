// `clientflow tenant create|list|show`: what a newcomer needs before the pages exist; see also tenant_standing.hpp.
#include "commands/org.hpp"
#include "events/org.hpp"
#include "schemas/json_writer.hpp"
#include "tools/clientflow/database.hpp"
#include "tools/clientflow/office.hpp"
#include "tools/clientflow/tenant_founding.hpp"
#include "tools/clientflow/tenant_named.hpp"
#include "tools/clientflow/tenant_standing.hpp"

#include <CLI/CLI.hpp>

#include <iostream>

namespace cli
{
namespace
{
exit_status create(const program& chosen, const founding& given)
{
    office desk{read_settings(chosen.given)};
    const auto made = found_tenant(desk, given);
    std::string out;
    schema::json_writer json{out};
    json.begin_object().member("org_id", made.org_id).member("member_id", made.member_id);
    json.member("key_id", made.key_id).member("api_key", made.api_key).end_object();
    std::cout << out << '\n';
    if (!chosen.given.json)
        say(chosen, "The key is shown this once.");
    return done;
}

std::string typed(const field& id)
{
    const auto value = schema::uuid::parse(id.value_or(""));
    return value ? org::org_id{*value}.text() : "";
}

exit_status list(const program& chosen)
{
    database store{read_settings(chosen.given).operator_dsn()};
    const auto tenants = store.ask(
        "select t.tenant_id, t.lane, to_char(t.born_at at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'),"
        "       e.data ->> 'slug', e.data ->> 'name',"
        "       case (select type from es.event where tenant_id = t.tenant_id and category = 'org'"
        "                and stream_id = t.tenant_id and type in ('org.suspended', 'org.resumed')"
        "              order by version desc limit 1) when 'org.suspended' then 'suspended' else 'active' end"
        "  from es.tenant t"
        "  join lateral (select data from es.event where tenant_id = t.tenant_id and category = 'org'"
        "                   and stream_id = t.tenant_id order by version limit 1) e on true"
        " order by t.born_at, t.tenant_id");
    if (chosen.given.json)
    {
        std::string out;
        schema::json_writer json{out};
        json.begin_object().key("tenants").begin_array();
        for (const auto& each : tenants)
        {
            json.begin_object().member("org_id", typed(each[0])).key("lane").raw(*each[1]);
            json.member("born_at", *each[2]).member("founded_as", each[3].value_or(""));
            json.member("name", each[4].value_or("")).member("standing", *each[5]).end_object();
        }
        json.end_array().end_object();
        std::cout << out << '\n';
        return done;
    }
    for (const auto& each : tenants)
        std::cout << typed(each[0]) << "  lane " << *each[1] << "  " << *each[2] << "  " << *each[5] << "  "
                  << each[3].value_or("") << "  " << each[4].value_or("") << '\n';
    return done;
}

exit_status show(const program& chosen, const std::string& which)
{
    const auto of = read_settings(chosen.given);
    const auto id = tenant_named(of, which);
    office desk{of};
    // Deciding nothing shows the stream as it stands, held against the log's head.
    const auto seen = desk.submit(
        id,
        [id](lanes::view& in, const lanes::origin& from) -> lanes::decided {
            if (!in.look<org::state>(id).it)
                return rules::not_found();
            lanes::decision nothing;
            nothing.shows = {from.tenant, std::string{org::state::category}, id};
            nothing.shown_as = &lanes::aggregate_of<org::state>();
            return nothing;
        },
        &lanes::aggregate_of<org::state>());
    std::cout << seen.item << '\n';
    return done;
}
}  // namespace

void add_tenant(CLI::App& root, program& chosen)
{
    auto& noun = add_noun(root, "tenant", "Example: clientflow tenant list\n\nThe organisations of this store.");

    auto given = std::make_shared<founding>();
    auto& creating = add_verb(noun, "create",
                              "Example: clientflow tenant create --slug acme --name \"Acme GmbH\" --owner-email "
                              "ada@acme.example --plan business\n\nFounds an organisation with its owner and the "
                              "owner's first key, which is shown this once.");
    creating.add_option("--slug", given->slug, "a-z, 0-9 and single hyphens; unique on the platform")->required();
    creating.add_option("--name", given->name, "Of the organisation")->required();
    creating.add_option("--owner-email", given->owner_email, "Of its first member")->required();
    creating.add_option("--owner-name", given->owner_name, "Default: the organisation's name");
    creating.add_option("--plan", given->plan, "starter, professional or business (default starter)");
    creating.add_option("--time-zone", given->time_zone, "Default UTC");
    creating.add_option("--currency", given->currency, "Default EUR");
    creating.add_option("--rate", given->rate, "Requests per minute of the key, or none (default: the usual limit)");
    creating.callback([&chosen, given] { chosen.run = [&chosen, given] { return create(chosen, *given); }; });

    auto& listing = add_verb(noun, "list",
                             "Example: clientflow tenant list --json\n\nEvery organisation: its lane, when it was "
                             "founded, whether it is suspended.");
    listing.callback([&chosen] { chosen.run = [&chosen] { return list(chosen); }; });

    auto which = std::make_shared<std::string>();
    auto& showing = add_verb(noun, "show", "Example: clientflow tenant show acme\n\nOne organisation as it stands.");
    showing.add_option("org", *which, "org_…, or its slug")->required();
    showing.callback([&chosen, which] { chosen.run = [&chosen, which] { return show(chosen, *which); }; });

    add_standing_verbs(noun, chosen);
}
}  // namespace cli
