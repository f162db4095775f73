// GET /api/v1/usage as a client meets it: what there is, what was metered this month, and earlier months.
#include "tests/integration/http/stage.hpp"
#include "tests/kit/eventually.hpp"

#include <doctest/doctest.h>

#include <string>

namespace
{
using http_tests::ask;
using http_tests::stage;
using http_tests::value_of;

// What the answer says of a metric; -1 when it does not.
long used(const std::string& body, const std::string& metric)
{
    const auto at = body.find("{\"metric\":\"" + metric + "\"");
    return at == std::string::npos ? -1 : std::stol(value_of(std::string_view{body}.substr(at), "used"));
}
}  // namespace

TEST_CASE("usage shows what there is, and what was created and called in the month that it is")
{
    stage in;
    const auto of = in.new_tenant("metered", org::plan::starter);
    for (int i = 0; i < 3; ++i)
        CHECK(ask(in, of.key, "POST", "/api/v1/clients", R"({"name": "C"})").status == 201);
    const auto counted = [&] {
        return in.db.run("select coalesce(sum(value), 0) from read.usage_counter where tenant_id = '" + of.id.text() +
                         "' and metric = 'api_calls'");
    };
    CHECK(kit::eventually([&] { return counted() == "3"; }));

    const auto shown = ask(in, of.key, "GET", "/api/v1/usage");
    CHECK(shown.status == 200);
    CHECK(used(shown.body, "clients") == 3);
    CHECK(used(shown.body, "clients_created") == 3);
    CHECK(used(shown.body, "members_created") == 1);
    CHECK(used(shown.body, "comments_created") == 0);
    CHECK(used(shown.body, "api_calls") >= 3);
    CHECK(used(shown.body, "api_calls") <= 4);  // this one may be counted already

    const auto earlier = ask(in, of.key, "GET", "/api/v1/usage?month=2020-02");
    CHECK(earlier.status == 200);
    CHECK(used(earlier.body, "clients") == -1);
    CHECK(used(earlier.body, "clients_created") == 0);
    CHECK(used(earlier.body, "api_calls") == 0);
    CHECK(earlier.body.find("\"month\":\"2020-02\"") != std::string::npos);

    const auto other = in.new_tenant("unmetered");
    CHECK(used(ask(in, other.key, "GET", "/api/v1/usage").body, "clients_created") == 0);
    CHECK(used(ask(in, other.key, "GET", "/api/v1/usage").body, "api_calls") <= 2);

    for (const char* query : {"?month=", "?month=2020-13", "?month=now", "?month=2020-02&month=2020-03", "?year=2020"})
    {
        CAPTURE(query);
        const auto refused = ask(in, of.key, "GET", "/api/v1/usage" + std::string{query});
        CHECK(refused.status == 400);
        CHECK(value_of(refused.body, "code") == "bad_query");
    }
    in.service->stop();
    CHECK(std::stol(counted()) == 10);
}
