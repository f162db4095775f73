// Which changes of the API break its old clients, by two tables of routes: as it was, and as it is.
#include "events/task.hpp"
#include "http/catalogue.hpp"
#include "http/server/api_breaks.hpp"
#include "http/server/openapi.hpp"
#include "projections/project.hpp"
#include "projections/task.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

using lines = std::vector<std::string>;

namespace
{
using http::answer_shape;
using http::needs;
using http::route;
using http::verb;

constexpr std::array codes{http::domain_code{"task.too_heavy", 409, "It is too heavy."}};
constexpr std::array taken{http::parameter{"colour", "One colour."}};

route things()
{
    route made{verb::get, "/things", "listThings", "Lists things.", needs::read};
    made.answer = &schema::schema_of<task::item>;
    made.shape = answer_shape::page;
    made.query = [](http::call&, http::query_context&) {};
    made.listing = task::listing;
    return made;
}

route thing()
{
    route made{verb::post, "/things/{id}/lift", "liftThing", "Lifts a thing.", needs::write};
    made.command = [](http::call&, lanes::submission&) { return true; };
    made.body = &schema::schema_of<task::item>;
    made.body_may_be_absent = true;
    made.answer = &schema::schema_of<task::item>;
    made.codes = codes;
    made.parameters = taken;
    return made;
}

std::string document(const std::vector<route>& routes)
{
    const std::span<const route> tables[] = {routes};
    return http::openapi_document(tables, "1.0.0");
}

lines breaks(const std::vector<route>& now) { return http::api_breaks(document({things(), thing()}), document(now)); }

template <class Change>
route changed(route one, Change change)
{
    change(one);
    return one;
}
}  // namespace

TEST_CASE("the same routes, more of them, other words and a lower scope break nobody")
{
    CHECK(breaks({things(), thing()}).empty());
    CHECK(breaks({things(), thing(), changed(thing(), [](route& r) { r.pattern = "/things/{id}/drop"; })}).empty());
    CHECK(breaks({things(), changed(thing(),
                                    [](route& r) {
                                        r.summary = "Raises a thing.";
                                        r.scope = needs::read;
                                    })})
              .empty());
    const auto real = http::openapi_document(http::all_routes(), "1.0.0");
    CHECK(http::api_breaks(real, http::openapi_document(http::all_routes(), "2.0.0")).empty());
}

TEST_CASE("a route that is gone, renamed, under another method or another scope is named")
{
    CHECK(breaks({things()}) == lines{"POST /things/{id}/lift: removed"});
    CHECK(breaks({things(), changed(thing(), [](route& r) { r.method = verb::patch; })}) ==
          lines{"POST /things/{id}/lift: removed"});
    CHECK(breaks({things(), changed(thing(), [](route& r) { r.operation = "raiseThing"; })}) ==
          lines{"POST /things/{id}/lift: operationId changed from liftThing to raiseThing"});
    CHECK(breaks({things(), changed(thing(), [](route& r) { r.scope = needs::admin; })}) ==
          lines{"POST /things/{id}/lift: needs the scope admin now"});
}

TEST_CASE("a filter, a range, a sort or another parameter that is gone is named")
{
    const auto of_projects = breaks({changed(things(), [](route& r) { r.listing = project::listing; }), thing()});
    const auto told = [&](const std::string& what) {
        return std::ranges::find(of_projects, "GET /things: parameter " + what + " removed") != of_projects.end();
    };
    CHECK(told("priority"));
    CHECK(told("completed_at"));
    CHECK(told("completed_at[gte]"));
    CHECK(told("sort: value \"title\""));
    CHECK(told("sort: value \"-priority\""));
    CHECK_FALSE(told("status"));
    CHECK_FALSE(told("due_on[lt]"));
    CHECK(breaks({things(), changed(thing(), [](route& r) { r.parameters = {}; })}) ==
          lines{"POST /things/{id}/lift: parameter colour removed"});
}

TEST_CASE("another body, another answer, a code that is gone are named")
{
    CHECK(breaks({things(), changed(thing(), [](route& r) { r.body = &schema::schema_of<task::created>; })}) ==
          lines{"POST /things/{id}/lift: body changed from task to task.created"});
    CHECK(breaks({things(), changed(thing(), [](route& r) { r.body_may_be_absent = false; })}) ==
          lines{"POST /things/{id}/lift: a body is required now"});
    CHECK(breaks({things(), changed(thing(), [](route& r) { r.codes = {}; })}) ==
          lines{"POST /things/{id}/lift: code task.too_heavy (409) removed"});
    CHECK(breaks({things(), changed(thing(), [](route& r) { r.answer = &schema::schema_of<task::created>; })}) ==
          lines{"POST /things/{id}/lift: answer 200 changed from task to task.created"});
    const auto item = breaks({changed(things(), [](route& r) { r.shape = answer_shape::item; }), thing()});
    CHECK(std::ranges::find(item, "GET /things: answer 200 changed from page of task to task") != item.end());
    // With one form or with several, the first is what old clients know.
    auto plain = document({thing()});
    const auto forms = plain.find("{\"anyOf\":[");
    const auto first = plain.find('{', forms + 1);
    const auto end = plain.find("}]}", forms);  // of the whole: nothing in it is a list of objects
    REQUIRE(end != std::string::npos);
    plain.replace(forms, end + 3 - forms, plain.substr(first, plain.find('}', first) + 1 - first));
    CHECK(http::api_breaks(plain, document({thing()})).empty());
    auto created = document({changed(thing(), [](route& r) { r.creates = true; })});
    CHECK(http::api_breaks(created, document({thing()})) == lines{"POST /things/{id}/lift: answer 201 removed"});
}

TEST_CASE("a member of problems that is gone, or may be absent, is named")
{
    std::string old = document({thing()});
    old.replace(old.find("\"upgrade_url\":{"), 15, "\"upgrade\":{");
    CHECK(http::api_breaks(old, document({thing()})) == lines{"problem: upgrade removed"});
    old = document({thing()});
    const std::string_view mark = R"("required":["type",)";
    old.insert(old.find(mark) + mark.size(), R"("metric",)");
    CHECK(http::api_breaks(old, document({thing()})) == lines{"problem: metric may be absent now"});
}

TEST_CASE("what is not a document of ours is not compared")
{
    CHECK_THROWS_AS(http::api_breaks("cut", document({})), std::invalid_argument);
    CHECK_THROWS_AS(http::api_breaks("{}", document({})), std::invalid_argument);
}
