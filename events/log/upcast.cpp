#include "events/log/upcast.hpp"

#include "events/catalogue.hpp"
#include "schemas/json_copy.hpp"
#include "schemas/record.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>

namespace event_log
{
namespace
{
namespace json = schema::json;

// Estimates were whole hours before they were minutes.
std::string estimate_in_minutes(std::string_view data)
{
    json::document stored;
    if (!stored.parse(data) || json::type_of(stored.root()) != json::node_type::object)
        throw std::runtime_error{"an event of an old version cannot be read"};
    std::string out;
    schema::json_writer to{out};
    to.begin_object();
    for (json::members walk{stored.root()}; walk.next();)
    {
        if (walk.key != "estimate_hours")
        {
            schema::write_node(to.key(walk.key), walk.value, schema::member_order::as_given);
            continue;
        }
        to.key("estimate_minutes");
        if (json::type_of(walk.value) == json::node_type::integer)
            to.integer(json::integer_of(walk.value) * 60);
        else
            to.null();
    }
    to.end_object();
    return out;
}

constexpr std::array ways{
    upcaster{"task.created", 1, "estimate_hours became estimate_minutes", &estimate_in_minutes},
};
}  // namespace

std::span<const upcaster> upcasters() { return ways; }

std::vector<std::string> missing_ways(std::span<const schema::record_type* const> facts,
                                      std::span<const upcaster> among)
{
    std::vector<std::string> missing;
    for (const schema::record_type* fact : facts)
        for (std::int32_t version = 1; version < fact->version; ++version)
            if (std::ranges::none_of(among, [&](const upcaster& way) {
                    return way.type == fact->name && way.from_version == version;
                }))
                missing.push_back(std::string{fact->name} + ": version " + std::to_string(version) + " is not lifted");
    return missing;
}

namespace
{
bool begins_at(const upcaster& way, const recorded& event)
{
    return way.from_version == event.schema_version && way.type == event.type;
}

void refuse_newer(const recorded& event)
{
    if (event.schema_version <= 1)
        return;
    const schema::record_type* known = fact_named(event.type);
    if (known != nullptr && event.schema_version > known->version)
        throw std::runtime_error{"an event is of version " + std::to_string(event.schema_version) +
                                 " of its type, which this build does not know: " + event.type};
}
}  // namespace

void lift(recorded& event)
{
    for (const upcaster& way : ways)
        if (begins_at(way, event))
        {
            event.data = way.lift(event.data);
            ++event.schema_version;
        }
    refuse_newer(event);
}

const recorded& newest_shape(const recorded& stored, recorded& room)
{
    const auto is_first_step = [&](const upcaster& way) { return begins_at(way, stored); };
    if (std::none_of(ways.begin(), ways.end(), is_first_step))
    {
        refuse_newer(stored);
        return stored;
    }
    room = stored;
    lift(room);
    return room;
}
}  // namespace event_log
