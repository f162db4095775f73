#include "tests/kit/scenario/invariants.hpp"

#include "events/feed/store_feed.hpp"
#include "events/log/seal.hpp"
#include "projections/catalogue.hpp"
#include "projections/runner/verify.hpp"
#include "projections/runner/versions.hpp"

#include <sstream>

namespace scenario
{
namespace
{
constexpr const char* behind =
    "select string_agg(p.projection || ' in lane ' || h.lane || ' at ' || coalesce(c.seq, 0) || ' of ' || h.seq, ', ')"
    "  from (select lane, max(seq) as seq from es.event group by lane) as h"
    "  cross join (select distinct projection, version from read.checkpoint) as p"
    "  left join lateral (select c.seq from read.checkpoint as c where c.projection = p.projection"
    "                        and c.version = p.version and c.lane = h.lane order by c.step desc limit 1) as c on true"
    " where coalesce(c.seq, 0) < h.seq";

// Each is null when all is well, otherwise what is wrong.
constexpr std::pair<const char*, const char*> rules[] = {
    {"parked keys", "select string_agg(p.projection || ' ' || p.cause, ', ') from read.parked as p"},
    {"lanes with holes", "select string_agg(lane::text, ', ') from (select lane from es.event group by lane"
                         " having min(seq) <> 1 or max(seq) <> count(*)) as l"},
    {"streams with holes",
     "select string_agg(category || ' ' || stream_id::text, ', ') from (select category, stream_id from es.event"
     " group by tenant_id, category, stream_id having min(version) <> 1 or max(version) <> count(*)) as s"},
    {"events with one id", "select string_agg(event_id::text, ', ') from (select event_id from es.event"
                           " group by event_id having count(*) > 1) as e"},
    {"receipts of what is not in the log",
     "select string_agg(r.key, ', ') from es.receipt as r where not exists (select from es.event as e"
     " where e.tenant_id = coalesce(r.shown_tenant_id, r.tenant_id) and e.category = r.category and e.stream_id = "
     "r.stream_id"
     "   and e.version = r.version)"},
    {"rounds whose heads are beyond the log",
     "select string_agg(r.id::text, ', ') from es.round as r cross join unnest(r.lanes, r.heads) as l(lane, head)"
     " where not r.is_void and l.head > coalesce((select max(e.seq) from es.event as e where e.lane = l.lane), 0)"},
    {"members without their e-mail's claim, or claims without their member",
     "select string_agg(coalesce(m.id, c.owner_id)::text, ', ')"
     "  from (select tenant_id, id from read.member where archived_at is null) as m"
     "  full join (select owner_tenant_id, owner_id, count(*) as n from es.claim where scope = 'member.email'"
     "              group by owner_tenant_id, owner_id) as c on c.owner_tenant_id = m.tenant_id and c.owner_id = m.id"
     " where m.id is null or c.n is distinct from 1"},
    {"quotas that do not equal what they count",
     "select string_agg(n.metric || ' of ' || n.tenant_id || ' is ' || n.total || ', not ' || n.found, ', ') from ("
     "  select q.tenant_id, q.metric, q.total, case q.metric"
     "         when 'clients' then (select count(*) from read.client as x where x.tenant_id = q.tenant_id"
     "                                 and x.archived_at is null)"
     "         when 'projects' then (select count(*) from read.project as x where x.tenant_id = q.tenant_id"
     "                                 and x.archived_at is null)"
     "         when 'tasks' then (select count(*) from read.task as x where x.tenant_id = q.tenant_id"
     "                                 and x.archived_at is null)"
     "         when 'comments' then (select count(*) from read.comment as x where x.tenant_id = q.tenant_id"
     "                                 and x.archived_at is null)"
     "         when 'members' then (select count(*) from read.member as x where x.tenant_id = q.tenant_id"
     "                                 and x.archived_at is null)"
     "         else q.total end as found"
     "    from (select distinct on (tenant_id, metric) tenant_id, metric, total from es.quota"
     "           order by tenant_id, metric, n desc) as q) as n where n.total <> n.found"},
};

const char* word(projection::difference::kind what)
{
    switch (what)
    {
    case projection::difference::kind::missing: return "missing";
    case projection::difference::kind::unexpected: return "unexpected";
    default: return "different";
    }
}

projection::verify_config verifying(const site& at, const std::shared_ptr<event_log::watchdog>& guard)
{
    projection::verify_config made;
    made.rows.connection.dsn = at.dsn();
    made.rows.watchdog = guard;
    made.keys.dsn = at.dsn();
    made.keys.guard = guard;
    made.feed = [dsn = at.dsn(), guard]() -> std::unique_ptr<event_feed::feed>
    {
        event_feed::store_feed_config feed;
        feed.dsn = dsn;
        feed.guard = guard;
        return std::make_unique<event_feed::store_feed>(std::move(feed));
    };
    std::istringstream lanes{at.ask("select string_agg(lane::text, ' ' order by lane) from es.lane")};
    for (std::int32_t lane = 0; lanes >> lane;)
        made.lanes.push_back(lane);
    return made;
}

void compare_with_rebuild(const site& at, findings& told)
{
    event_log::keyring keys{{.master_key_file = at.room.path() / "master.key"}};
    const auto guard = std::make_shared<event_log::watchdog>();
    projection::version_store versions{verifying(at, guard).rows};
    versions.open();
    versions.register_missing(projection::read_models());
    const auto fed = versions.fed(projection::read_models());
    const auto seen = projection::verify(verifying(at, guard), projection::definitions_of(fed), keys);
    for (const auto& each : seen.differences)
        told.add(std::string{word(each.what)} + " in read model " + each.projection + ", lane " +
                 std::to_string(each.lane) + ": " + each.key);
    told.counted["rows compared"] += static_cast<long>(seen.rows);
    told.counted["events folded"] += static_cast<long>(seen.events);
}
}  // namespace

void await_read_models(const site& at, findings& told, kit::milliseconds within)
{
    std::string late;
    kit::eventually(
        [&]
        {
            late = at.ask(behind);
            return late.empty();
        },
        within);
    told.expect(late.empty(), "the read models stay behind: " + late);
}

findings check_store(const site& at)
{
    findings told;
    await_read_models(at, told);
    compare_with_rebuild(at, told);
    for (const auto& [what, question] : rules)
        if (const std::string found = at.ask(question); !found.empty())
            told.add(std::string{what} + ": " + found);
    return told;
}
}  // namespace scenario
