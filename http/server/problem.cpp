#include "http/server/problem.hpp"

#include "http/server/jitter.hpp"
#include "schemas/json_writer.hpp"

#include <algorithm>
#include <array>

namespace http
{
namespace
{
constexpr std::array kinds{
    problem_kind{"malformed", 400, "The bytes of the request are not what they claim to be."},
    problem_kind{"bad_query", 400, "A parameter or a header is unknown or cannot be read."},
    problem_kind{"bad_cursor", 400, "The cursor does not belong to this list."},
    problem_kind{"unauthenticated", 401, "A valid API key is needed."},
    problem_kind{"plan_limit_reached", 402, "The plan's limit is reached."},
    problem_kind{"forbidden", 403, "The key does not permit this."},
    problem_kind{"org.suspended", 403, "The organisation is suspended; it can be read, not written."},
    problem_kind{"not_found", 404, "There is no such thing here."},
    problem_kind{"method_not_allowed", 405, "The method is not offered here."},
    problem_kind{"not_acceptable", 406, "The answer exists in none of the accepted forms."},
    problem_kind{"request_timeout", 408, "The request did not arrive in time.", true},
    problem_kind{"conflict", 409, "Others changed the same thing at the same time; try again.", true},
    problem_kind{"idempotency_in_flight", 409, "A request with this Idempotency-Key is still being decided.", true},
    problem_kind{"already_exists", 409, "It exists already, made from other members."},
    problem_kind{"state_conflict", 409, "Its state does not allow this."},
    problem_kind{"version_mismatch", 412, "It has changed since the version named in If-Match."},
    problem_kind{"too_large", 413, "The body is larger than this route reads."},
    problem_kind{"uri_too_long", 414, "The request's target is longer than this server reads."},
    problem_kind{"unsupported_media_type", 415, "The body's media type is not read here."},
    problem_kind{"invalid", 422, "Members of the body are not as they must be."},
    problem_kind{"idempotency_key_reused", 422, "This Idempotency-Key was used with another request."},
    problem_kind{"batch_refused", 424, "Another command of the batch was refused; nothing of it happened."},
    problem_kind{"rate_limited", 429, "Too many requests; wait a little.", true},
    problem_kind{"headers_too_large", 431, "The header fields are larger than this server reads."},
    problem_kind{"internal", 500, "Something failed here.", true},
    problem_kind{"busy", 503, "The server is busy; nothing happened.", true},
    problem_kind{"unavailable", 503, "The store cannot be reached.", true},
    problem_kind{"not_yet", 503, "The read is not as new as asked yet.", true},
};

std::string_view title_of(const problem& what)
{
    const auto* kind = find_problem(what.code);
    if (kind)
        return kind->title;
    if (what.code.ends_with(".archived"))
        return "It is archived; restore it first.";
    return "A rule of the organisation does not allow this.";
}

std::string_view name_of(schema::fault::place where)
{
    switch (where)
    {
    case schema::fault::place::pointer:
        return "pointer";
    case schema::fault::place::parameter:
        return "parameter";
    case schema::fault::place::header:
        return "header";
    }
    return "pointer";
}

int status_of(lanes::refusal_kind kind)
{
    switch (kind)
    {
    case lanes::refusal_kind::not_found:
        return 404;
    case lanes::refusal_kind::invalid:
        return 422;
    case lanes::refusal_kind::conflict:
        return 409;
    case lanes::refusal_kind::limit:
        return 402;
    case lanes::refusal_kind::forbidden:
        return 403;
    case lanes::refusal_kind::mismatch:
        return 412;
    case lanes::refusal_kind::reused:
        return 422;
    case lanes::refusal_kind::sibling:
        return 424;
    case lanes::refusal_kind::busy:
        return 503;
    }
    return 500;
}

std::string_view usual_code_of(lanes::refusal_kind kind)
{
    switch (kind)
    {
    case lanes::refusal_kind::not_found:
        return "not_found";
    case lanes::refusal_kind::invalid:
        return "invalid";
    case lanes::refusal_kind::conflict:
        return "conflict";
    case lanes::refusal_kind::limit:
        return "plan_limit_reached";
    case lanes::refusal_kind::forbidden:
        return "forbidden";
    case lanes::refusal_kind::mismatch:
        return "version_mismatch";
    case lanes::refusal_kind::reused:
        return "idempotency_key_reused";
    case lanes::refusal_kind::sibling:
        return "batch_refused";
    case lanes::refusal_kind::busy:
        return "busy";
    }
    return "internal";
}

void write_faults(schema::json_writer& json, const schema::faults& faults)
{
    json.key("errors").begin_array();
    for (const schema::fault& one : faults)
        json.begin_object()
            .member(name_of(one.in), one.where)
            .member("code", one.code)
            .member("message", one.message)
            .end_object();
    json.end_array();
}

void write_special_members(schema::json_writer& json, const problem& what, std::string_view upgrade_url)
{
    if (what.code == "plan_limit_reached")
        json.member("metric", what.metric)
            .key("limit")
            .integer(what.limit)
            .key("used")
            .integer(what.used)
            .member("upgrade_url", upgrade_url);
    if (what.code == "state_conflict")
    {
        json.member("state", what.state).key("allowed_verbs").begin_array();
        for (const std::string& verb : what.allowed_verbs)
            json.string(verb);
        json.end_array();
    }
}
}  // namespace

std::span<const problem_kind> problem_kinds() { return kinds; }

const problem_kind* find_problem(std::string_view code)
{
    const auto found = std::find_if(kinds.begin(), kinds.end(), [&](const auto& kind) { return kind.code == code; });
    return found == kinds.end() ? nullptr : &*found;
}

problem make_problem(std::string_view code, std::string detail)
{
    problem made;
    made.code = code;
    made.detail = std::move(detail);
    return made;
}

problem bad_query(std::string parameter, std::string message)
{
    problem made = make_problem("bad_query", message);
    made.faults.push_back({schema::fault::place::parameter, std::move(parameter), "invalid", std::move(message)});
    return made;
}

problem bad_header(std::string header, std::string message)
{
    problem made = make_problem("bad_query", message);
    made.faults.push_back({schema::fault::place::header, std::move(header), "invalid", std::move(message)});
    return made;
}

problem of_refusal(const lanes::refusal& refused)
{
    problem made;
    made.owned_code = refused.code.empty() ? std::string{usual_code_of(refused.kind)} : refused.code;
    made.status = status_of(refused.kind);
    made.faults = refused.faults;
    made.state = refused.state;
    made.allowed_verbs = refused.allowed_verbs;
    made.metric = refused.metric;
    made.limit = refused.limit;
    made.used = refused.used;
    if (refused.kind == lanes::refusal_kind::mismatch)
        made.current_version = refused.version;
    if (refused.kind != lanes::refusal_kind::not_found)  // the same words for everything that is not there
        made.detail = refused.detail;
    return made;
}

void render(const problem& what, const problem_surroundings& at, reply& out)
{
    problem said = what;
    if (!said.owned_code.empty())
        said.code = said.owned_code;
    const auto* kind = find_problem(said.code);
    const auto title = title_of(said);
    out.status = said.status != 0 ? said.status : kind ? kind->status : 409;
    out.content_type = "application/problem+json";
    out.borrowed_body = {};
    out.source = nullptr;
    out.body.clear();
    const std::string_view detail = said.detail.empty() ? title : std::string_view{said.detail};
    const bool is_internal = out.status == 500;

    schema::json_writer json{out.body};
    json.begin_object();
    json.member("type", "/problems/" + std::string{said.code}).member("title", title);
    json.key("status").integer(out.status);
    json.member("detail", is_internal ? title : detail).member("instance", at.instance).member("code", said.code);
    json.member("request_id", at.request_id);
    json.key("retryable").boolean(kind && kind->retryable);
    json.member("applied", said.outcome_unknown ? "unknown" : "no");
    write_faults(json, said.faults);
    json.member("error", is_internal ? title : detail);
    write_special_members(json, said, at.upgrade_url);
    json.end_object();

    if (out.status == 401)
        out.add("WWW-Authenticate", "Bearer");
    if (said.retry_after_seconds == 0 && (out.status == 429 || out.status == 503))
        said.retry_after_seconds = jittered(1, 3);
    if (said.retry_after_seconds > 0)
        out.add("Retry-After", std::to_string(said.retry_after_seconds));
    if (said.current_version && *said.current_version > 0)
        out.add("ETag", '"' + std::to_string(*said.current_version) + '"');
}

std::optional<std::string> problem_page(std::string_view code, std::span<const domain_code> of_nouns)
{
    std::string_view title;
    int status = 0;
    if (const auto* kind = find_problem(code))
        title = kind->title, status = kind->status;
    else if (const auto found =
                 std::find_if(of_nouns.begin(), of_nouns.end(), [&](const auto& one) { return one.code == code; });
             found != of_nouns.end())
        title = found->title, status = found->status;
    else
        return std::nullopt;
    std::string page = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>";
    page.append(code)
        .append("</title><h1>")
        .append(code)
        .append("</h1><p>")
        .append(title)
        .append("</p><p>HTTP status ");
    page.append(std::to_string(status)).append(".</p></html>\n");
    return page;
}
}  // namespace http
