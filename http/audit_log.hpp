// GET /activity and GET /audit: who did what. Activity is the work on clients, projects, tasks, comments and time, for
// everybody who reads; audit is every event of the organisation, with where it came from, for administrators.
#pragma once

#include "events/log/envelope.hpp"
#include "http/server/problem.hpp"
#include "http/server/route.hpp"
#include "projections/audit_log.hpp"
#include "schemas/json_writer.hpp"

#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace audit_log
{
enum class view
{
    activity,
    audit
};

// A query string as a question. Refused with bad_query.
struct asked
{
    question what;
    std::string filters;                // in one spelling: what a cursor is bound to
    std::optional<std::string> cursor;  // as sent
};
schema::result<asked, http::problem> read_question(view, const std::vector<std::pair<std::string, std::string>>& sent);

// One entry: the members of a history and what it happened to; of the audit also where it came from. What cannot be
// read (a type that nobody knows, a damaged key) is null. The loader has learned the event's keys.
void write_entry(schema::json_writer&, view, const event_log::recorded&, const lanes::loader&);

// The same as a line of RFC 4180: actor in two columns, data and changes as JSON. What a spreadsheet would take for a
// formula is quoted by an apostrophe.
std::string csv_header(view);
void append_csv(std::string& out, view, const event_log::recorded&, const lanes::loader&);

std::span<const http::route> routes();
}  // namespace audit_log
