// Every refusal that leaves the server: application/problem+json (RFC 9457), from one table of codes.
//
// Codes are public and stay for ever. The machine's own are in the table of problem.cpp; nouns bring theirs with their
// routes (`domain_code`). What a refusal says never depends on whether a thing of another tenant exists.
#pragma once

#include "commands/lanes/decision.hpp"
#include "http/server/message.hpp"
#include "schemas/result.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace http
{
struct problem_kind
{
    std::string_view code;
    int status = 500;
    std::string_view title;
    bool retryable = false;
};

// Of the machine itself, in the order of their status.
std::span<const problem_kind> problem_kinds();
// nullptr: no such code among them.
const problem_kind* find_problem(std::string_view code);

// A noun's own refusal, listed with its routes.
struct domain_code
{
    std::string_view code;  // "member.last_owner"
    int status = 409;
    std::string_view title;
};

struct problem
{
    std::string_view code;  // of the table, or of the refusal below
    int status = 0;         // 0: the table's
    std::string detail;     // empty: the title
    schema::faults faults;
    bool outcome_unknown = false;  // `applied` is "unknown" instead of "no"
    int retry_after_seconds = 0;   // 0: none; set for 429 and 503 when rendered without one

    // Members that only some codes have.
    std::string state;
    std::vector<std::string> allowed_verbs;
    std::string metric;
    std::int64_t limit = 0;
    std::int64_t used = 0;
    std::optional<std::int64_t> current_version;  // 412: sent as ETag
    std::string owned_code;                       // keeps `code` alive when it is not static
};

problem make_problem(std::string_view code, std::string detail = {});
problem bad_query(std::string parameter, std::string message);
problem bad_header(std::string header, std::string message);
problem of_refusal(const lanes::refusal&);

struct problem_surroundings
{
    std::string_view instance;  // the request's path
    std::string_view request_id;
    std::string_view upgrade_url;
};

// Fills status, content type, body, Retry-After, WWW-Authenticate and ETag of the reply; other fields stay as they are.
void render(const problem&, const problem_surroundings&, reply&);

// The page behind /problems/<code>, as HTML; nothing when there is no such code.
std::optional<std::string> problem_page(std::string_view code, std::span<const domain_code> of_nouns);
}  // namespace http
