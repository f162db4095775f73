#include "tests/kit/scenario/poison.hpp"

#include "events/log/meta.hpp"
#include "events/log/store.hpp"
#include "events/project.hpp"
#include "schemas/text.hpp"
#include "schemas/time.hpp"
#include "tests/kit/projections/world.hpp"

#include <sstream>
#include <stdexcept>

namespace scenario
{
namespace
{
using projection_tests::fresh_id;
using schema::uuid;

struct place
{
    std::int32_t lane = 0;
    event_log::stream_key stream;
    event_log::head at;
};

place place_of(const site& at, const std::string& project_name)
{
    std::istringstream found{at.ask("select concat_ws(' ', e.lane, e.tenant_id, e.stream_id, e.version, e.event_id)"
                                    "  from es.event e join es.event c using (tenant_id, category, stream_id)"
                                    " where c.type = 'project.created' and c.data->>'name' = '" +
                                    project_name + "' order by e.version desc limit 1")};
    place made;
    std::string tenant, stream, event;
    if (!(found >> made.lane >> tenant >> stream >> made.at.version >> event))
        throw std::runtime_error("there is no project " + project_name);
    made.stream = {*uuid::parse(tenant), "project", *uuid::parse(stream)};
    made.at.last_event_id = *uuid::parse(event);
    return made;
}
}  // namespace

poisoned plant_poison(const site& at, const std::string& project_name, const std::string& project_id)
{
    const place of = place_of(at, project_name);
    event_log::meta about;
    about.occurred_at = schema::system_clock{}.now();
    event_log::new_event bad{fresh_id(), of.stream, of.at.version + 1, "project.activated", 1, R"({"id": 5})", {}};
    event_log::write_meta(about, of.stream.tenant, bad.meta, nullptr);
    poisoned made{project_id, bad.event_id.text(), {}};
    schema::write_json(project::activated{{of.stream.id}, {project::status::planned, project::status::active}},
                       made.mended);

    event_log::command_part part;
    part.tenant = of.stream.tenant;
    part.lane = of.lane;
    part.expected.push_back({of.stream, of.at});
    part.events.push_back(std::move(bad));
    event_log::store_config config;
    config.dsn = at.dsn();
    event_log::store log{config};
    if (log.append({fresh_id(), {std::move(part)}}).front().kind != event_log::verdict_kind::appended)
        throw std::runtime_error("the bad event of " + project_name + " was refused");
    return made;
}

void mend(const site& at, const poisoned& one)
{
    at.ask("set session_replication_role = replica; alter table es.event disable trigger event_is_immutable;"
           " update es.event set data = '" +
           one.mended + "' where event_id = '" + one.event +
           "'; alter table es.event enable always trigger event_is_immutable");
}
}  // namespace scenario
