// `clientflow events tail|show|at`: the log as it is.
#include "events/catalogue.hpp"
#include "events/log/envelope.hpp"
#include "events/org.hpp"
#include "schemas/json_writer.hpp"
#include "schemas/time.hpp"
#include "tools/clientflow/settings.hpp"
#include "tools/clientflow/timeline.hpp"

#include <CLI/CLI.hpp>

#include <chrono>
#include <iostream>
#include <map>
#include <regex>
#include <sstream>
#include <thread>

namespace cli
{
const char* const event_columns =
    "e.event_id, e.type, e.tenant_id, e.category, e.stream_id, e.lane, e.seq, e.version, e.schema_version,"
    " to_char(e.recorded_at at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), e.meta, e.data";

std::string print_event(const line& columns)
{
    const auto id = [&](std::size_t at) { return *schema::uuid::parse(*columns[at]); };
    const auto tenant = id(2);
    std::string out;
    schema::json_writer json{out};
    json.begin_object().member("id", event_log::event_id{id(0)}.text()).member("type", *columns[1]).key("tenant");
    tenant.is_nil() ? json.null() : json.string(org::org_id{tenant}.text());
    json.member("subject", event_log::text_of(*columns[3], id(4)))
        .key("lane")
        .raw(*columns[5])
        .key("sequence")
        .raw(*columns[6]);
    json.key("streamversion").raw(*columns[7]).key("schema_version").raw(*columns[8]);
    json.member("recorded_at", *columns[9]).key("meta").raw(*columns[10]).key("data").raw(*columns[11]).end_object();
    return out;
}

namespace
{
struct tail_options
{
    std::string org;
    std::vector<std::string> types;
    std::int64_t last = 20;
    bool follow = false;
    std::string after;  // lane:seq
};

std::optional<schema::uuid> tenant_of(const std::string& org)
{
    if (org.empty())
        return std::nullopt;
    if (const auto id = org::org_id::parse(org))
        return id->value;
    throw failure(usage, "bad_id", "\"" + org + "\" is no org_… id");
}

// "project.*" means every fact of the noun.
std::string types_pattern(const std::vector<std::string>& types)
{
    std::string pattern;
    for (const auto& each : types)
    {
        std::string part;
        for (const char c : each)
            if (c == '*')
                part += ".*";
            else if (c == '.')
                part += "\\.";
            else if ((c >= 'a' && c <= 'z') || c == '_')
                part += c;
            else
                throw failure(usage, "bad_type", "\"" + each + "\" is no event type");
        pattern += (pattern.empty() ? "^(" : "|") + part;
    }
    return pattern.empty() ? pattern : pattern + ")$";
}

struct spot
{
    std::int32_t lane = 0;
    std::int64_t seq = 0;
};

std::optional<spot> read_spot(const std::string& text)
{
    spot made;
    char colon = 0;
    std::istringstream in{text};
    if (in >> made.lane >> colon >> made.seq && colon == ':' && in.peek() == EOF && made.lane >= 0 && made.seq >= 0)
        return made;
    return std::nullopt;
}

class tail
{
public:
    tail(const settings& of, const tail_options& given)
        : store_(of.operator_dsn()), given_(given), tenant_(tenant_of(given.org)), pattern_(types_pattern(given.types))
    {
        if (tenant_ && !store_.ask_one("select 1 from es.tenant where tenant_id = $1", {tenant_->text()}))
            throw failure(not_found, "not_found", "there is no " + given.org);
    }

    exit_status run()
    {
        given_.after.empty() ? begin_at_last() : begin_after();
        bool more = true;
        while (!stop_asked() && !output_ended() && (more || given_.follow))
        {
            if (!more)
                std::this_thread::sleep_for(std::chrono::milliseconds{200});
            more = step();
        }
        return stop_asked() && given_.follow ? interrupted : done;
    }

private:
    void begin_at_last()
    {
        for (const auto& each : store_.ask("select l.lane, coalesce((select e.seq from es.event e where e.lane = l.lane"
                                           " order by e.seq desc limit 1), 0) from es.lane l order by 1"))
            at_[std::stoi(*each[0])] = std::stoll(*each[1]);
        // Backwards through each lane's key: no lane is ever sorted as a whole.
        const auto newest =
            store_.ask(std::string{"select "} + event_columns +
                           " from es.lane l cross join lateral (select * from es.event x where x.lane = l.lane"
                           "   and ($1::uuid is null or x.tenant_id = $1) and ($2::text is null or x.type ~ $2)"
                           "   order by x.seq desc limit $3) e"
                           " where $1::uuid is null or l.lane = (select t.lane from es.tenant t where t.tenant_id = $1)"
                           " order by e.recorded_at desc, e.lane, e.seq desc limit $3",
                       {tenant_field(), pattern_field(), std::to_string(given_.last)});
        for (auto each = newest.rbegin(); each != newest.rend(); ++each)
            if (std::stoll(*(*each)[6]) <= at_[std::stoi(*(*each)[5])])
                std::cout << print_event(*each) << '\n';
        std::cout.flush();
    }

    void begin_after()
    {
        const auto from = read_spot(given_.after);
        if (!from)
            throw failure(usage, "bad_position", "--after wants lane:sequence");
        at_[from->lane] = from->seq;
    }

    bool step()
    {
        bool any = false;
        for (auto& [lane, seq] : at_)
        {
            const auto found =
                store_.ask(std::string{"select "} + event_columns +
                               " from es.event e where e.lane = $1 and e.seq > $2 order by e.seq limit 500",
                           {std::to_string(lane), std::to_string(seq)});
            for (const auto& each : found)
            {
                seq = std::stoll(*each[6]);
                if (wanted(each))
                    std::cout << print_event(each) << '\n';
            }
            any = any || !found.empty();
        }
        std::cout.flush();
        return any;
    }

    bool wanted(const line& each) const
    {
        if (tenant_ && *each[2] != tenant_->text())
            return false;
        return types_.empty() || std::regex_match(*each[1], *expression_);
    }

    field tenant_field() const { return tenant_ ? field{tenant_->text()} : field{}; }
    field pattern_field() const { return pattern_.empty() ? field{} : field{pattern_}; }

    database store_;
    tail_options given_;
    std::optional<schema::uuid> tenant_;
    std::string pattern_;
    std::vector<std::string> types_ = given_.types;
    std::optional<std::regex> expression_ =
        pattern_.empty() ? std::nullopt : std::optional<std::regex>{std::regex{pattern_}};
    std::map<std::int32_t, std::int64_t> at_;
};

exit_status show(const program& chosen, const std::string& which)
{
    database store{read_settings(chosen.given).operator_dsn()};
    std::optional<line> found;
    const std::string select = std::string{"select "} + event_columns + " from es.event e where ";
    if (const auto place = read_spot(which))
        found = store.ask_one(select + "e.lane = $1 and e.seq = $2",
                              {std::to_string(place->lane), std::to_string(place->seq)});
    else if (const auto id = event_log::event_id::parse(which))
        found = store.ask_one(select + "e.event_id = $1", {id->value.text()});
    else
        throw failure(usage, "bad_id", "\"" + which + "\" is neither an evt_… id nor lane:sequence");
    if (!found)
        throw failure(not_found, "not_found", "there is no event " + which);
    std::cout << print_event(*found) << '\n';
    return done;
}

// Where each lane stood at a recorded time: the position after which a replay would begin.
exit_status at(const program& chosen, const std::string& when)
{
    const auto moment = schema::moment::parse(when);
    if (!moment)
        throw failure(usage, "bad_time", "\"" + when + "\" is no time (RFC 3339: 2026-11-21T07:00:00Z)");
    database store{read_settings(chosen.given).operator_dsn()};
    const auto lanes = store.ask("select l.lane, coalesce((select e.seq from es.event e where e.lane = l.lane"
                                 " and e.recorded_at <= $1::timestamptz order by e.seq desc limit 1), 0)"
                                 " from es.lane l order by 1",
                                 {moment->text()});
    std::string out;
    schema::json_writer json{out};
    json.begin_object().member("at", moment->text()).key("lanes").begin_array();
    for (const auto& each : lanes)
    {
        json.begin_object().key("lane").raw(*each[0]).key("sequence").raw(*each[1]).end_object();
        if (!chosen.given.json)
            std::cout << "lane " << *each[0] << ": " << *each[1] << '\n';
    }
    json.end_array().end_object();
    if (chosen.given.json)
        std::cout << out << '\n';
    return done;
}
}  // namespace

void add_events(CLI::App& root, program& chosen)
{
    auto& noun = add_noun(root, "events", "Example: clientflow events tail --follow\n\nThe log.");

    auto given = std::make_shared<tail_options>();
    auto& tailing = add_verb(noun, "tail",
                             "Example: clientflow events tail --org org_… --types 'task.*' --follow\n\n"
                             "The newest events as JSON lines, and with --follow what comes.");
    tailing.add_option("--org", given->org, "Only of this organisation");
    tailing.add_option("--types", given->types, "Only these: task.completed, project.*")->delimiter(',');
    tailing.add_option("--last", given->last, "How many of the newest to begin with (default 20)")
        ->check(CLI::Range(0, 10'000));
    tailing.add_option("--after", given->after, "Begin after lane:sequence instead, in that lane");
    tailing.add_flag("--follow", given->follow, "Go on until interrupted");
    tailing.callback([&chosen, given] {
        chosen.run = [&chosen, given] { return tail{read_settings(chosen.given), *given}.run(); };
    });

    auto which = std::make_shared<std::string>();
    auto& showing = add_verb(noun, "show", "Example: clientflow events show evt_…\n\nOne event as stored.");
    showing.add_option("event", *which, "evt_… or lane:sequence")->required();
    showing.callback([&chosen, which] { chosen.run = [&chosen, which] { return show(chosen, *which); }; });

    auto when = std::make_shared<std::string>();
    auto& asking = add_verb(noun, "at",
                            "Example: clientflow events at 2026-11-21T07:00:00Z\n\n"
                            "Where each lane stood at a recorded time.");
    asking.add_option("time", *when, "RFC 3339")->required();
    asking.callback([&chosen, when] { chosen.run = [&chosen, when] { return at(chosen, *when); }; });
}
}  // namespace cli
