#include "http/server/problem.hpp"

#include <doctest/doctest.h>

#include <string>

namespace
{
http::reply rendered(const http::problem& what)
{
    http::reply out;
    http::render(what, {"/api/v1/projects/x", "req_12345678", "/plans"}, out);
    return out;
}

bool says(const http::reply& out, const std::string& part) { return out.body.find(part) != std::string::npos; }
}  // namespace

TEST_CASE("every problem has all members, in the form of RFC 9457")
{
    const auto out = rendered(http::make_problem("not_found"));
    CHECK(out.status == 404);
    CHECK(out.content_type == "application/problem+json");
    CHECK(out.body ==
          "{\"type\":\"/problems/not_found\",\"title\":\"There is no such thing here.\",\"status\":404,"
          "\"detail\":\"There is no such thing here.\",\"instance\":\"/api/v1/projects/x\",\"code\":\"not_found\","
          "\"request_id\":\"req_12345678\",\"retryable\":false,\"applied\":\"no\",\"errors\":[],"
          "\"error\":\"There is no such thing here.\"}");
    CHECK(out.fields.empty());
}

TEST_CASE("codes of the table carry the contract's status")
{
    const std::pair<std::string_view, int> contract[] = {
        {"malformed", 400},
        {"bad_query", 400},
        {"bad_cursor", 400},
        {"unauthenticated", 401},
        {"plan_limit_reached", 402},
        {"forbidden", 403},
        {"org.suspended", 403},
        {"not_found", 404},
        {"method_not_allowed", 405},
        {"not_acceptable", 406},
        {"request_timeout", 408},
        {"conflict", 409},
        {"idempotency_in_flight", 409},
        {"already_exists", 409},
        {"state_conflict", 409},
        {"version_mismatch", 412},
        {"too_large", 413},
        {"uri_too_long", 414},
        {"unsupported_media_type", 415},
        {"invalid", 422},
        {"idempotency_key_reused", 422},
        {"batch_refused", 424},
        {"rate_limited", 429},
        {"headers_too_large", 431},
        {"internal", 500},
        {"busy", 503},
        {"unavailable", 503},
        {"not_yet", 503},
    };
    for (const auto& [code, status] : contract)
    {
        CHECK(rendered(http::make_problem(code)).status == status);
        CHECK(http::problem_page(code, {}).has_value());
    }
    CHECK(std::size(contract) == http::problem_kinds().size());
    CHECK_FALSE(http::problem_page("nothing_of_the_kind", {}));
}

TEST_CASE("429 and 503 say when to come back, 401 how to come in")
{
    CHECK(rendered(http::make_problem("busy")).fields.starts_with("Retry-After: "));
    CHECK(rendered(http::make_problem("rate_limited")).fields.starts_with("Retry-After: "));
    CHECK(rendered(http::make_problem("unauthenticated")).fields == "WWW-Authenticate: Bearer\r\n");
}

TEST_CASE("a refusal of the domain keeps its code and the members that only it has")
{
    lanes::refusal limit{lanes::refusal_kind::limit, "plan_limit_reached", "Full.", {}, {}, {}, "projects", 5, 5, 0};
    const auto full = rendered(http::of_refusal(limit));
    CHECK(full.status == 402);
    CHECK(says(full, "\"metric\":\"projects\",\"limit\":5,\"used\":5,\"upgrade_url\":\"/plans\""));

    lanes::refusal state{lanes::refusal_kind::conflict, "state_conflict", "No.", {}, "done", {"reopen"}, {}, 0, 0, 0};
    CHECK(says(rendered(http::of_refusal(state)), "\"state\":\"done\",\"allowed_verbs\":[\"reopen\"]"));

    lanes::refusal stale{lanes::refusal_kind::mismatch, "version_mismatch", "No.", {}, {}, {}, {}, 0, 0, 7};
    CHECK(rendered(http::of_refusal(stale)).fields == "ETag: \"7\"\r\n");

    lanes::refusal last{
        lanes::refusal_kind::conflict, "member.last_owner", "The last owner stays.", {}, {}, {}, {}, 0, 0, 0};
    CHECK(says(rendered(http::of_refusal(last)), "\"code\":\"member.last_owner\""));
}

TEST_CASE("what is not there is told in the same words, whatever the decider said")
{
    lanes::refusal foreign{
        lanes::refusal_kind::not_found, "not_found", "It belongs to somebody else.", {}, {}, {}, {}, 0, 0, 0};
    CHECK(rendered(http::of_refusal(foreign)).body == rendered(http::make_problem("not_found")).body);
}

TEST_CASE("an internal failure says nothing but the request id")
{
    const auto out = rendered(http::make_problem("internal", "password=secret at 0x1234"));
    CHECK(out.status == 500);
    CHECK_FALSE(says(out, "secret"));
    CHECK(says(out, "\"request_id\":\"req_12345678\""));
}

TEST_CASE("an outcome that is not known is told as unknown")
{
    auto what = http::make_problem("unavailable");
    what.outcome_unknown = true;
    CHECK(says(rendered(what), "\"applied\":\"unknown\""));
}

TEST_CASE("faults of parameters, headers and members stand where they belong")
{
    CHECK(says(rendered(http::bad_query("limit", "Too small.")), "{\"parameter\":\"limit\",\"code\":\"invalid\""));
    CHECK(says(rendered(http::bad_header("If-Match", "No.")), "{\"header\":\"If-Match\""));
}
