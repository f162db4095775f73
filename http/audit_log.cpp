#include "http/audit_log.hpp"

#include "commands/catalogue.hpp"
#include "commands/lanes/loading.hpp"
#include "events/catalogue.hpp"
#include "events/log/meta.hpp"
#include "events/log/upcast.hpp"
#include "http/server/csv.hpp"
#include "http/server/event_entry.hpp"
#include "http/server/query_route.hpp"
#include "http/server/query_string.hpp"
#include "http/server/signed_cursor.hpp"
#include "schemas/csv.hpp"
#include "schemas/text.hpp"

#include <algorithm>
#include <array>
#include <exception>
#include <memory>
#include <set>
#include <string_view>

namespace audit_log
{
namespace
{
using http::problem;

constexpr std::int64_t day_us = 86'400'000'000, days_max = 700'000;
constexpr std::size_t text_code_points_max = 200;

// What members work on.
constexpr std::array<std::string_view, 5> worked_on{"client", "project", "task", "comment", "time_entry"};

const std::vector<event_log::noun>& nouns()
{
    static const auto all = event_log::catalogue();
    return all;
}

const event_log::noun* noun_of(std::string_view category)
{
    const auto found = std::ranges::find(nouns(), category, &event_log::noun::category);
    return found == nouns().end() ? nullptr : &*found;
}

bool shows(view which, std::string_view category)
{
    return which == view::audit ? noun_of(category) != nullptr
                                : std::ranges::find(worked_on, category) != worked_on.end();
}

// Nouns whose facts hold what is told to nobody, and so is not found either.
std::vector<std::string> with_secrets()
{
    std::vector<std::string> found;
    for (const auto& noun : nouns())
        if (std::ranges::any_of(noun.facts, [](const auto* fact) {
                return std::any_of(fact->begin(), fact->end(), [](const auto& row) { return row.secret; });
            }))
            found.emplace_back(noun.category);
    return found;
}

// -- From a query string to a question.

std::vector<std::string> parts_of(std::string_view text)
{
    std::vector<std::string> parts;
    for (std::size_t at = 0; at <= text.size();)
    {
        const auto comma = std::min(text.find(',', at), text.size());
        parts.emplace_back(text.substr(at, comma - at));
        at = comma + 1;
    }
    std::ranges::sort(parts);
    parts.erase(std::ranges::unique(parts).begin(), parts.end());
    return parts;
}

bool is_actor(const std::string& text)
{
    const auto& kinds = schema::names_of<event_log::actor_type>;
    if (std::ranges::find(kinds, text) != kinds.end())
        return true;
    const auto who = event_log::read_thing(text);
    return who && (who->category == "member" || who->category == "api_key");
}

bool is_action(const std::string& text)
{
    const auto of_name = [](char c) { return (c >= 'a' && c <= 'z') || c == '_' || c == '.'; };
    const std::string_view name = text.ends_with(".*") ? std::string_view{text}.substr(0, text.size() - 2) : text;
    return !name.empty() && name.size() <= 100 && std::ranges::all_of(name, of_name);
}

// A moment, or a day, which begins at midnight UTC.
std::optional<schema::moment> read_time(const std::string& text)
{
    if (const auto day = schema::day::parse(text))
        return schema::moment{day->since_epoch * day_us};
    return schema::moment::parse(text);
}

class question_reader
{
public:
    explicit question_reader(view which) : which_(which) {}

    // Nothing: understood.
    std::optional<problem> read(const std::string& sent, const std::string& value)
    {
        const std::string name = sent == "entityId" ? "entity_id" : sent;
        if (!seen_.insert(name).second)
            return http::bad_query(sent, "It is given twice.");
        const char* fault = read_known(name, value);
        if (fault == nullptr && name != "limit" && name != "cursor")
            made_.filters += name + '\n' + std::to_string(value.size()) + ':' + value + '\n';
        return fault == nullptr ? std::nullopt : std::optional(http::bad_query(sent, fault));
    }

    asked take()
    {
        if (made_.what.entities.empty() && which_ == view::activity)
            made_.what.entities.assign(worked_on.begin(), worked_on.end());
        made_.what.unsearched_entities = with_secrets();
        return std::move(made_);
    }

private:
    const char* read_known(const std::string& name, const std::string& value)
    {
        if (name == "limit")
            return read_limit(value);
        if (name == "actor")
            return read_each(value, made_.what.actors, is_actor,
                             "It holds ids of members or keys, or member, key, operator, system.");
        if (name == "action")
            return read_each(value, made_.what.actions, is_action, "It holds actions: task.completed, or task.*");
        if (name == "entity")
            return read_each(
                value, made_.what.entities, [this](const auto& each) { return shows(which_, each); },
                "It holds what is no noun of this view.");
        if (name == "entity_id")
            return read_entity(value);
        if (name == "q")
            return read_text(value);
        if (name == "from" || name == "to")
            return read_bound(value, name == "from" ? made_.what.from : made_.what.to);
        if (name != "cursor")
            return "This route takes no such parameter.";
        made_.cursor = value;
        return nullptr;
    }

    const char* read_limit(const std::string& value)
    {
        const auto number = http::whole_number(value);
        if (!number || *number < 1)
            return "It is a whole number from 1 on.";
        made_.what.limit = std::min<std::int64_t>(*number, projection::limit_max);
        return nullptr;
    }

    template <class Is>
    static const char* read_each(const std::string& value, std::vector<std::string>& into, Is is, const char* fault)
    {
        into = parts_of(value);
        const bool is_well = into.size() <= projection::filter_values_max && std::ranges::all_of(into, is);
        return is_well ? nullptr : fault;
    }

    const char* read_entity(const std::string& value)
    {
        made_.what.entity = event_log::read_thing(value);
        const bool is_well = made_.what.entity && shows(which_, made_.what.entity->category);
        return is_well ? nullptr : "It is no id of what this view shows.";
    }

    const char* read_text(const std::string& value)
    {
        made_.what.text = schema::nfc(value);
        if (schema::code_points(made_.what.text) > text_code_points_max)
            return "It has at most 200 characters.";
        return made_.what.text.empty() ? "It has a character at least." : nullptr;
    }

    static const char* read_bound(const std::string& value, std::optional<schema::moment>& into)
    {
        into = read_time(value);
        return into ? nullptr
                    : "It is a time with an offset (RFC 3339; a plus sign is sent as %2B), or a day, which is UTC's.";
    }

    const view which_;
    asked made_;
    std::set<std::string, std::less<>> seen_;
};

// -- From an event to its entry.

struct shown_fact
{
    std::string data;  // empty: it cannot be shown
    std::string changes = "[]";
};

shown_fact show(const event_log::recorded& happened, schema::opener& open)
{
    const auto* noun = noun_of(happened.stream.category);
    const auto* type = rules::aggregate_named(happened.stream.category);
    const auto* fact = event_log::fact_named(happened.type);
    if (noun == nullptr || type == nullptr || fact == nullptr)
        return {};
    try
    {
        event_log::recorded room;
        const auto data = type->show(event_log::newest_shape(happened, room), &open);
        if (data.empty())
            return {};
        return {http::without_secrets(*fact, data),
                http::changes_told(*fact, *noun->item, happened.version == 1, data)};
    }
    catch (const std::exception&)  // damaged, or newer than this build: it is shown as far as its envelope goes
    {
        return {};
    }
}

// As much of it as can be read.
event_log::meta origin_of(const event_log::recorded& happened, schema::opener& open)
{
    for (auto* opener : {&open, static_cast<schema::opener*>(nullptr)})
        try
        {
            return event_log::read_meta(happened.meta, opener);
        }
        catch (const std::exception&)
        {}
    event_log::meta unknown;
    unknown.occurred_at = happened.recorded_at;
    return unknown;
}

// An event opened: its two readings, of how it came about and of what it says.
struct opened_event
{
    opened_event(const event_log::recorded& happened, const lanes::loader& log)
        : open(log.opener_for(happened)), how(origin_of(happened, *open)), fact(show(happened, *open))
    {}

    std::unique_ptr<schema::opener> open;
    event_log::meta how;
    shown_fact fact;
};

// -- The routes.

constexpr std::string_view path_of(view which) { return which == view::audit ? "audit" : "activity"; }

// A page as lines, the newest first.
http::csv_page lines_of(view which, const page& found, http::query_context& with)
{
    const auto held = with.log.learn_keys(found.events);
    http::csv_page made;
    for (const auto& each : found.events)
        append_csv(made.lines, which, each, with.log);
    if (found.older)
        made.next = text_of(*found.older);
    return made;
}

// All that the question finds. A page that ended at its cost has few lines or none, and the next one goes on.
void answer_lines(http::call& c, http::query_context& with, view which, const http::query_parameters& sent,
                  question asked)
{
    if (!http::expect_whole(c, sent))
        return;
    asked.limit = projection::limit_max;
    const auto found = read(with.models, c.who->tenant, asked);
    http::take_position(c, found.as_of);
    auto first = lines_of(which, found, with);
    first.lines.insert(0, csv_header(which));
    http::answer_csv_pages(c, std::move(first),
                           [which, asked = std::move(asked), tenant = c.who->tenant](
                               http::query_context& later, const std::string& from) -> std::optional<http::csv_page> {
                               auto next = asked;
                               next.beside = read_place(from);
                               return lines_of(which, read(later.models, tenant, next), later);
                           });
}

void answer(http::call& c, http::query_context& with, view which)
{
    const auto sent = http::read_query(c.in->query);
    if (!sent)
        return c.refuse(http::bad_query("query", "It is not percent-encoded UTF-8."));
    auto read_as = read_question(which, *sent);
    if (!read_as)
        return c.refuse(read_as.error());
    const http::cursor_binding bound{path_of(which), read_as->filters, with.models.cursor_secret()};
    if (read_as->cursor)
    {
        const auto payload = http::open_cursor(c, bound, *read_as->cursor);
        read_as->what.beside = payload ? read_place(*payload) : std::nullopt;
        if (!read_as->what.beside)
            return c.refuse("bad_cursor");
    }
    if (const auto days = c.server->audit_days(); which == view::audit && days > 0)
        read_as->what.not_before = schema::moment{c.accepted.us - std::min(days, days_max) * day_us};

    if (c.wants_csv)
        return answer_lines(c, with, which, *sent, std::move(read_as->what));

    const auto found = read(with.models, c.who->tenant, read_as->what);
    http::take_position(c, found.as_of);
    const auto held = with.log.learn_keys(found.events);
    const auto cursor = [&](const std::optional<place>& at) {
        return at ? std::optional{http::signed_cursor(c, bound, text_of(*at))} : std::nullopt;
    };
    const auto next = cursor(found.older), prev = cursor(found.newer);
    std::string text;
    schema::json_writer json{text};
    json.begin_object().key("data").begin_array();
    for (const auto& each : found.events)
        write_entry(json, which, each, with.log);
    json.end_array().key("next_cursor");
    next ? json.string(*next) : json.null();
    json.key("prev_cursor");
    prev ? json.string(*prev) : json.null();
    json.end_object();
    http::add_links(c, next, prev);
    c.answer_json(std::move(text));
}

void activity(http::call& c, http::query_context& with) { answer(c, with, view::activity); }
void audit(http::call& c, http::query_context& with) { answer(c, with, view::audit); }

constexpr std::array filters{
    http::parameter{"limit", "Entries per page: 1 to 200, 50 when left out."},
    http::parameter{"cursor", "Where to go on, from next_cursor or prev_cursor."},
    http::parameter{"actor", "Any of these members or keys, or kinds of actors (member, key, operator, system)."},
    http::parameter{"action", "Any of these, separated by commas; task.* stands for all of a noun."},
    http::parameter{"entity", "Any of these nouns, separated by commas."},
    http::parameter{"entity_id", "Of this one thing."},
    http::parameter{"from", "Recorded at this time (RFC 3339) or day, or later."},
    http::parameter{"to", "Recorded before this time or day."},
    http::parameter{"q", "A text within action, entity, request id or what is stored, whatever its case. A page ends "
                         "when enough was looked at, also without an entry: next_cursor goes on."},
};

constexpr http::route row(std::string_view path, std::string_view operation, std::string_view summary,
                          http::query_function run, http::needs scope, http::answer_shape shape)
{
    http::route made{http::verb::get, path, operation, summary, scope};
    made.query = run;
    made.shape = shape;
    made.parameters = filters;
    return made;
}

constexpr std::array table{
    row("/api/v1/activity", "listActivity", "Lists what was done to clients, projects, tasks, comments and time.",
        activity, http::needs::read, http::answer_shape::activity),
    row("/api/v1/audit", "listAudit", "Lists everything that was done, by whom and from where.", audit,
        http::needs::admin, http::answer_shape::audit),
};
}  // namespace

schema::result<asked, problem> read_question(view which, const std::vector<std::pair<std::string, std::string>>& sent)
{
    question_reader reading{which};
    auto sorted = sent;  // one spelling of the filters, in whatever order they were sent
    std::ranges::stable_sort(sorted, {}, [](const auto& each) { return each.first; });
    for (const auto& [name, value] : sorted)
        if (auto fault = reading.read(name, value))
            return *std::move(fault);
    return reading.take();
}

void write_entry(schema::json_writer& json, view which, const event_log::recorded& happened, const lanes::loader& log)
{
    const opened_event event{happened, log};
    const auto& how = event.how;
    json.begin_object();
    http::write_event(json, happened, how, event.fact.data, event.fact.changes);
    json.member("entity", happened.stream.category);
    json.member("entity_id", event_log::text_of(happened.stream.category, happened.stream.id));
    json.member("action", happened.type);
    if (which == view::audit)
        for (const auto& [name, text] : {std::pair{"ip", &how.ip}, std::pair{"agent", &how.user_agent}})
        {
            json.key(name);
            text->empty() ? json.null() : json.string(*text);
        }
    json.end_object();
}

void write_recent(schema::json_writer& json, http::call& c, http::query_context& with,
                  const std::optional<schema::uuid>& client)
{
    question asked;
    asked.entities.assign(worked_on.begin(), worked_on.end());
    asked.client = client;
    asked.limit = recent_max;
    asked.costs = recent_limits;
    const auto found = read(with.models, c.who->tenant, asked);
    http::take_position(c, found.as_of);
    const auto held = with.log.learn_keys(found.events);
    json.begin_array();
    for (const auto& each : found.events)
        write_entry(json, view::activity, each, with.log);
    json.end_array();
}

std::string text_of(const place& at) { return (at.leads_back ? ">" : "") + std::to_string(at.seq); }

std::optional<place> read_place(std::string_view text)
{
    const bool leads_back = text.starts_with('>');
    const auto seq = http::whole_number(text.substr(leads_back ? 1 : 0));
    return seq ? std::optional(place{*seq, leads_back}) : std::nullopt;
}

std::string csv_header(view which)
{
    std::string line = "event_id,type,version,occurred_at,recorded_at,actor_type,actor_id,on_behalf_of,request_id,data,"
                       "changes,entity,entity_id,action";
    return line.append(which == view::audit ? ",ip,agent\r\n" : "\r\n");
}

void append_csv(std::string& out, view which, const event_log::recorded& happened, const lanes::loader& log)
{
    const opened_event event{happened, log};
    const auto& [_, how, fact] = event;
    std::string line;
    const auto cell = [&](std::string_view text) { schema::append_csv_cell(line.append(","), text); };
    line = "evt_" + happened.event_id.base32();
    cell(happened.type);
    cell(std::to_string(happened.version));
    cell(how.occurred_at.text());
    cell(happened.recorded_at.text());
    cell(schema::name_of(how.by.type));
    cell(how.by.type == event_log::actor_type::operator_ ? std::string_view{} : how.by.id);
    cell(how.on_behalf_of);
    cell(how.request_id);
    schema::append_csv_json_cell(line.append(","), fact.data);
    schema::append_csv_json_cell(line.append(","), fact.changes);
    cell(happened.stream.category);
    cell(event_log::text_of(happened.stream.category, happened.stream.id));
    cell(happened.type);
    if (which == view::audit)
    {
        cell(how.ip);
        cell(how.user_agent);
    }
    out.append(line).append("\r\n");
}

std::span<const http::route> routes() { return table; }
}  // namespace audit_log
