#include "projections/dashboard.hpp"

#include "events/member.hpp"
#include "events/project.hpp"
#include "events/task.hpp"
#include "projections/client.hpp"
#include "projections/member.hpp"
#include "projections/org.hpp"
#include "projections/project.hpp"
#include "projections/task.hpp"
#include "schemas/json_writer.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dashboard
{
namespace
{
// Rows of (counter, key, count): creations with their month as key, everything else with its bucket.
constexpr std::string_view of_tenant = R"(
with newest as materialized
(
    select distinct on (s.counter, s.bucket) s.counter, s.bucket, s.value
      from read.sum s
     where s.counter in ('client.open', 'member.open', 'project.status', 'task.status', 'project.created',
                         'project.budget', 'task.created', 'task.done_by')
       and (split_part(s.counter, '.', 1), s.version) in (('client', {client.version}), ('member', {member.version}),
                                                          ('project', {project.version}), ('task', {task.version}))
     order by s.counter, s.bucket, s.seq desc
),
home as (select coalesce((select o.time_zone from {org} o limit 1), 'UTC') as time_zone)
select $2, n.counter, n.bucket, n.value::text from newest n where n.counter not like '%.created'
union all
select $2, n.counter, to_char(n.bucket::timestamptz at time zone home.time_zone, 'YYYY-MM'), sum(n.value)::text
  from newest n, home
 where n.counter like '%.created'
 group by 2, 3)";

constexpr std::string_view of_client = R"(
with home as (select coalesce((select o.time_zone from {org} o limit 1), 'UTC') as time_zone),
projects as materialized
(
    select p.id, p.status, p.created_at, p.archived_at, p.budget_amount_minor, p.budget_currency
      from {project} p
     where p.client_id = ($1)[1]::uuid
),
tasks as materialized
(
    select t.status, t.created_at, t.archived_at, t.assignee_ids
      from projects cross join lateral (select * from {task} held where held.project_id = projects.id) as t
)
select $2, 'client.open', '', count(*)::text from {client} c where c.id = ($1)[1]::uuid and c.archived_at is null
union all
select $2, 'member.open', '', count(*)::text from {member} m where m.archived_at is null
union all
select $2, 'project.status', p.status, count(*)::text from projects p where p.archived_at is null group by p.status
union all
select $2, 'project.budget', p.budget_currency || case p.status when 'completed' then '/completed' else '/open' end,
       least(sum(p.budget_amount_minor), 9223372036854775807)::bigint::text
  from projects p
 where p.archived_at is null and p.budget_currency is not null
 group by 3
union all
select $2, 'task.status', t.status, count(*)::text from tasks t where t.archived_at is null group by t.status
union all
select $2, 'project.created', to_char(p.created_at at time zone home.time_zone, 'YYYY-MM'), count(*)::text
  from projects p, home group by 3
union all
select $2, 'task.created', to_char(t.created_at at time zone home.time_zone, 'YYYY-MM'), count(*)::text
  from tasks t, home group by 3
union all
select $2, 'task.done_by', assignee::text, count(*)::text
  from tasks t cross join lateral unnest(t.assignee_ids) as assignee
 where t.archived_at is null and t.status = 'done' group by assignee)";

using counts = std::map<std::string, std::int64_t>;  // by bucket
using counters = std::map<std::string, counts>;

std::int64_t all_of(const counts& given)
{
    std::int64_t sum = 0;
    for (const auto& [_, n] : given)
        sum += n;
    return sum;
}

template <class Status>
void write_by_status(schema::json_writer& out, std::string_view name, const counts& given)
{
    out.key(name).begin_object();
    for (const auto status : schema::names_of<Status>)
    {
        const auto found = given.find(std::string{status});
        out.key(status).integer(found == given.end() ? 0 : found->second);
    }
    out.end_object();
}

void write_months(schema::json_writer& out, const counts& projects, const counts& tasks)
{
    std::map<std::string, std::pair<std::int64_t, std::int64_t>> months;
    for (const auto& [month, n] : projects)
        months[month].first = n;
    for (const auto& [month, n] : tasks)
        months[month].second = n;
    out.key("created_per_month").begin_array();
    for (const auto& [month, n] : months)
    {
        out.begin_object().member("month", month);
        out.key("projects").integer(n.first).key("tasks").integer(n.second).end_object();
    }
    out.end_array();
}

// Buckets are "EUR/open" and "EUR/completed". What is more than a number of JSON may be is shown as the most; negative
// sums have gone around.
void write_budgets(schema::json_writer& out, const counts& budgets)
{
    std::map<std::string, std::pair<std::int64_t, std::int64_t>> currencies;
    for (const auto& [bucket, amount] : budgets)
    {
        const auto slash = bucket.find('/');
        auto& held = currencies[bucket.substr(0, slash)];
        (bucket.substr(slash + 1) == "completed" ? held.second : held.first) =
            amount < 0 ? schema::integer_max : std::min(amount, schema::integer_max);
    }
    out.key("budgets_by_currency").begin_array();
    for (const auto& [currency, amounts] : currencies)
    {
        if (amounts.first == 0 && amounts.second == 0)
            continue;
        out.begin_object().member("currency", currency).key("open_minor").integer(amounts.first);
        out.key("completed_minor").integer(amounts.second).end_object();
    }
    out.end_array();
}

void write_members(schema::json_writer& out, const counts& done)
{
    out.key("done_per_member").begin_array();
    for (const auto& [member, n] : done)
        if (const auto id = schema::uuid::parse(member))
            out.begin_object().member("member_id", member::member_id{*id}.text()).key("count").integer(n).end_object();
    out.end_array();
}

std::string written(counters& all)
{
    const auto& projects = all["project.status"];
    const auto& tasks = all["task.status"];
    const auto with = [](const counts& given, std::string_view status) {
        const auto found = given.find(std::string{status});
        return found == given.end() ? 0 : found->second;
    };
    const auto done = with(tasks, schema::name_of(task::status::done));

    std::string text;
    schema::json_writer out{text};
    out.begin_object().key("totals").begin_object();
    out.key("clients").integer(all_of(all["client.open"]));
    out.key("projects_active").integer(with(projects, schema::name_of(project::status::active)));
    out.key("projects_completed").integer(with(projects, schema::name_of(project::status::completed)));
    out.key("tasks_open").integer(all_of(tasks) - done);
    out.key("tasks_done").integer(done);
    out.key("members").integer(all_of(all["member.open"]));
    out.end_object();
    write_by_status<project::status>(out, "projects_by_status", projects);
    write_by_status<task::status>(out, "tasks_by_status", tasks);
    write_months(out, all["project.created"], all["task.created"]);
    write_members(out, all["task.done_by"]);
    write_budgets(out, all["project.budget"]);
    out.end_object();
    return text;
}
}  // namespace

projection::item read(projection::reader& from, const schema::uuid& tenant, const std::optional<schema::uuid>& client)
{
    const std::array<const projection::definition*, 5> shown{
        &client::read_model(), &member::read_model(), &project::read_model(), &task::read_model(), &org::read_model()};
    projection::statement asked{
        std::string{client ? of_client : of_tenant}, "select $2, null::text, null::text, null::text", {}};
    if (client)
        asked.arguments.push_back(client->text());

    const auto found = from.ask(tenant, shown, asked, 3);
    counters all;
    for (const auto& row : found.rows)
        all[row[0].value_or("")][row[1].value_or("")] = std::stoll(row[2].value_or("0"));
    return {written(all), found.as_of};
}
}  // namespace dashboard
