// The read model of who did what: one narrow row per event of every noun, without a value.
//
// What was done to what, by whom and when is here; old and new values are read from the log itself when somebody asks,
// and opened then, so nothing is stored twice and a forgotten person is forgotten here, too. Every event of a tenant
// has its row, also one of a type that this build does not know: the rows are the index by tenant over a lane's events.
// They are kept as long as the log; how far back an organisation looks is a condition of reading.
#pragma once

#include "events/catalogue.hpp"
#include "events/log/meta.hpp"
#include "projections/runner/definition.hpp"
#include "projections/runner/reader.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace audit_log
{
// A line of the table.
struct line
{
    std::int64_t seq = 0;
    std::int64_t version = 0;  // of the entity
    schema::moment occurred_at;
    schema::moment recorded_at;
    schema::uuid event_id;
    schema::uuid entity_id;
    std::int32_t lane = 0;
    std::string entity;  // the noun: "task"
    std::string action;  // the event's type: "task.completed"
    event_log::actor_type actor_type = event_log::actor_type::system;
    std::optional<std::string> actor_id;
    std::optional<std::string> on_behalf_of;
    std::optional<std::string> request_id;
};

const projection::definition& read_model();

// -- Reading: pages of events, the newest first.

// What one page may cost. A page ends at any of these, however few events it holds by then.
struct page_limits
{
    std::int64_t rows_looked_at_max = 20'000;
    std::int64_t rows_searched_max = 5'000;             // when their texts are looked into
    std::int64_t bytes_searched_max = 8 * 1024 * 1024;  // as stored
    std::int64_t page_bytes_max = 1024 * 1024;          // of values handed out, but for one event
};

// Beside which seq a page lies.
struct place
{
    std::int64_t seq = 0;
    bool leads_back = false;  // to what is newer; else to what is older
};

struct question
{
    std::vector<std::string> entities;             // of any of these nouns; empty: of all
    std::vector<std::string> actions;              // any of these; "task.*" are all of the noun
    std::vector<std::string> actors;               // any of these ids or kinds of actors
    std::optional<event_log::thing> entity;        // of this one thing
    std::optional<schema::uuid> client;            // of this client and what belongs to it, as rows say now
    std::optional<schema::moment> from, to;        // recorded from one on and before the other
    std::optional<schema::moment> not_before;      // likewise, whatever was asked
    std::string text;                              // in action, entity, request id or stored fact, whatever its case
    std::vector<std::string> unsearched_entities;  // nouns whose facts hold secrets
    std::int64_t limit = 50;
    std::optional<place> beside;
    page_limits costs{};
};

struct page
{
    std::vector<event_log::recorded> events;  // as stored
    // Also of a page without events, when it ended at its cost.
    std::optional<place> older, newer;
    projection::shown as_of;
};

// The one statement that a page is; a test holds its plan.
projection::statement statement_of(const schema::uuid& tenant, const question&);

// Throws what the reader throws.
page read(projection::reader&, const schema::uuid& tenant, const question&);
}  // namespace audit_log

template <>
inline constexpr schema::record_type schema::schema_of<audit_log::line> = schema::record(
    "audit_log", 1, schema::field<&audit_log::line::seq>("seq", "Where the event stands in its lane."),
    schema::field<&audit_log::line::version>("version", "Which of the entity's events it is."),
    schema::field<&audit_log::line::occurred_at>("occurred_at", "When it happened, as whoever did it says."),
    schema::field<&audit_log::line::recorded_at>("recorded_at", "When it was recorded; never falls along seq."),
    schema::field<&audit_log::line::event_id>("event_id", "The event itself (evt_… in the API)."),
    schema::field<&audit_log::line::entity_id>("entity_id", "What it happened to."),
    schema::field<&audit_log::line::lane>("lane", "The lane of the log, the same for all of an organisation."),
    schema::field<&audit_log::line::entity>("entity", "The noun of what it happened to."),
    schema::field<&audit_log::line::action>("action", "What was done: the type of the event."),
    schema::field<&audit_log::line::actor_type>("actor_type", "Who did it: member, key, operator or system."),
    schema::field<&audit_log::line::actor_id>("actor_id", "The member or key; null of the platform's own people."),
    schema::field<&audit_log::line::on_behalf_of>("on_behalf_of", "For whom it was done; null: for oneself."),
    schema::field<&audit_log::line::request_id>("request_id", "The request that asked for it; null: none did."));
