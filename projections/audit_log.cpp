// How an event becomes a line, and how lines are looked for.
#include "projections/audit_log.hpp"

#include "projections/comment.hpp"
#include "projections/event_cells.hpp"
#include "projections/project.hpp"
#include "projections/task.hpp"
#include "projections/time_entry.hpp"
#include "schemas/assertion.hpp"
#include "schemas/text.hpp"

#include <algorithm>
#include <array>
#include <exception>
#include <memory>
#include <span>
#include <string_view>

namespace audit_log
{
namespace
{
constexpr std::size_t name_bytes_max = 200;

// What PostgreSQL takes as text and a line has room for; nothing of nothing.
std::optional<std::string> storable(std::string_view given)
{
    std::string text{schema::clip(given, name_bytes_max)};
    std::erase(text, '\0');
    return text.empty() ? std::nullopt : std::optional(std::move(text));
}

void tell_origin(line& it, const projection::recorded& happened)
{
    const auto how = event_log::read_meta(happened.meta);
    it.occurred_at = how.occurred_at;
    it.actor_type = how.by.type;
    // Which of the platform's people it was is the platform's own affair.
    if (how.by.type != event_log::actor_type::operator_)
        it.actor_id = storable(how.by.id);
    it.on_behalf_of = storable(how.on_behalf_of);
    it.request_id = storable(how.request_id);
}

// Total: of an event that does not say how it came about there is still a line.
void fill(void* row, const projection::recorded& happened, schema::opener*)
{
    line made;
    made.seq = happened.at.seq;
    made.version = happened.version;
    made.occurred_at = happened.recorded_at;
    made.recorded_at = happened.recorded_at;
    made.event_id = happened.event_id;
    made.entity_id = happened.stream.id;
    made.lane = happened.at.lane;
    made.entity = happened.stream.category;
    made.action = happened.type;
    try
    {
        tell_origin(made, happened);
    }
    catch (const std::exception&)
    {
        made.actor_type = event_log::actor_type::system;
        made.actor_id = made.on_behalf_of = made.request_id = std::nullopt;
        made.occurred_at = happened.recorded_at;
    }
    *static_cast<line*>(row) = std::move(made);
}

std::shared_ptr<void> make() { return std::make_shared<line>(); }

// -- The statement of a page. Lines are looked at along a key, in the direction of the page, until it is full or has
// cost enough; then the events of its lines are fetched, as many as it may carry.

class statement_maker
{
public:
    statement_maker(const schema::uuid& tenant, const question& asked)
        : asked_(asked), goes_back_(asked.beside && asked.beside->leads_back), tenant_(argument(tenant.text(), "uuid"))
    {}

    projection::statement make()
    {
        const std::string hits = "select l.seq, l.lane, l.at, l.nth, " + is_hit() + " as is_hit, " + is_end() +
                                 " as is_end from (" + lines() + ") as l";
        projection::statement made;
        made.body = "with page as materialized (select h.* from (" + hits +
                    ") as h where h.is_hit or h.is_end order by h.at" + direction() + " limit " +
                    std::to_string(asked_.limit + 1) +
                    "), weighed as (select p.nth, p.seq as at_seq, p.is_hit, p.is_end, count(*) over () as of_all, e.*,"
                    " sum(coalesce(e.bytes, 0)) over (order by p.nth) - coalesce(e.bytes, 0) as bytes_before"
                    " from page p left join lateral (select x.*, " +
                    std::string{projection::event_weight} +
                    " as bytes from es.event x where x.lane = p.lane and x.seq = p.seq and x.tenant_id = " + tenant_ +
                    " limit 1) as e on true) select $2, e.at_seq::text, e.is_hit::text, e.is_end::text, e.of_all::text,"
                    " e.lane::text, " +
                    std::string{projection::event_columns} + " from weighed e where e.bytes_before < " +
                    std::to_string(asked_.costs.page_bytes_max) + " order by e.nth";
        made.nothing = "select $2";
        for (std::size_t i = 0; i < columns; ++i)
            made.nothing += ", null::text";
        made.arguments = std::move(arguments_);
        return made;
    }

    static constexpr std::size_t columns = 5 + projection::event_columns_count;

private:
    std::string argument(std::string value, std::string_view type)
    {
        arguments_.push_back(std::move(value));
        return "($1)[" + std::to_string(arguments_.size()) + "]::" + std::string{type};
    }

    std::string any_of(const std::string& column, const std::vector<std::string>& values)
    {
        std::string all;
        for (const auto& each : values)
            all += (all.empty() ? "" : ", ") + argument(each, "text");
        return column + " in (" + all + ")";
    }

    bool searches() const { return !asked_.text.empty(); }
    std::int64_t rows_max() const
    {
        return searches() ? asked_.costs.rows_searched_max : asked_.costs.rows_looked_at_max;
    }

    const char* direction() const { return goes_back_ ? "" : " desc"; }

    // The lines that a page may look at, in its direction, numbered; with what their texts weigh up to each. They come
    // along a key, and whoever reads them stops when the page is full: `at` tells the planner that they are in order.
    std::string lines()
    {
        const std::string key = asked_.entity ? "s.version" : "a.seq";
        const std::string order = " order by " + key + direction();
        std::string picked = "select " + key +
                             " as at, a.seq, a.lane, a.entity, a.entity_id, a.action, a.actor_type, a.actor_id,"
                             " a.request_id,"
                             " row_number() over w as nth";
        std::string source = asked_.entity ? stream() : " from {audit_log} a";
        if (searches())
        {
            picked += ", x.data, x.bytes, sum(x.bytes) over w as bytes_so_far";
            source += " cross join lateral (select y.data, pg_column_size(y.data)::bigint as bytes from es.event y"
                      " where y.lane = a.lane and y.seq = a.seq and y.tenant_id = " +
                      tenant_ + " limit 1) as x";
        }
        return picked + source + " where a.tenant_id = " + tenant_ + period() + beside() + " window w as (" +
               order.substr(1) + " rows unbounded preceding)" + order + " limit " + std::to_string(rows_max());
    }

    // The first seq that was recorded at a time or later. By halving over the key, because recorded_at never falls
    // along seq: some two dozen look-ups, and no index on the time. All rows below `low` are older, none from `high`
    // on.
    std::string seq_from(const schema::moment& at)
    {
        const std::string when = argument(at.text(), "timestamptz");
        const std::string middle = "half.low + (half.high - half.low) / 2";
        const auto row = [&](const std::string& picked, const std::string& rest) {
            return "(select " + picked + " from {audit_log} r where r.tenant_id = " + tenant_ + rest + " limit 1)";
        };
        return "(with recursive half (low, high) as (select " + row("r.seq", " order by r.seq") + ", " +
               row("r.seq + 1", " order by r.seq desc") + " union all select case when met.recorded_at < " + when +
               " then met.seq + 1 else half.low end, case when met.recorded_at < " + when + " then half.high else " +
               middle + " end from half cross join lateral " +
               row("r.seq, r.recorded_at", " and r.seq >= " + middle + " order by r.seq") +
               " as met where half.low < half.high) select half.low from half where half.low >= half.high)";
    }

    // One thing's events are found by the log's own key of streams.
    std::string stream()
    {
        return " from es.event s cross join lateral (select * from {audit_log} held where held.tenant_id = " + tenant_ +
               " and held.seq = s.seq and held.event_id = s.event_id limit 1) as a";
    }

    std::string period()
    {
        std::string text;
        if (asked_.entity)
            text += " and s.tenant_id = " + tenant_ + " and s.category = " + argument(asked_.entity->category, "text") +
                    " and s.stream_id = " + argument(asked_.entity->id.text(), "uuid");
        for (const auto& since : {asked_.from, asked_.not_before})
            if (since)
                text += " and a.seq >= " + seq_from(*since);
        if (asked_.to)
            text += " and a.seq < " + seq_from(*asked_.to);
        return text;
    }

    std::string beside()
    {
        if (!asked_.beside)
            return {};
        const std::string sign = goes_back_ ? " > " : " < ";
        const std::string seq = argument(std::to_string(asked_.beside->seq), "bigint");
        if (!asked_.entity)
            return " and a.seq" + sign + seq;
        return " and s.version" + sign + "(select k.version from {audit_log} k where k.tenant_id = " + tenant_ +
               " and k.seq = " + seq + ")";
    }

    std::string is_hit()
    {
        std::string all = "true";
        if (!asked_.entities.empty())
            all += " and " + any_of("l.entity", asked_.entities);
        if (!asked_.actions.empty())
            all += " and " + action();
        if (!asked_.actors.empty())
            all += " and coalesce(" + any_of("l.actor_id", asked_.actors) + " or " +
                   any_of("l.actor_type", asked_.actors) + ", false)";
        if (asked_.client)
            all += " and coalesce((case l.entity when 'client' then l.entity_id" + whose() +
                   " end) = " + argument(asked_.client->text(), "uuid") + ", false)";
        if (searches())
            all += " and " + contains_text();
        return "(" + all + ")";
    }

    // Whose a project is, or what belongs to one. Look-ups along keys within each other, as joins could become scans.
    std::string whose() const
    {
        const auto of = [this](std::string_view table, std::string_view picked, std::string_view id) {
            return std::string{"(select "}.append(picked) + " from {" + std::string{table} +
                   "} held where held.tenant_id = " + tenant_ + " and held.id = " + std::string{id} + " limit 1)";
        };
        const auto project = [&](const std::string& id) { return of("project", "held.client_id", id); };
        const auto task = [&](const std::string& id) { return of("task", "held.project_id", id); };
        return " when 'project' then " + project("l.entity_id") + " when 'task' then " + project(task("l.entity_id")) +
               " when 'comment' then " + project(task(of("comment", "held.task_id", "l.entity_id"))) +
               " when 'time_entry' then " + project(of("time_entry", "held.project_id", "l.entity_id"));
    }

    std::string action()
    {
        std::string any;
        for (const auto& each : asked_.actions)
            any += (any.empty() ? "(" : " or ") +
                   (each.ends_with(".*")
                        ? "starts_with(l.action, " + argument(each.substr(0, each.size() - 1), "text") + ")"
                        : "l.action = " + argument(each, "text"));
        return any + ")";
    }

    // Compared in ICU's capitals, as the words of lists are. What lies beyond the cost is not looked into.
    std::string contains_text()
    {
        std::string data = "l.data::text";
        if (!asked_.unsearched_entities.empty())
            data = "case when " + any_of("l.entity", asked_.unsearched_entities) + " then '' else l.data::text end";
        return "case when l.bytes_so_far - l.bytes < " + std::to_string(asked_.costs.bytes_searched_max) +
               " then strpos(upper(concat_ws(' ', l.action, l.entity, l.request_id, " + data +
               ") collate \"und-x-icu\"), upper(" + argument(asked_.text, "text") +
               " collate \"und-x-icu\")) > 0 else false end";
    }

    // The one line at which the page has cost enough.
    std::string is_end() const
    {
        const std::string last = "l.nth = " + std::to_string(rows_max());
        if (!searches())
            return "(" + last + ")";
        const auto most = std::to_string(asked_.costs.bytes_searched_max);
        return "(l.bytes_so_far - l.bytes < " + most + " and (" + last + " or l.bytes_so_far >= " + most + "))";
    }

    const question& asked_;
    const bool goes_back_;
    std::vector<std::string> arguments_;
    const std::string tenant_;
};

// -- What came back.

using cells = std::vector<std::optional<std::string>>;

// In the direction of the page: where it goes on, if it does.
std::optional<std::int64_t> goes_on_at(const std::vector<cells>& rows, const question& asked)
{
    if (rows.empty())
        return std::nullopt;
    const bool is_cut = std::stoull(*rows.front()[3]) > rows.size();
    const auto hits = std::ranges::count_if(rows, [](const cells& row) { return row[1] == "true"; });
    if (hits > asked.limit)
        return std::stoll(*rows[rows.size() - 2][0]);
    if (is_cut || rows.back()[2] == "true")
        return std::stoll(*rows.back()[0]);
    return std::nullopt;
}
}  // namespace

projection::statement statement_of(const schema::uuid& tenant, const question& asked)
{
    return statement_maker{tenant, asked}.make();
}

page read(projection::reader& from, const schema::uuid& tenant, const question& asked)
{
    CF_ASSERT(asked.limit > 0);
    std::vector<const projection::definition*> shown{&read_model()};
    if (asked.client)
        shown.insert(shown.end(),
                     {&project::read_model(), &task::read_model(), &comment::read_model(), &time_entry::read_model()});
    const auto found = from.ask(tenant, shown, statement_of(tenant, asked), statement_maker::columns);
    const bool goes_back = asked.beside && asked.beside->leads_back;
    page made;
    made.as_of = found.as_of;
    for (const auto& row : found.rows)
        if (row[1] == "true" && row[5] && std::ssize(made.events) < asked.limit)
            made.events.push_back(
                projection::event_in(std::span{row}.subspan(5), tenant, {std::stoi(*row[4]), std::stoll(*row[0])}));
    if (const auto at = goes_on_at(found.rows, asked))
        (goes_back ? made.newer : made.older) = place{*at, goes_back};
    if (asked.beside && !made.events.empty())
        (goes_back ? made.older : made.newer) = place{made.events.front().at.seq, !goes_back};
    if (goes_back)
        std::ranges::reverse(made.events);
    return made;
}

const projection::definition& read_model()
{
    static constexpr projection::definition made{
        "audit_log", 1,    "",      "read.audit_log", &schema::schema_of<line>,      {}, nullptr,
        make,        fill, nullptr, nullptr,          projection::row_kind::appended};
    return made;
}
}  // namespace audit_log
