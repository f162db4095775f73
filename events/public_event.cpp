#include "events/public_event.hpp"

#include "events/catalogue.hpp"
#include "events/log/meta.hpp"
#include "events/log/upcast.hpp"
#include "events/org.hpp"
#include "schemas/json_writer.hpp"

#include <array>
#include <exception>

namespace event_log
{
namespace
{
constexpr std::array names{
    public_name{"org.created", "org.created", "The organisation was founded."},
    public_name{"org.changed", "org.updated", "Its name or settings changed."},
    public_name{"org.plan_changed", "org.plan_changed", "Its plan changed."},
    public_name{"org.suspended", "org.suspended", "It can be read and not written."},
    public_name{"org.resumed", "org.resumed", "It can be written again."},
    public_name{"member.added", "team.member_added", "Somebody joined."},
    public_name{"member.changed", "team.member_updated", "Somebody's name, e-mail, role or type changed."},
    public_name{"member.removed", "team.member_removed", "Somebody left."},
    public_name{"client.created", "client.created", "A client was created."},
    public_name{"client.changed", "client.updated", "Members of a client changed."},
    public_name{"client.archived", "client.deleted", "A client was archived."},
    public_name{"client.restored", "client.restored", "An archived client came back."},
    public_name{"project.created", "project.created", "A project was created."},
    public_name{"project.changed", "project.updated", "Members of a project changed."},
    public_name{"project.activated", "project.updated", "A project became active."},
    public_name{"project.held", "project.updated", "A project was put on hold."},
    public_name{"project.completed", "project.updated", "A project was completed."},
    public_name{"project.reopened", "project.updated", "A completed project became active again."},
    public_name{"project.archived", "project.deleted", "A project was archived."},
    public_name{"project.restored", "project.restored", "An archived project came back."},
    public_name{"task.created", "task.created", "A task was created."},
    public_name{"task.changed", "task.updated", "Members of a task changed."},
    public_name{"task.started", "task.updated", "Work on a task began."},
    public_name{"task.waited", "task.updated", "A task waits."},
    public_name{"task.completed", "task.completed", "A task is done."},
    public_name{"task.reopened", "task.updated", "A task is to be done again."},
    public_name{"task.moved", "task.updated", "A task moved to another project."},
    public_name{"task.archived", "task.deleted", "A task was archived."},
    public_name{"task.restored", "task.restored", "An archived task came back."},
    public_name{"comment.created", "comment.created", "Somebody commented on a task."},
    public_name{"comment.changed", "comment.updated", "A comment changed."},
    public_name{"comment.archived", "comment.deleted", "A comment was archived."},
    public_name{"comment.restored", "comment.restored", "An archived comment came back."},
    public_name{"time_entry.created", "time_entry.created", "Time was booked."},
    public_name{"time_entry.changed", "time_entry.updated", "A booking changed."},
    public_name{"time_entry.archived", "time_entry.deleted", "A booking was archived."},
    public_name{"time_entry.restored", "time_entry.restored", "An archived booking came back."},
};

constexpr std::size_t sequence_digits = 20;

std::string padded(std::int64_t seq)
{
    const auto digits = std::to_string(seq);
    return std::string(sequence_digits - digits.size(), '0') + digits;
}

struct shape
{
    std::int32_t version = 1;
    std::string data;  // empty: cannot be read here
};

shape newest(const recorded& stored, schema::opener* open)
{
    try
    {
        recorded room;
        const recorded& lifted = newest_shape(stored, room);
        return {lifted.schema_version, show_fact(lifted.type, lifted.data, open)};
    }
    catch (const std::exception&)
    {
        return {stored.schema_version, {}};
    }
}
}  // namespace

std::span<const public_name> public_names() { return names; }

std::string_view public_name_of(std::string_view fact)
{
    for (const public_name& each : names)
        if (each.fact == fact)
            return each.shown;
    return {};
}

std::string cloud_event(const recorded& happened, std::string_view incarnation, schema::opener* open)
{
    const meta how = read_meta(happened.meta);
    const shape now = newest(happened, open);
    std::string text;
    schema::json_writer json{text};
    json.begin_object().member("specversion", "1.0").member("id", event_id{happened.event_id}.text());
    json.member("source", "/orgs/" + org::org_id{happened.stream.tenant}.text());
    json.member("type", public_name_of(happened.type));
    json.member("subject", text_of(happened.stream.category, happened.stream.id));
    json.member("time", how.occurred_at.text()).member("datacontenttype", "application/json");
    json.member("dataschema", "urn:clientflow:schema:" + happened.type + ':' + std::to_string(now.version));
    json.member("recordedtime", happened.recorded_at.text()).key("lane").integer(happened.at.lane);
    json.member("sequence", padded(happened.at.seq)).key("streamversion").integer(happened.version);
    json.member("incarnation", incarnation);
    if (!how.traceparent.empty())
        json.member("traceparent", how.traceparent);
    json.key("data").raw(now.data.empty() ? "null" : std::string_view{now.data}).end_object();
    return text;
}
}  // namespace event_log
