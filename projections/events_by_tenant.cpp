#include "projections/events_by_tenant.hpp"

#include "projections/audit_log.hpp"
#include "projections/event_cells.hpp"
#include "schemas/assertion.hpp"

#include <algorithm>
#include <span>

namespace projection
{
namespace
{
// Before the columns of the event: the position, its history, whether a key is stopped, how many rows there are, and
// the row's place.
constexpr std::size_t columns_before = 5;
constexpr std::size_t columns = columns_before + event_columns_count;

// Its arguments: tenant, lane, after, up to, events and bytes at most. The rows come along their key and end by the
// number of events: an end that only the position tells would leave the planner guessing, and sorting all there are.
std::string page_body()
{
    std::string made =
        "with place as materialized (select c.seq, c.incarnation from read.checkpoint c"
        " where c.projection = 'audit_log' and c.version = {audit_log.version} and c.lane = ($1)[2]::integer"
        " order by c.step desc limit 1),"
        " line as materialized (select a.seq, a.event_id from {audit_log} a where a.tenant_id = ($1)[1]::uuid"
        " and a.seq > ($1)[3]::bigint and a.seq <= ($1)[4]::bigint order by a.seq limit ($1)[5]::bigint),"
        " weighed as (select l.seq as at_seq, y.*,"
        " sum(coalesce(y.bytes, 0)) over (order by l.seq) - coalesce(y.bytes, 0) as bytes_before"
        " from line l left join lateral (select x.*, ";
    made.append(event_weight)
        .append(" as bytes from es.event x where x.lane = ($1)[2]::integer and x.seq = l.seq"
                " and x.tenant_id = ($1)[1]::uuid and x.event_id = l.event_id limit 1) as y on true)"
                " select $2, p.seq::text, p.incarnation, exists (select from read.parked k"
                " where k.tenant_id = ($1)[1]::uuid and k.projection = 'audit_log'"
                " and k.version = {audit_log.version})::text, (select count(*) from line)::text, e.at_seq::text, ")
        .append(event_columns)
        .append(" from place p left join weighed e on e.bytes_before < ($1)[6]::bigint order by e.at_seq");
    return made;
}
}  // namespace

statement past_statement(const past_ask& asked)
{
    static const std::string body = page_body();
    statement made;
    made.body = body;
    made.nothing = "select $2";
    for (std::size_t i = 0; i < columns; ++i)
        made.nothing += ", null::text";
    made.arguments = {asked.tenant.text(),         std::to_string(asked.after.lane), std::to_string(asked.after.seq),
                      std::to_string(asked.up_to), std::to_string(asked.events_max), std::to_string(asked.bytes_max)};
    return made;
}

past_page read_past(reader& from, const past_ask& asked)
{
    CF_ASSERT(asked.events_max > 0 && asked.bytes_max > 0);
    const definition* const shown[]{&audit_log::read_model()};
    const auto rows = from.ask(asked.tenant, shown, past_statement(asked), columns).rows;
    const past_page unknown{{}, asked.after.seq};
    if (rows.empty())
        return unknown;
    const auto& first = rows.front();
    const auto believed_up_to = std::min<std::int64_t>(asked.up_to, std::stoll(*first[0]));
    const bool is_stopped = first[2] == "true";
    if (believed_up_to <= asked.after.seq || first[1] != asked.incarnation || is_stopped)
        return unknown;
    past_page made;
    const auto found = std::stoull(*first[3]);
    const bool goes_on = found == asked.events_max || found > rows.size();
    for (const auto& row : rows)
    {
        if (!row[4] || std::stoll(*row[4]) > believed_up_to)
            return made.up_to = believed_up_to, made;
        if (!row[columns_before])
            return unknown;
        made.events.push_back(
            event_in(std::span{row}.subspan(columns_before), asked.tenant, {asked.after.lane, std::stoll(*row[4])}));
    }
    made.up_to = goes_on ? made.events.back().at.seq : believed_up_to;
    return made;
}
}  // namespace projection
