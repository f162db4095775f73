#include "http/server/asyncapi.hpp"

#include "events/catalogue.hpp"
#include "events/public_event.hpp"
#include "schemas/assertion.hpp"
#include "schemas/describe.hpp"
#include "schemas/json_writer.hpp"

#include <string_view>

namespace http
{
namespace
{
using schema::json_writer;

void write_reference(json_writer& json, const std::string& to) { json.begin_object().member("$ref", to).end_object(); }

void write_constant(json_writer& json, std::string_view name, const std::string& value)
{
    json.key(name).begin_object().member("const", value).end_object();
}

void write_message(json_writer& json, const event_log::public_name& of, const schema::record_type& fact)
{
    json.key(of.fact).begin_object().member("name", of.shown).member("summary", of.detail);
    json.member("contentType", "application/json").key("payload").begin_object();
    json.member("type", "object").key("required").begin_array();
    for (const auto name : {"specversion", "id", "source", "type", "subject", "time", "dataschema", "data"})
        json.string(name);
    json.end_array().key("properties").begin_object();
    write_constant(json, "type", std::string{of.shown});
    write_constant(json, "dataschema",
                   "urn:clientflow:schema:" + std::string{of.fact} + ':' + std::to_string(fact.version));
    json.key("data");
    write_reference(json, "#/components/schemas/" + std::string{of.fact});
    json.end_object().end_object().end_object();
}
}  // namespace

std::string asyncapi_document()
{
    std::string text;
    json_writer json{text};
    json.begin_object().member("asyncapi", "3.0.0").key("info").begin_object();
    json.member("title", "ClientFlow").member("version", "1").end_object();
    json.member("defaultContentType", "application/json").key("channels").begin_object();
    json.key("events").begin_object().member("address", "/api/v1/events/stream");
    json.member("description", "CloudEvents as server-sent events; GET /api/v1/events tells the same in pages.");
    json.key("messages").begin_object();
    for (const auto& each : event_log::public_names())
        write_reference(json.key(each.fact), "#/components/messages/" + std::string{each.fact});
    json.end_object().end_object().end_object();
    json.key("operations").begin_object().key("streamEvents").begin_object().member("action", "send").key("channel");
    write_reference(json, "#/channels/events");
    json.end_object().end_object().key("components").begin_object().key("messages").begin_object();
    for (const auto& each : event_log::public_names())
    {
        const auto* fact = event_log::fact_named(each.fact);
        CF_ASSERT(fact != nullptr);
        write_message(json, each, *fact);
    }
    json.end_object().key("schemas").begin_object();
    for (const auto& each : event_log::public_names())
        schema::describe(*event_log::fact_named(each.fact), json.key(each.fact), schema::described_as::answer);
    json.end_object().end_object().end_object();
    return text;
}
}  // namespace http
