// `clientflow audit log`: who did what in an organisation, as its administrators see it, to the beginning of the log.
#include "http/audit_log.hpp"

#include "commands/lanes/loading.hpp"
#include "events/log/seal.hpp"
#include "events/log/store.hpp"
#include "projections/runner/reader.hpp"
#include "schemas/json_writer.hpp"
#include "tools/clientflow/dsn.hpp"
#include "tools/clientflow/settings.hpp"
#include "tools/clientflow/tenant_named.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <iostream>

namespace cli
{
namespace
{
struct log_options
{
    std::string org;
    std::string actor, action, entity, entity_id, from, to, q, cursor;
    std::int64_t last = 100;
    bool csv = false;
};

// Nobody but operators has these, so they are no secret and bear no signature: the seq of the last entry told.
audit_log::place read_cursor(const std::string& given)
{
    const auto place = audit_log::read_place(given);
    if (place && !place->leads_back && place->seq >= 0 && audit_log::text_of(*place) == given)
        return *place;
    throw failure(usage, "bad_cursor", "--cursor wants the next_cursor of an earlier answer");
}

audit_log::question read_question(const log_options& given)
{
    std::vector<std::pair<std::string, std::string>> sent;
    for (const auto& [name, value] :
         {std::pair{"actor", &given.actor}, std::pair{"action", &given.action}, std::pair{"entity", &given.entity},
          std::pair{"entity_id", &given.entity_id}, std::pair{"from", &given.from}, std::pair{"to", &given.to},
          std::pair{"q", &given.q}})
        if (!value->empty())
            sent.emplace_back(name, *value);
    auto read = audit_log::read_question(audit_log::view::audit, sent);
    if (read)
    {
        if (!given.cursor.empty())
            read->what.beside = read_cursor(given.cursor);
        return std::move(read->what);
    }
    std::string sentence;
    for (auto fault : read.error().faults)
    {
        std::ranges::replace(fault.where, '_', '-');
        sentence += (sentence.empty() ? "--" : " --") + fault.where + ": " + fault.message;
    }
    throw failure(usage, "bad_query", sentence.empty() ? read.error().detail : sentence);
}

// One entry after another, as it is found.
class printer
{
public:
    printer(const program& chosen, const log_options& given) : as_csv_(given.csv), as_json_(chosen.given.json)
    {
        if (as_csv_)
            std::cout << audit_log::csv_header(audit_log::view::audit);
        else if (as_json_)
            std::cout << "{\"data\":[";
    }

    void print(const event_log::recorded& happened, const lanes::loader& log)
    {
        std::string text;
        if (as_csv_)
            audit_log::append_csv(text, audit_log::view::audit, happened, log);
        else
        {
            schema::json_writer json{text};
            audit_log::write_entry(json, audit_log::view::audit, happened, log);
            text.insert(0, as_json_ && printed_ > 0 ? "," : "").append(as_json_ ? "" : "\n");
        }
        std::cout << text;
        ++printed_;
    }

    // `older`: where what was not told goes on.
    void end(const std::optional<audit_log::place>& older)
    {
        const auto next = older ? '"' + audit_log::text_of(*older) + '"' : "null";
        if (as_json_ && !as_csv_)
            std::cout << "],\"next_cursor\":" << next << ",\"prev_cursor\":null}\n";
        std::cout.flush();
    }

private:
    const bool as_csv_, as_json_;
    std::int64_t printed_ = 0;
};

exit_status show(const program& chosen, const log_options& given)
{
    auto asked = read_question(given);
    auto of = read_settings(chosen.given);
    const auto tenant = tenant_named(of, given.org);
    of.store.dsn = as_application(of.store.dsn);
    event_log::keyring keys{of.keys};
    event_log::store events{of.store};
    if (!events.find_tenant(tenant))
        throw failure(not_found, "not_found", "there is no " + given.org);
    lanes::loader log{events, keys};
    projection::reader_config reading;
    reading.connection.dsn = of.store.dsn;
    reading.connection.password_file = of.store.password_file;
    reading.watchdog = std::make_shared<event_log::watchdog>();
    reading.cursor_secret.assign(32, 's');  // no cursor leaves this process
    projection::reader models{std::move(reading)};

    printer out{chosen, given};
    std::optional<audit_log::place> older;
    for (auto left = given.last; left > 0 && !stop_asked() && !output_ended();)
    {
        asked.limit = std::min<std::int64_t>(left, projection::limit_max);
        const auto page = audit_log::read(models, tenant, asked);
        const auto held = log.learn_keys(page.events);
        for (const auto& each : page.events)
            out.print(each, log);
        left -= std::ssize(page.events);
        older = page.older;
        if (!older)
            break;
        asked.beside = older;
    }
    out.end(older);
    if (older && !chosen.given.json)
        say(chosen, "there may be older ones: --cursor " + audit_log::text_of(*older));
    return stop_asked() ? interrupted : done;
}
}  // namespace

void add_audit_log(CLI::App& audit, program& chosen)
{
    auto given = std::make_shared<log_options>();
    auto& verb =
        add_verb(audit, "log",
                 "Example: clientflow audit log --org org_… --actor member_… --from 2026-11-01\n\n"
                 "Who did what in an organisation, the newest first, as GET /api/v1/audit tells it; however "
                 "long ago. JSON lines, with --json one document, whose next_cursor goes on to what is older.");
    verb.add_option("--org", given->org, "The organisation: org_…, or its slug")->required();
    verb.add_option("--actor", given->actor, "Of these: member_…, key_…, member, key, operator, system");
    verb.add_option("--action", given->action, "Of these: task.completed, project.*");
    verb.add_option("--entity", given->entity, "Of these nouns: task, api_key");
    verb.add_option("--entity-id", given->entity_id, "Of this one thing: task_…");
    verb.add_option("--from", given->from, "Recorded at this time (RFC 3339) or day, or later");
    verb.add_option("--to", given->to, "Recorded before this time or day");
    verb.add_option("--q", given->q, "A text within action, entity, request id or what is stored");
    verb.add_option("--last", given->last, "How many of the newest (default 100)")->check(CLI::Range(1, 10'000'000));
    verb.add_option("--cursor", given->cursor, "Go on to what is older, from next_cursor");
    verb.add_flag("--csv", given->csv, "As RFC 4180, with a header");
    verb.callback([&chosen, given] { chosen.run = [&chosen, given] { return show(chosen, *given); }; });
}
}  // namespace cli
