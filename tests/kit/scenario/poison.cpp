#include "tests/kit/scenario/poison.hpp"

#include "events/api_key.hpp"
#include "events/log/meta.hpp"
#include "events/log/store.hpp"
#include "events/project.hpp"
#include "schemas/text.hpp"
#include "schemas/time.hpp"
#include "tests/kit/eventually.hpp"
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

std::string noun_of(poison_kind kind) { return kind == poison_kind::unknown_type ? "api_key" : "project"; }

place place_of(const site& at, const std::string& noun, const std::string& name)
{
    std::istringstream found{at.ask("select concat_ws(' ', e.lane, e.tenant_id, e.stream_id, e.version, e.event_id)"
                                    "  from es.event e join es.event c using (tenant_id, category, stream_id)"
                                    " where c.type = '" +
                                    noun + ".created' and c.data->>'name' = '" + name +
                                    "' order by e.version desc limit 1")};
    place made;
    std::string tenant, stream, event;
    if (!(found >> made.lane >> tenant >> stream >> made.at.version >> event))
        throw std::runtime_error("there is no " + noun + ' ' + name);
    made.stream = {*uuid::parse(tenant), noun, *uuid::parse(stream)};
    made.at.last_event_id = *uuid::parse(event);
    return made;
}

// As it should be, and then with the fault of its kind.
event_log::new_event bad_event(poisoned& one, const place& of)
{
    constexpr int later_version = 99;
    event_log::new_event made{fresh_id(), of.stream, of.at.version + 1, {}, 1, {}, {}};
    if (one.kind == poison_kind::unknown_type)
    {
        one.type = "api_key.rate_changed";
        schema::write_json(api_key::rate_changed{{of.stream.id}, {std::nullopt, 1'000'000}}, one.mended);
    }
    else
    {
        one.type = "project.activated";
        schema::write_json(project::activated{{of.stream.id}, {project::status::planned, project::status::active}},
                           one.mended);
    }
    one.event = made.event_id.text();
    made.type = one.kind == poison_kind::unknown_type ? "api_key.lent" : one.type;
    made.schema_version = one.kind == poison_kind::unknown_version ? later_version : 1;
    made.data = one.kind == poison_kind::bad_data ? R"({"id": 5})" : one.mended;
    event_log::meta about;
    about.occurred_at = schema::system_clock{}.now();
    event_log::write_meta(about, of.stream.tenant, made.meta, nullptr);
    return made;
}

// What is appended names the event's type: once it stands there, in each version.
std::string renaming(const site& at, const poisoned& one)
{
    std::istringstream tables{
        at.ask("select string_agg(rows_in, ' ') from read.projection where projection = 'audit_log'"
               " and state in ('live', 'beside', 'former')")};
    std::string statements;
    for (std::string table; tables >> table;)
    {
        const auto where = " where event_id = '" + one.event + "'";
        kit::await(
            "the event to stand in " + table, [&] { return at.count("select count(*) from " + table + where) == 1; },
            kit::milliseconds{60'000});
        statements += "update " + table + " set action = '" + one.type + "'" + where + ';';
    }
    return statements;
}
}  // namespace

poisoned plant_poison(const site& at, poison_kind kind, const std::string& name, const std::string& id)
{
    const place of = place_of(at, noun_of(kind), name);
    poisoned made;
    made.kind = kind;
    made.thing = id;
    auto bad = bad_event(made, of);
    event_log::command_part part;
    part.tenant = of.stream.tenant;
    part.lane = of.lane;
    part.expected.push_back({of.stream, of.at});
    part.events.push_back(std::move(bad));
    event_log::store_config config;
    config.dsn = at.dsn();
    event_log::store log{config};
    if (log.append({fresh_id(), {std::move(part)}}).front().kind != event_log::verdict_kind::appended)
        throw std::runtime_error("the bad event of " + name + " was refused");
    return made;
}

void mend(const site& at, const poisoned& one)
{
    at.ask("begin; set local session_replication_role = replica;"
           " alter table es.event disable trigger event_is_immutable;"
           " update es.event set data = '" +
           one.mended + "', type = '" + one.type + "', schema_version = 1 where event_id = '" + one.event + "';" +
           (one.kind == poison_kind::unknown_type ? renaming(at, one) : "") +
           "alter table es.event enable always trigger event_is_immutable; commit");
}
}  // namespace scenario
