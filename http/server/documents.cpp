#include "http/server/documents.hpp"

#include "http/server/asyncapi.hpp"
#include "http/server/health.hpp"

#include <array>

namespace http
{
namespace
{
void show_openapi(call& c)
{
    c.out->content_type = "application/json";
    c.out->borrowed_body = c.server->openapi();
}

void show_asyncapi(call& c)
{
    static const std::string text = asyncapi_document();
    c.out->content_type = "application/json";
    c.out->borrowed_body = text;
}

void show_problem_page(call& c)
{
    auto page = problem_page(c.ids[0], c.server->domain_codes());
    if (!page)
        return c.refuse("not_found");
    c.out->content_type = "text/html; charset=utf-8";
    c.out->body = std::move(*page);
}

constexpr route document_row(std::string_view pattern, std::string_view operation, std::string_view summary,
                             local_function show, std::string_view media)
{
    route made{verb::get, pattern, operation, summary, needs::nothing};
    made.local = show;
    made.shape = answer_shape::other;
    made.media = media;
    return made;
}

void show_health(call& c) { c.server->show_health(*c.out); }

constexpr route health_row()
{
    auto made = document_row("/api/health", "getHealth", "Says whether the service is well, without a key or limits.",
                             show_health, "application/json");
    made.answer = &schema::schema_of<health_report>;
    return made;
}

constexpr std::array table{
    health_row(),
    document_row("/api/openapi.json", "getOpenapi", "Shows this document.", show_openapi, "application/json"),
    document_row("/api/asyncapi.json", "getAsyncapi", "Shows the events that are told outside.", show_asyncapi,
                 "application/json"),
    document_row("/problems/{code}", "getProblemPage", "Says what a problem code means.", show_problem_page,
                 "text/html"),
};
}  // namespace

std::span<const route> document_routes() { return table; }
}  // namespace http
