// ?dry_run=true: the answer that a write would get, and nothing of the write.
#include "events/member.hpp"
#include "tests/integration/http/stage.hpp"

#include <doctest/doctest.h>

#include <string>
#include <thread>
#include <vector>

namespace
{
using http_tests::ask;
using http_tests::value_of;

http_tests::stage& shared()
{
    static http_tests::stage made;
    return made;
}

struct given_an_organisation
{
    explicit given_an_organisation(org::plan plan = org::plan::business)
        : of(shared().new_tenant("rehearsal-" + std::to_string(++count()), plan))
    {}

    kit::reply send(std::string_view method, const std::string& target, const std::string& body = "",
                    kit::header_list more = {}) const
    {
        return ask(shared(), of.key, method, target, body, std::move(more));
    }
    std::string made(const std::string& path, const std::string& body) const
    {
        const auto reply = send("POST", path, body);
        REQUIRE_MESSAGE(reply.status == 201, reply.body);
        return value_of(reply.body, "id");
    }
    // Rows of everything that an append could have written for the organisation.
    std::string rows() const
    {
        const auto count = [&](const char* table) {
            return shared().db.run(std::string{"select count(*) from es."} + table + " where tenant_id = '" +
                                   of.id.text() + "'");
        };
        return count("event") + ' ' + count("receipt") + ' ' + count("claim") + ' ' + count("quota") + ' ' +
               count("subject_key");
    }

    http_tests::tenant of;

private:
    static int& count()
    {
        static int made = 0;
        return made;
    }
};
}  // namespace

TEST_CASE("a rehearsed create answers what would be, and nothing is there afterwards")
{
    const given_an_organisation here;
    const auto before = here.rows();
    const std::string body = R"({"name": "Ann", "email": "ann@example.com"})";
    const auto said = here.send("POST", "/api/v1/clients?dry_run=true", body, {{"Idempotency-Key", "once"}});
    CHECK_MESSAGE(said.status == 201, said.body);
    CHECK_FALSE(said.header("Location"));
    CHECK_FALSE(said.header("ETag"));
    CHECK(said.body.starts_with("{\"item\":{\"id\":\"client_"));
    CHECK(said.body.find("\"events\":[{\"type\":\"client.created\",\"version\":1,\"data\":{") != std::string::npos);
    CHECK(said.body.find("ann@example.com", said.body.find("events")) != std::string::npos);  // not sealed
    CHECK(here.rows() == before);
    CHECK(here.send("GET", "/api/v1/clients").body.starts_with("{\"data\":[],"));

    const auto real = here.send("POST", "/api/v1/clients", body, {{"Idempotency-Key", "once"}});
    CHECK(real.status == 201);
    CHECK_FALSE(real.header("Idempotency-Replayed"));
}

TEST_CASE("a rehearsed change shows the next version, and the item stays as it is")
{
    const given_an_organisation here;
    const auto path = "/api/v1/clients/" + here.made("/api/v1/clients", R"({"name": "Ann"})");
    const auto said = here.send("PATCH", path + "?dry_run=true", R"({"name": "Bob"})");
    CHECK(said.status == 200);
    CHECK(said.body.find("\"name\":\"Bob\"") != std::string::npos);
    CHECK(value_of(said.body, "version") == "2");
    for (int again = 0; again < 2; ++again)  // from the writer's cache as from the log
        CHECK(here.send("PATCH", path, R"({"name": "Ann"})").header("ETag") == "\"1\"");
    CHECK(here.send("PATCH", path, R"({"name": "Cid"})").header("ETag") == "\"2\"");

    const auto nothing = here.send("PATCH", path + "?dry_run=true", R"({"name": "Cid"})");
    CHECK(nothing.status == 200);
    CHECK(nothing.body.ends_with("\"events\":[]}"));
    CHECK(here.send("DELETE", path + "?dry_run=true").body.find("client.archived") != std::string::npos);
    CHECK(here.send("GET", path).status == 200);
}

TEST_CASE("a rehearsal is refused as the write would be")
{
    const given_an_organisation here{org::plan::starter};
    const auto same = [&](std::string_view method, const std::string& path, const std::string& body, int status,
                          std::string_view code, kit::header_list more = {}) {
        const auto before = here.rows();
        const auto rehearsed = here.send(method, path + "?dry_run=true", body, more);
        CHECK(here.rows() == before);
        const auto real = here.send(method, path, body, more);
        CHECK_MESSAGE(rehearsed.status == status, rehearsed.body);
        CHECK(real.status == status);
        CHECK(value_of(rehearsed.body, "code") == code);
        CHECK(value_of(real.body, "code") == code);
        CHECK(value_of(rehearsed.body, "detail") == value_of(real.body, "detail"));
    };
    const auto member = R"({"name": "Ann", "email": "ann@example.com", "role": "member"})";
    here.made("/api/v1/members", member);
    same("POST", "/api/v1/members", member, 409, "already_exists");
    for (int i = 0; i < 5; ++i)
        here.made("/api/v1/projects", R"({"name": "P"})");
    same("POST", "/api/v1/projects", R"({"name": "one too many"})", 402, "plan_limit_reached");
    const auto path = "/api/v1/clients/" + here.made("/api/v1/clients", R"({"name": "Ann"})");
    same("PATCH", path, R"({"name": "Bob"})", 412, "version_mismatch", {{"If-Match", "\"7\""}});
    same("PATCH", path, R"({"name": ""})", 422, "invalid");
    same("PATCH", "/api/v1/clients/" + std::string{"client_01hz3v5k8qe2r9w7x4n6m1t0ab"}, R"({"name": "Bob"})", 404,
         "not_found");
    same("DELETE", "/api/v1/members/" + member::member_id{here.of.owner}.text(), "", 409, "member.last_owner");
}

TEST_CASE("dry_run is true or false, stands alone, and belongs to writes")
{
    const given_an_organisation here;
    for (const char* wrong :
         {"?dry_run=yes", "?dry_run=", "?dry_run=true&dry_run=true", "?dry_run=true&x=1", "?dryrun=1"})
        CHECK(value_of(here.send("POST", std::string{"/api/v1/clients"} + wrong, R"({"name": "Ann"})").body, "code") ==
              "bad_query");
    CHECK(here.send("GET", "/api/v1/clients?dry_run=true").status == 400);
    CHECK(here.send("POST", "/api/v1/clients?dry_run=false", R"({"name": "Ann"})").header("Location"));
}

TEST_CASE("rehearsals and writes side by side disturb each other in nothing")
{
    const given_an_organisation here;
    const auto path = "/api/v1/clients/" + here.made("/api/v1/clients", R"({"name": "0"})");
    std::vector<std::thread> both;
    both.emplace_back([&] {
        for (int i = 1; i <= 50; ++i)
            CHECK(here.send("PATCH", path, R"({"name": ")" + std::to_string(i) + "\"}").status == 200);
    });
    both.emplace_back([&] {
        for (int i = 1; i <= 50; ++i)
            CHECK(here.send("PATCH", path + "?dry_run=true", R"({"name": "never"})").status == 200);
    });
    for (auto& each : both)
        each.join();
    const auto shown = here.send("GET", path);
    CHECK(value_of(shown.body, "name") == "50");
    CHECK(value_of(shown.body, "version") == "51");
}
