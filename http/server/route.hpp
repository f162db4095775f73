// A route as data, and a request as a route sees it.
//
// Every noun has one constexpr table of these; router, OpenAPI document, metrics and the tests that walk over every
// route all read the same rows. Functions are plain: nothing of coroutines or sockets is to be seen here.
#pragma once

#include "commands/lanes/dispatcher.hpp"
#include "http/server/credentials.hpp"
#include "http/server/headers.hpp"
#include "http/server/message.hpp"
#include "http/server/problem.hpp"
#include "schemas/record.hpp"
#include "schemas/time.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace projection
{
class reader;
struct list_shape;
}  // namespace projection

namespace http
{
struct call;
struct route;
struct ticket;
class live;
class service_face;

class key_use_reader;
class query_pool;
}  // namespace http

namespace lanes
{
class loader;
}

namespace http
{
// What a query thread owns and lends to the query it runs.
struct query_context
{
    projection::reader& models;
    key_use_reader& uses;
    lanes::loader& log;
};

// Answers at once, on the shard. Must not block.
using local_function = void (*)(call&);
// Turns the request into a command: fills `decide`, `shown_as`, `match` and the like; the caller has filled the rest.
// False: it has refused, the answer is in `call::out`.
using command_function = bool (*)(call&, lanes::submission&);
// Has a word in the answer to a decided command, after the usual members are there.
using answered_function = void (*)(call&, const lanes::answer&);
// Runs on a query thread and may block on its context. Sets `call::shown`.
using query_function = void (*)(call&, query_context&);
// Answers in its own time, on the shard: must not block, and wakes the exchange when it has said `parked`.
using waiting_function = next (*)(exchange&, const std::shared_ptr<call>&);

enum class needs : std::uint8_t
{
    nothing,  // no key
    any_key,
    read,
    write,
    admin
};

enum class answer_shape : std::uint8_t
{
    item,
    page,         // {"data": [item…], "next_cursor", "prev_cursor"}
    history,      // the same of events, and what each changed
    activity,     // likewise, of many things: with what each happened to
    audit,        // likewise, and where it came from
    events,       // {"data": [CloudEvent…], "next_after"}
    with_recent,  // the record, without version and ETag; and the newest entries of the activity
    other         // the record, without version and ETag
};

// A filter or other parameter of the query string, for the document and for refusing unknown ones.
struct parameter
{
    std::string_view name;
    std::string_view note;
};

inline constexpr std::array history_parameters{
    parameter{"limit", "Events per page: 1 to 200, 50 when left out."},
    parameter{"cursor", "Where to go on, from next_cursor."},
};

// Of items whose past can be asked for.
inline constexpr std::array past_parameters{
    parameter{"at", "The item as it was: a version, or a time (RFC 3339)."},
    parameter{"by", "Which time is meant: recorded, or occurred."},
};

struct route
{
    verb method = verb::get;
    std::string_view pattern;    // "/api/v1/projects/{id}"
    std::string_view operation;  // the operationId: fixed for ever
    std::string_view summary;
    needs scope = needs::read;
    local_function local = nullptr;  // exactly one of the five
    command_function command = nullptr;
    query_function query = nullptr;
    bool is_batch = false;  // many commands of other routes in one body
    waiting_function waiting = nullptr;
    answered_function answered = nullptr;
    const schema::record_type* body = nullptr;
    bool body_may_be_absent = false;
    const schema::record_type* answer = nullptr;
    answer_shape shape = answer_shape::item;
    bool creates = false;  // 201 and Location
    std::span<const domain_code> codes{};
    std::span<const parameter> parameters{};
    const projection::list_shape& (*listing)() = nullptr;  // of a page: filters and sorts
    std::size_t body_bytes_max = 256 * 1024;
    std::string_view media = "application/json";  // of the answer
    bool takes_ticket = false;                    // ?ticket= stands for a key

    constexpr bool writes() const { return command || is_batch; }
    // Answers as CSV, too, to who wants it.
    constexpr bool has_csv() const
    {
        return query && (shape == answer_shape::activity || shape == answer_shape::audit ||
                         (shape == answer_shape::page && listing));
    }
};

// The rows that most nouns have; their tables read as one line per route.
constexpr route create_row(std::string_view pattern, std::string_view operation, std::string_view summary,
                           command_function run, const schema::record_type& body, const schema::record_type& answer,
                           std::span<const domain_code> codes, needs scope = needs::write)
{
    route made{verb::post, pattern, operation, summary, scope};
    made.command = run;
    made.body = &body;
    made.answer = &answer;
    made.creates = true;
    made.codes = codes;
    return made;
}

// PATCH, DELETE and the verbs; only PATCH needs a body.
constexpr route change_row(verb method, std::string_view pattern, std::string_view operation, std::string_view summary,
                           command_function run, const schema::record_type& body, const schema::record_type& answer,
                           std::span<const domain_code> codes, needs scope = needs::write)
{
    route made = create_row(pattern, operation, summary, run, body, answer, codes, scope);
    made.method = method;
    made.creates = false;
    made.body_may_be_absent = method != verb::patch;
    return made;
}

constexpr route page_row(std::string_view pattern, std::string_view operation, std::string_view summary,
                         query_function run, const schema::record_type& answer,
                         const projection::list_shape& (*listing)())
{
    route made{verb::get, pattern, operation, summary, needs::read};
    made.query = run;
    made.answer = &answer;
    made.shape = answer_shape::page;
    made.listing = listing;
    return made;
}

constexpr route history_row(std::string_view pattern, std::string_view operation, std::string_view summary,
                            query_function run, const schema::record_type& item)
{
    route made{verb::get, pattern, operation, summary, needs::read};
    made.query = run;
    made.answer = &item;
    made.shape = answer_shape::history;
    made.parameters = history_parameters;
    return made;
}

constexpr route item_row(std::string_view pattern, std::string_view operation, std::string_view summary,
                         query_function run, const schema::record_type& answer)
{
    route made{verb::get, pattern, operation, summary, needs::read};
    made.query = run;
    made.answer = &answer;
    return made;
}

// An item whose past can be asked for.
constexpr route remembered_row(std::string_view pattern, std::string_view operation, std::string_view summary,
                               query_function run, const schema::record_type& answer)
{
    route made = item_row(pattern, operation, summary, run, answer);
    made.parameters = past_parameters;
    return made;
}

// One request on its way, as routes see it. Belongs to its exchange; used by one thread at a time.
struct call
{
    const request* in = nullptr;
    reply* out = nullptr;
    service_face* server = nullptr;
    const route* where = nullptr;
    std::uint32_t route_number = 0;
    std::string plain_path;                     // when the path was sent with %XX; `ids` then point here
    std::array<std::string_view, 2> ids{};      // the path's parameters, in order
    std::shared_ptr<const principal> who;       // set where the route needs a key
    std::string key_digest;                     // of it
    std::shared_ptr<const ticket> used_ticket;  // sent instead of it, and not written down as used yet
    std::string client;                         // the address that asks, proxies apart
    std::string request_id;
    std::string_view traceparent;
    schema::moment accepted;
    std::chrono::steady_clock::time_point accepted_steady;
    preference prefer;
    static constexpr std::string_view is_options = "OPTIONS";
    std::string_view wrong;  // no route serves this: the code that says why, or `is_options`
    std::string_view allow;  // what the path offers
    bool patchable = false;
    std::shared_ptr<const principal> denied;  // whose key was not good, or not any more
    accesses::reason denied_for = accesses::reason::scope;
    bool unlimited = false;    // health: whoever asks, as often as they like
    std::string_view code;     // of the problem answered, for log and metrics
    std::string problem_code;  // keeps `code` alive

    // Queries.
    std::optional<event_log::position> at_least;  // the read must not be older
    bool foreign_incarnation = false;             // the client's position is of another history: stale whatever we do
    std::optional<event_log::position> shown;     // how new the answer is: the lowest of its reads
    std::string shown_incarnation;
    bool stale = false;                       // a parked key, or not as new as asked
    bool wants_csv = false;                   // where the route has it
    std::shared_ptr<const void> export_slot;  // then: the key's, until the answer is sent

    // Commands.
    bool is_rehearsal = false;  // ?dry_run=true: nothing is to happen
    std::string secret;         // shown once, in this answer
    bool submitted = false;     // from then on only the lane writer knows what happened

    void refuse(const problem&);
    void refuse(std::string_view with) { refuse(make_problem(with)); }
    // An item as the answer: ETag, 304 when If-None-Match names it.
    void answer_item(std::string json, std::int64_t version);
    void answer_json(std::string json);
};

// What routes may ask of the service.
class service_face
{
public:
    virtual ~service_face() = default;
    virtual schema::uuid make_id(schema::moment) = 0;  // on shard threads
    virtual std::string incarnation() const = 0;
    virtual const std::string& upgrade_url() const = 0;
    virtual std::string_view openapi() const = 0;
    virtual std::span<const domain_code> domain_codes() const = 0;
    virtual void show_health(reply&) const = 0;
    virtual event_log::keyring& keys() = 0;
    virtual query_pool& queries() = 0;  // for what goes on after a query has answered
    virtual live& streams() = 0;
    virtual std::int64_t audit_days() const = 0;  // how far back the audit is shown; 0: to the beginning
};
}  // namespace http
