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
#include <string_view>
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

// A place as text, of which a cursor is made: "12" leads on to what is older than seq 12, ">12" back to what is newer.
std::string text_of(const place&);
std::optional<place> read_place(std::string_view);

// One entry: the members of a history and what it happened to; of the audit also where it came from. What cannot be
// read (a type that nobody knows, a damaged key) is null. The loader has learned the event's keys, and they are held.
void write_entry(schema::json_writer&, view, const event_log::recorded&, const lanes::loader&);

// What was done last, as /activity shows it: an array of its entries, the newest first. Of a client: to it and to what
// belongs to it now. One of the answer's reads; it looks at the newest `recent_limits` of the organisation and no
// further.
inline constexpr std::int64_t recent_max = 10;  // entries
inline constexpr page_limits recent_limits{
    .rows_looked_at_max = 2'000,
    .page_bytes_max = 64 * 1024,
};
void write_recent(schema::json_writer&, http::call&, http::query_context&, const std::optional<schema::uuid>& client);

// An entry as a line of RFC 4180: actor in two columns, data and changes as JSON. What a spreadsheet would take for a
// formula is quoted by an apostrophe.
std::string csv_header(view);
void append_csv(std::string& out, view, const event_log::recorded&, const lanes::loader&);

std::span<const http::route> routes();
}  // namespace audit_log
