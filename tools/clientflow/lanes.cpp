// `clientflow lanes status`: the log's lanes, their heads, who lives in them and who serves them.
#include "schemas/json_writer.hpp"
#include "tools/clientflow/database.hpp"
#include "tools/clientflow/operator_answers.hpp"
#include "tools/clientflow/settings.hpp"

#include <CLI/CLI.hpp>

#include <iostream>

namespace cli
{
namespace
{
constexpr const char* every_lane =
    "select l.lane, coalesce(h.seq, 0),"
    "       to_char(h.recorded_at at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'),"
    "       (select count(*) from es.tenant t where t.lane = l.lane),"
    "       p.seq,"
    "       lease.owner, lease.term, coalesce(h.seq, 0) - p.seq"
    "  from es.lane l"
    "  left join lateral (select e.seq, e.recorded_at from es.event e where e.lane = l.lane"
    "                      order by e.seq desc limit 1) h on true"
    "  left join lateral (select min(c.seq) as seq from (select distinct on (k.projection, k.version) k.seq"
    "                      from read.checkpoint k join read.projection r on r.projection = k.projection"
    "                       and r.version = k.version and r.state = 'live' where k.lane = l.lane"
    "                     order by k.projection, k.version, k.step desc) c) p on true"
    "  left join es.lane_lease lease on lease.role = 'projector' and lease.lane = l.lane"
    " order by l.lane";

std::string as_json(const std::vector<line>& lanes)
{
    std::string out;
    schema::json_writer json{out};
    json.begin_object().key("lanes").begin_array();
    for (const auto& each : lanes)
    {
        json.begin_object().key("lane").raw(*each[0]).key("head").raw(*each[1]).key("recorded_at");
        each[2] ? json.string(*each[2]) : json.null();
        // Projected: what every read model shows; lag: what it does not show yet, in events. Nothing is relayed while
        // no broker is configured.
        json.key("tenants")
            .raw(*each[3])
            .key("projected")
            .raw(each[4].value_or("null"))
            .key("lag")
            .raw(each[7].value_or("null"));
        json.key("relayed").null();
        json.key("projector").begin_object().key("owner");
        each[5] ? json.string(*each[5]) : json.null();
        json.key("term").raw(each[6].value_or("null")).end_object().end_object();
    }
    json.end_array().end_object();
    return out;
}

exit_status status(const program& chosen)
{
    database store{read_settings(chosen.given).operator_dsn()};
    const auto lanes = store.ask(every_lane);
    if (chosen.given.json)
        std::cout << as_json(lanes) << '\n';
    else
        for (const auto& each : lanes)
            std::cout << "lane " << *each[0] << "  head " << *each[1] << "  projected " << each[4].value_or("-")
                      << "  lag " << each[7].value_or("-") << "  relayed -  tenants " << *each[3] << "  projector "
                      << each[5].value_or("nobody") << "  term " << each[6].value_or("-") << "  "
                      << each[2].value_or("empty") << '\n';
    return done;
}
}  // namespace

std::string lanes_status(database& store) { return as_json(store.ask(every_lane)); }

void add_lanes(CLI::App& root, program& chosen)
{
    auto& noun = add_noun(root, "lanes", "Example: clientflow lanes status\n\nThe parts of the log.");
    auto& asking = add_verb(noun, "status",
                            "Example: clientflow lanes status --json\n\nPer lane: head, what every read model shows "
                            "(projected) and how many events it lags behind, "
                            "relayed, tenants, and which process serves it, with its term.");
    asking.callback([&chosen] { chosen.run = [&chosen] { return status(chosen); }; });
}
}  // namespace cli
