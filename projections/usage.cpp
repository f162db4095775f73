#include "projections/usage.hpp"

#include "projections/client.hpp"
#include "projections/comment.hpp"
#include "projections/member.hpp"
#include "projections/org.hpp"
#include "projections/project.hpp"
#include "projections/task.hpp"
#include "schemas/json_writer.hpp"
#include "schemas/time.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <utility>

namespace usage
{
namespace
{
// Rows of (counter, value, month): totals without a month, then what was metered in one. Buckets of creations are
// moments as text, all of one length, so they compare as the moments do.
constexpr std::string_view of_tenant = R"(
with asked as materialized
(
    select coalesce(nullif(($1)[1], ''), to_char(now() at time zone home.time_zone, 'YYYY-MM')) as month, home.time_zone
      from (select coalesce((select o.time_zone from {org} o limit 1), 'UTC') as time_zone) as home
),
span as materialized
(
    select month, begins, ends, to_char(begins at time zone 'UTC', moment.form) as first,
           to_char(ends at time zone 'UTC', moment.form) as beyond
      from (select month, (month || '-01')::timestamp at time zone time_zone as begins,
                   ((month || '-01')::timestamp + interval '1 month') at time zone time_zone as ends
              from asked) as bounds,
           (values ('YYYY-MM-DD"T"HH24:MI:SS.US"Z"')) as moment (form)
)
select $2, n.counter, sum(n.value)::text, null
  from (select distinct on (s.counter, s.bucket) s.counter, s.value
          from read.sum s
         where ($1)[1] = ''
           and s.counter in ('client.open', 'member.open', 'comment.open', 'project.status', 'task.status')
           and (split_part(s.counter, '.', 1), s.version)
               in (('client', {client.version}), ('member', {member.version}), ('project', {project.version}),
                   ('task', {task.version}), ('comment', {comment.version}))
         order by s.counter, s.bucket, s.seq desc) as n
 group by n.counter
union all
select $2, metered.counter, coalesce(total.value, 0)::text, span.month
  from span
 cross join (values ('client.created', {client.version}), ('member.created', {member.version}),
                    ('project.created', {project.version}), ('task.created', {task.version}),
                    ('comment.created', {comment.version})) as metered (counter, version)
 cross join lateral (select sum(newest.value) as value
                       from (select distinct on (s.bucket) s.value
                               from read.sum s
                              where s.counter = metered.counter and s.version = metered.version
                                and s.bucket >= span.first and s.bucket < span.beyond
                              order by s.bucket, s.seq desc) as newest) as total
union all
select $2, 'api_calls', coalesce((select sum(u.value)
                                    from read.usage_counter u
                                   where u.metric = 'api_calls' and u.bucket >= span.begins and u.bucket < span.ends),
                                 0)::text, span.month
  from span)";

using pair = std::pair<std::string_view, std::string_view>;

// Public names, and what counts them.
constexpr std::array<pair, 5> standing{{{"clients", "client.open"},
                                        {"members", "member.open"},
                                        {"projects", "project.status"},
                                        {"tasks", "task.status"},
                                        {"comments", "comment.open"}}};
constexpr std::array<pair, 6> metered{{{"members_created", "member.created"},
                                       {"clients_created", "client.created"},
                                       {"projects_created", "project.created"},
                                       {"tasks_created", "task.created"},
                                       {"comments_created", "comment.created"},
                                       {"api_calls", "api_calls"}}};

struct found
{
    std::map<std::string, std::int64_t, std::less<>> used;  // by counter
    std::string month;

    std::int64_t of(std::string_view counter) const
    {
        const auto held = used.find(counter);
        return held == used.end() ? 0 : held->second;
    }
};

void write(schema::json_writer& out, std::string_view metric, std::int64_t used, std::optional<std::int64_t> limit,
           const std::string* month)
{
    out.begin_object().member("metric", metric).key("used").integer(used).key("limit");
    limit ? out.integer(*limit) : out.null();
    out.key("month");
    month ? out.string(*month) : out.null();
    out.end_object();
}
}  // namespace

bool is_month(std::string_view text)
{
    return text.size() == 7 && !text.starts_with("0000") && schema::day::parse(std::string{text} + "-01").has_value();
}

projection::item read(projection::reader& from, const schema::uuid& tenant, std::span<const allowance> allowances,
                      const std::optional<std::string>& month)
{
    const std::array<const projection::definition*, 6> shown{&client::read_model(),  &member::read_model(),
                                                             &project::read_model(), &task::read_model(),
                                                             &comment::read_model(), &org::read_model()};
    projection::statement asked{std::string{of_tenant}, "select $2, null::text, null::text, null::text", {}};
    asked.arguments.push_back(month.value_or(""));
    const auto rows = from.ask(tenant, shown, asked, 3);

    found all;
    for (const auto& row : rows.rows)
    {
        all.used[row[0].value_or("")] = std::stoll(row[1].value_or("0"));
        all.month = row[2].value_or(all.month);
    }
    std::string text;
    schema::json_writer out{text};
    out.begin_object().key("metrics").begin_array();
    for (const auto& each : month ? std::span<const allowance>{} : allowances)
    {
        const auto* const counter = std::ranges::find(standing, each.metric, &pair::first);
        write(out, each.metric, counter == standing.end() ? 0 : all.of(counter->second), each.limit, nullptr);
    }
    for (const auto& [metric, counter] : metered)
        write(out, metric, all.of(counter), std::nullopt, &all.month);
    out.end_array().end_object();
    return {std::move(text), rows.as_of};
}
}  // namespace usage
