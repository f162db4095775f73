#include "projections/usage.hpp"

#include "projections/client.hpp"
#include "projections/comment.hpp"
#include "projections/member.hpp"
#include "projections/project.hpp"
#include "projections/task.hpp"
#include "schemas/json_writer.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <utility>

namespace usage
{
namespace
{
constexpr std::string_view newest_totals = R"(
select $2, n.counter, sum(n.value)::text
  from (select distinct on (s.counter, s.bucket) s.counter, s.value
          from read.sum s
         where s.counter in ('client.open', 'member.open', 'comment.open', 'project.status', 'task.status')
           and (split_part(s.counter, '.', 1), s.version)
               in (('client', {client.version}), ('member', {member.version}), ('project', {project.version}),
                   ('task', {task.version}), ('comment', {comment.version}))
         order by s.counter, s.bucket, s.seq desc) as n
 group by n.counter)";

constexpr std::array<std::pair<std::string_view, std::string_view>, 5> counter_of{{{"clients", "client.open"},
                                                                                   {"members", "member.open"},
                                                                                   {"projects", "project.status"},
                                                                                   {"tasks", "task.status"},
                                                                                   {"comments", "comment.open"}}};
}  // namespace

projection::item read(projection::reader& from, const schema::uuid& tenant, std::span<const allowance> allowances)
{
    const std::array<const projection::definition*, 5> shown{&client::read_model(), &member::read_model(),
                                                             &project::read_model(), &task::read_model(),
                                                             &comment::read_model()};
    const projection::statement asked{std::string{newest_totals}, "select $2, null::text, null::text", {}};
    const auto found = from.ask(tenant, shown, asked, 2);

    std::map<std::string, std::int64_t, std::less<>> totals;
    for (const auto& row : found.rows)
        totals[row[0].value_or("")] = std::stoll(row[1].value_or("0"));

    std::string text;
    schema::json_writer out{text};
    out.begin_object().key("metrics").begin_array();
    for (const auto& each : allowances)
    {
        const auto* const counter =
            std::ranges::find(counter_of, each.metric, [](const auto& pair) { return pair.first; });
        const auto used = counter == counter_of.end() ? totals.end() : totals.find(counter->second);
        out.begin_object().member("metric", each.metric).key("used").integer(used == totals.end() ? 0 : used->second);
        out.key("limit");
        each.limit ? out.integer(*each.limit) : out.null();
        out.key("month").null().end_object();
    }
    out.end_array().end_object();
    return {std::move(text), found.as_of};
}
}  // namespace usage
