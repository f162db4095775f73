#include "http/server/openapi.hpp"

#include "http/server/batch.hpp"
#include "http/server/csv.hpp"
#include "projections/runner/list.hpp"
#include "schemas/describe.hpp"
#include "schemas/json_writer.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <utility>
#include <vector>

namespace http
{
namespace
{
using schema::json_writer;

std::string lower(std::string_view text)
{
    std::string made{text};
    for (char& c : made)
        if (c >= 'A' && c <= 'Z')
            c = static_cast<char>(c + ('a' - 'A'));
    return made;
}

std::string reference(std::string_view component, std::string_view name)
{
    return "#/components/" + std::string{component} + '/' + std::string{name};
}

// The codes that a route can answer with, by status: the machine's, and those of its noun.
std::map<int, std::vector<std::string_view>> codes_of(const route& one)
{
    std::map<int, std::vector<std::string_view>> made;
    const auto add = [&](std::string_view code) {
        const auto* kind = find_problem(code);
        made[kind->status].push_back(code);
    };
    for (const auto code : {"malformed", "bad_query", "not_acceptable", "request_timeout", "uri_too_long",
                            "rate_limited", "headers_too_large", "internal", "busy", "unavailable"})
        add(code);
    if (one.scope != needs::nothing)
        add("unauthenticated"), add("forbidden");
    if (one.pattern.find('{') != std::string_view::npos)
        add("not_found");
    if (one.is_batch)
        for (const auto code : {"too_large", "unsupported_media_type", "invalid"})
            add(code);
    const bool is_log_page = one.shape == answer_shape::activity || one.shape == answer_shape::audit;
    if ((one.query && (one.shape == answer_shape::page || is_log_page)) || one.waiting)
        add("bad_cursor");
    if (one.local && one.method == verb::post)
        add("too_large");
    if (one.query)
        add("not_yet");
    if (one.command)
        for (const auto code : {"plan_limit_reached", "org.suspended", "conflict", "idempotency_in_flight",
                                "already_exists", "state_conflict", "version_mismatch", "too_large",
                                "unsupported_media_type", "invalid", "idempotency_key_reused"})
            add(code);
    for (const domain_code& own : one.codes)
        made[own.status].push_back(own.code);
    return made;
}

std::string joined(std::span<const std::string_view> words, std::string_view between)
{
    std::string text;
    for (const auto word : words)
        text.append(text.empty() ? "" : between).append(word);
    return text;
}

// `schema` writes the members of the parameter's schema.
template <class Schema>
void write_query_parameter_of(json_writer& json, std::string_view name, std::string_view note, Schema schema)
{
    json.begin_object().member("name", name).member("in", "query").member("description", note);
    json.key("schema").begin_object();
    schema();
    json.end_object().end_object();
}

// What one value of a column is written as, for people.
std::string value_note(const projection::column& of)
{
    if (of.part != projection::column_part::whole)
        return of.part == projection::column_part::amount ? "whole numbers" : "currencies";
    const auto& value = of.is_list ? *of.value->inner : *of.value;
    switch (value.what)
    {
    case schema::kind::enumeration:
        return joined({value.names, value.count}, ", ");
    case schema::kind::boolean:
        return "true, false";
    case schema::kind::integer:
        return "whole numbers";
    case schema::kind::id:
        return std::string{value.prefix} + "_… ids";
    case schema::kind::moment:
        return "times as RFC 3339 writes them";
    case schema::kind::day:
        return "days as YYYY-MM-DD";
    default:
        return "texts";
    }
}

// Any of a column's values, with commas between them. Only of values that can be told is there a pattern.
void write_value_filter(json_writer& json, std::string_view name, const projection::column& of)
{
    const bool may_be_null = of.is_nullable || of.is_list;
    const auto& value = of.is_list ? *of.value->inner : *of.value;
    const auto note =
        "Any of these values, separated by commas: " + value_note(of) + (may_be_null ? "; null: those without." : ".");
    write_query_parameter_of(json, name, note, [&] {
        json.member("type", "string");
        if (of.part != projection::column_part::whole || value.what != schema::kind::enumeration)
            return;
        const auto one = '(' + joined({value.names, value.count}, "|") + (may_be_null ? "|null)" : ")");
        json.member("pattern", '^' + one + "(," + one + ")*$");
    });
}

void write_bound(json_writer& json, const std::string& name, const projection::column& of, std::string_view note)
{
    const auto what = of.value->what;
    write_query_parameter_of(json, name, note, [&] {
        json.member("type", what == schema::kind::integer ? "integer" : "string");
        if (what != schema::kind::integer)
            json.member("format", what == schema::kind::day ? "date" : "date-time");
    });
}

void write_whole_number(json_writer& json, std::string_view name, std::string_view note, int least,
                        std::optional<int> most = std::nullopt)
{
    write_query_parameter_of(json, name, note, [&] {
        json.member("type", "integer").key("minimum").integer(least);
        if (most)
            json.key("maximum").integer(*most);
    });
}

// `values` empty: any text.
void write_query_parameter(json_writer& json, std::string_view name, std::string_view note,
                           const std::vector<std::string>& values = {})
{
    json.begin_object().member("name", name).member("in", "query").member("description", note);
    json.key("schema").begin_object().member("type", "string");
    if (!values.empty())
    {
        json.key("enum").begin_array();
        for (const auto& value : values)
            json.string(value);
        json.end_array();
    }
    json.end_object().end_object();
}

constexpr std::pair<const char*, const char*> bounds[] = {
    {"[gte]", "At least this."}, {"[gt]", "More than this."}, {"[lte]", "At most this."}, {"[lt]", "Less than this."}};

void write_list_parameters(json_writer& json, const projection::list_shape& shape)
{
    const auto query = [&](std::string_view name, std::string_view note) { write_query_parameter(json, name, note); };
    // No maximum: more is no mistake, and cut.
    write_whole_number(json, "limit", "Rows per page: 50 when left out; 200 are given where more are asked for.", 1);
    query("cursor", "Where to go on, from next_cursor.");
    write_whole_number(json, "offset", "0 to 10000, for old clients; not with a cursor.", 0, projection::offset_max);
    std::vector<std::string> sorts;
    for (const auto name : shape.sorts)
        for (const auto sign : {"", "-"})
            sorts.push_back(sign + std::string{name});
    write_query_parameter(json, "sort", "A hyphen turns the order round. -created_at when left out.", sorts);
    write_query_parameter(json, "archived", "false when left out.", {"false", "true", "any"});
    if (!shape.searched.empty())
    {
        std::string where;
        for (const auto name : shape.searched)
            where.append(where.empty() ? "" : " or ").append(name);
        query("q", "Up to 8 words, each the beginning of some word of " + where + ", whatever its case.");
    }
    for (const auto name : shape.filters)
    {
        const auto* column = shape.column_named(name);
        if (!column)
            continue;
        write_value_filter(json, name, *column);
        if (projection::list_shape::has_range(*column))
            for (const auto& [sign, note] : bounds)
                write_bound(json, std::string{name} + sign, *column, note);
    }
}

bool answers_not_modified(const route& one) { return one.query && one.shape == answer_shape::item; }

void write_parameters(json_writer& json, const route& one)
{
    json.key("parameters").begin_array();
    for (auto rest = one.pattern; rest.find('{') != std::string_view::npos;)
    {
        rest.remove_prefix(rest.find('{') + 1);
        json.begin_object().member("name", rest.substr(0, rest.find('}'))).member("in", "path");
        json.key("required")
            .boolean(true)
            .key("schema")
            .begin_object()
            .member("type", "string")
            .end_object()
            .end_object();
    }
    for (const parameter& sent : one.parameters)
        write_query_parameter(json, sent.name, sent.note);
    if (one.listing)
        write_list_parameters(json, one.listing());
    if (one.command)
        write_query_parameter(json, "dry_run",
                              "true: the answer the request would get, {item, events}; nothing happens.",
                              {"false", "true"});
    const auto header = [&](std::string_view name) {
        json.begin_object().member("$ref", reference("parameters", name)).end_object();
    };
    if (one.command)
        header("Idempotency-Key"), header("If-Match");
    if (one.query)
        header("Clientflow-Position");
    if (one.query || one.shape == answer_shape::events)
        header("Prefer");
    if (one.takes_ticket)
        header("Last-Event-ID");
    if (answers_not_modified(one))
        header("If-None-Match");
    json.end_array();
}

// The item, or with ?dry_run=true what it would be and how.
void write_command_schema(json_writer& json, std::string_view item)
{
    const auto refer = [&](std::string_view name) {
        json.begin_object().member("$ref", reference("schemas", name)).end_object();
    };
    json.begin_object().key("anyOf").begin_array();
    refer(item);
    json.begin_object().member("type", "object").key("required").begin_array().string("item").string("events");
    json.end_array().key("properties").begin_object().key("item");
    refer(item);
    json.key("events").begin_object().member("type", "array").key("items");
    refer("rehearsed_event");
    json.end_object().end_object().end_object().end_array().end_object();
}

void write_events_schema(json_writer& json)
{
    json.begin_object().member("type", "object").key("required").begin_array();
    json.string("data").string("next_after").end_array();
    json.key("properties").begin_object().key("data").begin_object().member("type", "array").key("items");
    json.begin_object().member("$ref", reference("schemas", "cloud_event")).end_object().end_object();
    json.key("next_after").begin_object().member("type", "string").end_object();
    json.end_object().end_object();
}

// Of pages of events: what an entry is called. Empty: it is no such page.
std::string_view entry_of(answer_shape shape)
{
    switch (shape)
    {
    case answer_shape::history:
        return "history_entry";
    case answer_shape::activity:
        return "activity_entry";
    case answer_shape::audit:
        return "audit_entry";
    default:
        return {};
    }
}

// Beside the reference to the record, which JSON Schema 2020-12 allows.
void write_recent_schema(json_writer& json)
{
    json.key("required").begin_array().string("recent_activity").end_array();
    json.key("properties").begin_object().key("recent_activity").begin_object().member("type", "array");
    json.member("description", "What was done last, as /activity shows it, the newest first; of a client, to what "
                               "belongs to it now.");
    json.key("items").begin_object().member("$ref", reference("schemas", entry_of(answer_shape::activity)));
    json.end_object().end_object().end_object();
}

void write_answer_schema(json_writer& json, const route& one)
{
    if (one.command)
        return write_command_schema(json, one.answer->name);
    if (one.shape == answer_shape::events)
        return write_events_schema(json);
    const auto entry = entry_of(one.shape);
    if (one.waiting && !one.answer)
    {
        json.begin_object().member("type", "string").end_object();
        return;
    }
    if (one.shape != answer_shape::page && entry.empty())
    {
        const auto name = one.is_batch ? std::string_view{"batch_answer"} : one.answer->name;
        json.begin_object().member("$ref", reference("schemas", name));
        if (one.shape == answer_shape::with_recent)
            write_recent_schema(json);
        json.end_object();
        return;
    }
    const auto cursor = [&](std::string_view name) {
        json.key(name)
            .begin_object()
            .key("type")
            .begin_array()
            .string("string")
            .string("null")
            .end_array()
            .end_object();
    };
    json.begin_object().member("type", "object").key("required").begin_array();
    json.string("data").string("next_cursor").string("prev_cursor").end_array();
    json.key("properties").begin_object().key("data").begin_object().member("type", "array").key("items");
    json.begin_object().member("$ref", reference("schemas", entry.empty() ? one.answer->name : entry));
    json.end_object().end_object();
    cursor("next_cursor");
    cursor("prev_cursor");
    json.end_object().end_object();
}

void write_success(json_writer& json, const route& one, std::string_view status, std::string_view words)
{
    json.key(status).begin_object().member("description", words);
    if (one.answer || one.is_batch || one.waiting || !entry_of(one.shape).empty())
    {
        json.key("content").begin_object().key(one.media).begin_object().key("schema");
        write_answer_schema(json, one);
        json.end_object();
        if (one.has_csv())
            json.key(csv_media)
                .begin_object()
                .key("schema")
                .begin_object()
                .member("type", "string")
                .end_object()
                .end_object();
        json.end_object();
    }
    json.end_object();
}

void write_responses(json_writer& json, const route& one)
{
    json.key("responses").begin_object();
    write_success(json, one, "200", one.creates ? "Repeated with the same id and members." : "Done.");
    if (one.creates)
        write_success(json, one, "201", "Created.");
    if (answers_not_modified(one))
        json.key("304").begin_object().member("description", "It still is one of If-None-Match.").end_object();
    for (const auto& [status, codes] : codes_of(one))
    {
        std::string words;
        for (const auto code : codes)
            words.append(words.empty() ? "" : ", ").append(code);
        json.key(std::to_string(status)).begin_object().member("description", words).key("x-codes").begin_array();
        for (const auto code : codes)
            json.string(code);
        json.end_array().key("content").begin_object().key("application/problem+json").begin_object();
        json.key("schema").begin_object().member("$ref", reference("schemas", "problem")).end_object();
        json.end_object().end_object().end_object();
    }
    json.end_object();
}

void write_body(json_writer& json, const route& one)
{
    if (!one.body && !one.is_batch)
        return;
    const auto name = one.is_batch ? std::string_view{"batch"} : one.body->name;
    json.key("requestBody").begin_object().key("required").boolean(!one.body_may_be_absent);
    json.key("content").begin_object();
    for (const std::string_view type : {"application/json", "application/merge-patch+json"})
        if (type == "application/json" || one.method == verb::patch)
        {
            json.key(type).begin_object().key("schema").begin_object();
            json.member("$ref", reference("schemas", name)).end_object().end_object();
        }
    json.end_object().end_object();
}

std::string_view scope_name(needs scope)
{
    switch (scope)
    {
    case needs::nothing:
        return "none";
    case needs::any_key:
        return "any";
    case needs::read:
        return "read";
    case needs::write:
        return "write";
    case needs::admin:
        return "admin";
    }
    return "";
}

void write_operation(json_writer& json, const route& one)
{
    json.key(lower(text_of(one.method))).begin_object();
    json.member("operationId", one.operation).member("summary", one.summary).member("x-scope", scope_name(one.scope));
    if (one.scope == needs::nothing)
        json.key("security").begin_array().end_array();
    write_parameters(json, one);
    write_body(json, one);
    write_responses(json, one);
    json.end_object();
}

void write_problem_schema(json_writer& json)
{
    json.key("problem").begin_object().member("type", "object").key("required").begin_array();
    for (const auto name : {"type", "title", "status", "detail", "instance", "code", "request_id", "retryable",
                            "applied", "errors", "error"})
        json.string(name);
    json.end_array().key("properties").begin_object();
    for (const auto name :
         {"type", "title", "detail", "instance", "code", "request_id", "error", "metric", "upgrade_url", "state"})
        json.key(name).begin_object().member("type", "string").end_object();
    for (const auto name : {"status", "limit", "used"})
        json.key(name).begin_object().member("type", "integer").end_object();
    json.key("retryable").begin_object().member("type", "boolean").end_object();
    json.key("applied")
        .begin_object()
        .key("enum")
        .begin_array()
        .string("no")
        .string("unknown")
        .end_array()
        .end_object();
    json.key("errors").begin_object().member("type", "array").key("items").begin_object();
    json.member("type", "object").end_object().end_object();
    json.key("allowed_verbs").begin_object().member("type", "array").key("items").begin_object();
    json.member("type", "string").end_object().end_object();
    json.end_object().end_object();
}

// An event as pages of events show it.
void write_entry_schema(json_writer& json, answer_shape shape)
{
    std::vector<std::string_view> members{"event_id", "type",         "version",    "occurred_at", "recorded_at",
                                          "actor",    "on_behalf_of", "request_id", "data",        "changes"};
    if (shape != answer_shape::history)
        members.insert(members.end(), {"entity", "entity_id", "action"});
    if (shape == answer_shape::audit)
        members.insert(members.end(), {"ip", "agent"});
    const auto typed = [&](std::string_view name, std::string_view type, bool may_be_null = false) {
        json.key(name).begin_object().key("type");
        if (may_be_null)
            json.begin_array().string(type).string("null").end_array();
        else
            json.string(type);
        json.end_object();
    };
    json.key(entry_of(shape)).begin_object().member("type", "object").key("required").begin_array();
    for (const auto name : members)
        json.string(name);
    json.end_array().key("properties").begin_object();
    for (const auto name : members)
        if (name == "ip" || name == "agent")
            typed(name, "string", true);
        else if (name == "event_id" || name == "type" || name.ends_with("_at") || name.starts_with("entity") ||
                 name == "action")
            typed(name, "string");
    typed("version", "integer");
    typed("actor", "object");
    typed("on_behalf_of", "string", true);
    typed("request_id", "string", true);
    typed("data", "object", true);
    json.key("changes").begin_object().member("type", "array").key("items").begin_object();
    json.member("type", "object").key("required").begin_array();
    json.string("pointer").string("old").string("new").end_array();
    json.key("properties").begin_object();
    typed("pointer", "string");
    json.key("old").begin_object().end_object().key("new").begin_object().end_object();
    json.end_object().end_object().end_object();
    json.end_object().end_object();
}

// An event that a dry run did not write.
void write_rehearsed_schema(json_writer& json)
{
    json.key("rehearsed_event").begin_object().member("type", "object").key("required").begin_array();
    json.string("type").string("version").string("data").end_array().key("properties").begin_object();
    json.key("type").begin_object().member("type", "string").end_object();
    json.key("version").begin_object().member("type", "integer").end_object();
    json.key("data").begin_object().member("type", "object").end_object();
    json.end_object().end_object();
}

// An event as streams and polls show it.
void write_cloud_event_schema(json_writer& json)
{
    json.key("cloud_event").begin_object().member("type", "object").key("required").begin_array();
    for (const auto name : {"specversion", "id", "source", "type", "subject", "time", "datacontenttype", "dataschema",
                            "recordedtime", "lane", "sequence", "streamversion", "incarnation", "data"})
        json.string(name);
    json.end_array().key("properties").begin_object();
    for (const auto name : {"specversion", "id", "source", "type", "subject", "time", "datacontenttype", "dataschema",
                            "recordedtime", "sequence", "incarnation", "traceparent"})
        json.key(name).begin_object().member("type", "string").end_object();
    for (const auto name : {"lane", "streamversion"})
        json.key(name).begin_object().member("type", "integer").end_object();
    json.key("data").begin_object().key("type").begin_array().string("object").string("null").end_array();
    json.end_object().end_object().end_object();
}

void write_header_parameter(json_writer& json, std::string_view name, std::string_view note)
{
    json.key(name).begin_object().member("name", name).member("in", "header").member("description", note);
    json.key("schema").begin_object().member("type", "string").end_object().end_object();
}

void write_components(json_writer& json, std::span<const std::span<const route>> tables)
{
    std::map<std::string_view, std::pair<const schema::record_type*, schema::described_as>> records;
    for (const auto table : tables)
        for (const route& one : table)
        {
            if (one.body)
                records.emplace(one.body->name, std::pair{one.body, schema::described_as::request});
            if (one.answer)
                records.emplace(one.answer->name, std::pair{one.answer, schema::described_as::answer});
        }
    json.key("components").begin_object().key("schemas").begin_object();
    for (const auto& [name, record] : records)
    {
        json.key(name);
        schema::describe(*record.first, json, record.second);
    }
    json.key("batch");
    describe_batch(json);
    json.key("batch_answer");
    describe_batched(json);
    write_problem_schema(json);
    write_rehearsed_schema(json);
    write_cloud_event_schema(json);
    for (const auto shape : {answer_shape::history, answer_shape::activity, answer_shape::audit})
        write_entry_schema(json, shape);
    json.end_object().key("parameters").begin_object();
    write_header_parameter(json, "Idempotency-Key", "The same key with the same request is decided once.");
    write_header_parameter(json, "If-Match", "Only at one of these versions.");
    write_header_parameter(json, "If-None-Match", "304 when the item still has this version.");
    write_header_parameter(json, "Clientflow-Position",
                           "At least as new as this, from any earlier answer; several of them as a list.");
    write_header_parameter(json, "Last-Event-ID", "Begin behind this event.");
    write_header_parameter(json, "Prefer", "wait=<seconds>, handling=strict");
    json.end_object().key("securitySchemes").begin_object();
    json.key("bearer").begin_object().member("type", "http").member("scheme", "bearer").end_object();
    json.key("key").begin_object().member("type", "apiKey").member("in", "header").member("name", "X-API-Key");
    json.end_object().end_object().end_object();
}
}  // namespace

std::string openapi_document(std::span<const std::span<const route>> tables, std::string_view version)
{
    std::map<std::string_view, std::vector<const route*>> paths;
    for (const auto table : tables)
        for (const route& one : table)
            paths[one.pattern].push_back(&one);

    std::string text;
    json_writer json{text};
    json.begin_object().member("openapi", "3.1.0").key("info").begin_object();
    json.member("title", "ClientFlow").member("version", version).end_object();
    json.key("security").begin_array();
    json.begin_object().key("bearer").begin_array().end_array().end_object();
    json.begin_object().key("key").begin_array().end_array().end_object().end_array();
    json.key("paths").begin_object();
    for (const auto& [path, routes] : paths)
    {
        json.key(path).begin_object();
        for (const route* one : routes)
            write_operation(json, *one);
        json.end_object();
    }
    json.end_object();
    write_components(json, tables);
    json.end_object();
    return text;
}
}  // namespace http
