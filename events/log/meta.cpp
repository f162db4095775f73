#include "events/log/meta.hpp"

namespace event_log
{
namespace
{
struct sender
{
    std::string ip;
    std::string user_agent;
};

struct stored_actor
{
    actor_type type = actor_type::system;
    std::string id;
};

// What a fold needs, and nothing that would have to be opened.
struct stored_stamp
{
    stored_actor by;
    schema::moment occurred_at;
};

struct stored_meta
{
    stored_actor by;
    schema::patch<std::string> on_behalf_of;
    schema::patch<std::string> request_id;
    schema::patch<std::string> correlation_id;
    schema::patch<std::string> causation_id;
    schema::patch<std::string> traceparent;
    schema::moment occurred_at;
    uuid subject;
    schema::patch<schema::personal<sender>> client;
};

void put(schema::patch<std::string>& into, const std::string& text)
{
    if (!text.empty())
        into = text;
}

std::string got(schema::patch<std::string>& from)
{
    return from.has_value() ? std::move(from.value()) : std::string{};
}
}  // namespace
}  // namespace event_log

template <>
inline constexpr schema::record_type schema::schema_of<event_log::sender> =
    schema::record("event.meta.client", 1, schema::field<&event_log::sender::ip>("ip"),
                   schema::field<&event_log::sender::user_agent>("user_agent"));

template <>
inline constexpr schema::record_type schema::schema_of<event_log::stored_actor> =
    schema::record("event.meta.actor", 1, schema::field<&event_log::stored_actor::type>("type"),
                   schema::field<&event_log::stored_actor::id>("id"));

template <>
inline constexpr schema::record_type schema::schema_of<event_log::stored_stamp> =
    schema::record("event.meta.stamp", 1, schema::field<&event_log::stored_stamp::by>("actor"),
                   schema::field<&event_log::stored_stamp::occurred_at>("occurred_at"));

template <>
inline constexpr schema::record_type schema::schema_of<event_log::stored_meta> =
    schema::record("event.meta", 1, schema::field<&event_log::stored_meta::by>("actor"),
                   schema::field<&event_log::stored_meta::on_behalf_of>("on_behalf_of"),
                   schema::field<&event_log::stored_meta::request_id>("request_id"),
                   schema::field<&event_log::stored_meta::correlation_id>("correlation_id"),
                   schema::field<&event_log::stored_meta::causation_id>("causation_id"),
                   schema::field<&event_log::stored_meta::traceparent>("traceparent"),
                   schema::field<&event_log::stored_meta::occurred_at>("occurred_at"),
                   schema::field<&event_log::stored_meta::client>(
                       "client", schema::sealed_for<&event_log::stored_meta::subject>{}));

namespace event_log
{
void write_meta(const meta& given, const uuid& subject, std::string& out, schema::sealer* seal)
{
    stored_meta stored;
    stored.by = {given.by.type, given.by.id};
    put(stored.on_behalf_of, given.on_behalf_of);
    put(stored.request_id, given.request_id);
    put(stored.correlation_id, given.correlation_id);
    put(stored.causation_id, given.causation_id);
    put(stored.traceparent, given.traceparent);
    stored.occurred_at = given.occurred_at;
    stored.subject = subject;
    if (!given.ip.empty() || !given.user_agent.empty())
        stored.client = schema::personal<sender>{{given.ip, given.user_agent}, false};
    schema::write_json(stored, out, seal);
}

meta read_meta(std::string_view text, schema::opener* open)
{
    stored_meta stored;
    schema::read_stored(schema::schema_of<stored_meta>, &stored, text, open);

    meta made;
    made.by = {stored.by.type, std::move(stored.by.id)};
    made.on_behalf_of = got(stored.on_behalf_of);
    made.request_id = got(stored.request_id);
    made.correlation_id = got(stored.correlation_id);
    made.causation_id = got(stored.causation_id);
    made.traceparent = got(stored.traceparent);
    made.occurred_at = stored.occurred_at;
    if (stored.client.has_value() && !stored.client.value().forgotten)
    {
        made.ip = std::move(stored.client.value().value.ip);
        made.user_agent = std::move(stored.client.value().value.user_agent);
    }
    return made;
}

stamp stamp_of(const recorded& event)
{
    stored_stamp stored;
    schema::read_stored(schema::schema_of<stored_stamp>, &stored, event.meta, nullptr);
    return {event.version, stored.occurred_at, {stored.by.type, std::move(stored.by.id)}};
}
}  // namespace event_log
