// The router over a small table, and the promises of the real one.
#include "http/catalogue.hpp"
#include "http/server/openapi.hpp"
#include "http/server/router.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>

namespace
{
using http::verb;

void nothing(http::call&) {}

constexpr http::route row(verb method, std::string_view pattern, std::string_view operation)
{
    http::route made{method, pattern, operation, "", http::needs::read};
    made.local = nothing;
    return made;
}

constexpr http::route rows[] = {
    row(verb::get, "/things", "list"),
    row(verb::post, "/things", "create"),
    row(verb::get, "/things/{id}", "get"),
    row(verb::patch, "/things/{id}", "change"),
    row(verb::get, "/things/special", "special"),
    row(verb::post, "/things/{id}/parts/{part}/turn", "turn"),
};

const http::router& small()
{
    static const std::span<const http::route> tables[] = {rows};
    static const http::router made{tables};
    return made;
}

std::string found(verb method, std::string_view path)
{
    const auto match = small().find(method, path);
    if (!match.found)
        return match.known_path ? "405 " + std::string{match.allow} : "404";
    return std::string{match.found->operation} + ' ' + std::string{match.ids[0]} + ' ' + std::string{match.ids[1]};
}
}  // namespace

TEST_CASE("paths lead to routes, with the ids on the way")
{
    CHECK(found(verb::get, "/things") == "list  ");
    CHECK(found(verb::head, "/things") == "list  ");
    CHECK(found(verb::get, "/things/abc") == "get abc ");
    CHECK(found(verb::get, "/things/special") == "special  ");
    CHECK(found(verb::post, "/things/a/parts/b/turn") == "turn a b");
}

TEST_CASE("a path that is known under other methods says which")
{
    CHECK(found(verb::delete_, "/things") == "405 GET, HEAD, POST, OPTIONS");
    CHECK(found(verb::other, "/things/abc") == "405 GET, HEAD, PATCH, OPTIONS");
    CHECK(found(verb::patch, "/things/special") == "405 GET, HEAD, OPTIONS");
}

TEST_CASE("everything else is nowhere")
{
    CHECK(found(verb::get, "/") == "404");
    CHECK(found(verb::get, "/things/") == "404");
    CHECK(found(verb::get, "/thing") == "404");
    CHECK(found(verb::get, "/things/a/parts") == "404");
    CHECK(found(verb::get, "/things/a/parts/b/turn/x") == "404");
    CHECK(found(verb::get, "//things") == "404");
}

TEST_CASE("every route of the product has a name of its own, an answer, and a body where it writes")
{
    std::set<std::string_view> operations;
    for (const auto table : http::all_routes())
        for (const http::route& one : table)
        {
            CAPTURE(one.pattern);
            CHECK(operations.insert(one.operation).second);
            CHECK_FALSE(one.summary.empty());
            CHECK((one.command != nullptr) == (one.body != nullptr));
            const bool shows_events =
                one.shape == http::answer_shape::activity || one.shape == http::answer_shape::audit;
            CHECK((one.local != nullptr || one.answer != nullptr || one.is_batch || one.waiting != nullptr ||
                   shows_events));
            CHECK((one.shape == http::answer_shape::page) == (one.listing != nullptr));
            if (one.command)
                CHECK((one.scope == http::needs::write || one.scope == http::needs::admin));
        }
    const http::router real{http::all_routes()};
    CHECK(real.routes().size() == operations.size());
}

TEST_CASE("the OpenAPI document names every operation, and is the same every time")
{
    const auto document = http::openapi_document(http::all_routes(), "1.0.0");
    for (const auto table : http::all_routes())
        for (const http::route& one : table)
            CHECK(document.find("\"operationId\":\"" + std::string{one.operation} + "\"") != std::string::npos);
    CHECK(document == http::openapi_document(http::all_routes(), "1.0.0"));
    CHECK(document.find("member.last_owner") != std::string::npos);
    CHECK(document.find("#/components/schemas/\"") == std::string::npos);
}
