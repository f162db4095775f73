// Request bodies of the nouns: what their rows take, refuse and leave to the deciders.
#include "commands/api_key.hpp"
#include "commands/catalogue.hpp"
#include "commands/client.hpp"
#include "commands/comment.hpp"
#include "commands/member.hpp"
#include "commands/org.hpp"
#include "commands/project.hpp"
#include "commands/task.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>
#include <string_view>

namespace
{
const std::string a_client = client::client_id{schema::uuid{{1, 2}}}.text();
const std::string a_project = project::project_id{schema::uuid{{1, 3}}}.text();

template <class Command>
std::string faults_in(std::string_view body)
{
    const auto read = schema::read_json<Command>(body);
    if (read)
        return "";
    std::string text;
    for (const auto& fault : read.error())
        text += (text.empty() ? "" : ", ") + fault.where + ' ' + std::string(fault.code);
    return text;
}

std::string quoted(std::size_t characters) { return '"' + std::string(characters, 'x') + '"'; }
}  // namespace

TEST_CASE("a project needs a name and nothing else")
{
    CHECK(faults_in<project::create>(R"({})") == "#/name required");
    const auto read = schema::read_json<project::create>(R"({"name": " Gemini "})");
    REQUIRE(read);
    CHECK(read->name == "Gemini");
    CHECK(read->id.is_nil());
    CHECK(read->status == project::status::planned);
    CHECK(read->member_ids.empty());
}

TEST_CASE("a project is read with every member of the contract")
{
    const auto read = schema::read_json<project::create>(
        R"({"name": "Gemini", "client_id": ")" + a_client +
        R"(", "description": "a\n\tb", "status": "on_hold", "budget": {"amount_minor": 125000, "currency": "EUR"},
            "starts_on": "2024-02-29", "due_on": "2024-03-01", "member_ids": [],
            "occurred_at": "2020-01-01T00:00:00Z"})");
    REQUIRE(read);
    CHECK(read->client_id->text() == a_client);
    CHECK(read->status == project::status::on_hold);
    CHECK(read->budget == schema::money{125'000, "EUR"});
    CHECK(read->occurred_at->text() == "2020-01-01T00:00:00.000000Z");
}

TEST_CASE("texts are as long as the contract says, to the character")
{
    CHECK(faults_in<project::create>(R"({"name": )" + quoted(120) + "}") == "");
    CHECK(faults_in<project::create>(R"({"name": )" + quoted(121) + "}") == "#/name too_long");
    CHECK(faults_in<project::create>(R"({"name": "  "})") == "#/name too_short");
    CHECK(faults_in<client::create>(R"({"name": "a", "phone": )" + quoted(41) + "}") == "#/phone too_long");
    CHECK(faults_in<client::create>(R"({"name": "a", "notes": )" + quoted(4'001) + "}") == "#/notes too_long");
    CHECK(faults_in<comment::create>(R"({"body": )" + quoted(20'000) + "}") == "");
    CHECK(faults_in<comment::create>(R"({"body": )" + quoted(20'001) + "}") == "#/body too_long");
    CHECK(faults_in<task::create>(R"({"project_id": ")" + a_project + R"(", "title": )" + quoted(201) + "}") ==
          "#/title too_long");
}

TEST_CASE("a task's lists and numbers have bounds, and all faults are told at once")
{
    CHECK(faults_in<task::create>(R"({"title": "Dock", "priority": "soon", "estimate_minutes": -1,
                                      "labels": ["a", "a"], "project_id": "client_1"})") ==
          "#/priority not_one_of, #/estimate_minutes too_small, #/labels/1 duplicate, #/project_id format");
    CHECK(faults_in<task::create>(R"({"title": "Dock", "project_id": ")" + a_project + R"(", "labels": [)" +
                                  quoted(51) + R"(, ""]})") == "#/labels/0 too_long, #/labels/1 too_short");
}

TEST_CASE("null clears what may be cleared in a PATCH and is a fault elsewhere")
{
    CHECK(faults_in<project::change>(R"({"name": null, "status": null})") == "#/name null, #/status null");
    const auto read = schema::read_json<project::change>(R"({"client_id": null, "budget": null})");
    REQUIRE(read);
    CHECK(read->client_id.is_null());
    CHECK(read->budget.is_null());
    CHECK(read->name.is_absent());
    CHECK(faults_in<task::change>(R"({"title": null, "priority": null, "project_id": null})") ==
          "#/title null, #/priority null, #/project_id null");
    CHECK(faults_in<member::change>(R"({"email": null, "role": null})") == "#/email null, #/role null");
    CHECK(faults_in<comment::change>(R"({"body": null})") == "#/body null");
}

TEST_CASE("a verb takes an empty body, and only move says where to")
{
    CHECK(faults_in<task::start>("{}") == "");
    CHECK(faults_in<task::start>(R"({"status": "done"})") == "#/status unknown");
    CHECK(faults_in<task::move>("{}") == "#/project_id required");
}

TEST_CASE("a member has an e-mail address and a role that exists")
{
    CHECK(faults_in<member::add>(R"({"email": "ben", "name": "Ben", "role": "king"})") ==
          "#/email format, #/role not_one_of");
    CHECK(faults_in<member::add>(R"({"email": "ben@acme.test", "name": "Ben"})") == "");
}

TEST_CASE("settings of an organisation are checked by their formats, and the plan is not one of them")
{
    CHECK(faults_in<org::change>(R"({"slug": "Acme Inc", "time_zone": "Mars/Base", "currency": "XXY",
                                     "brand_colour": "red"})") ==
          "#/slug format, #/time_zone format, #/currency format, #/brand_colour format");
    CHECK(faults_in<org::change>(R"({"plan": "business"})") == "#/plan unknown");
    CHECK(faults_in<org::change>(R"({"slug": "acme", "time_zone": "Asia/Kolkata", "currency": "INR",
                                     "brand_colour": "#a1b2c3"})") == "");
}

TEST_CASE("a body never sets a key's digest, prefix or rate")
{
    CHECK(faults_in<api_key::create>(R"({"name": "CI", "digest": "d"})") == "#/digest unknown");
    CHECK(faults_in<api_key::create>(R"({"name": "CI", "requests_per_minute": 0})") == "#/requests_per_minute unknown");
    CHECK(faults_in<api_key::create>(R"({"name": "CI", "scopes": ["read", "import"], "expires_in_days": null})") == "");
}

TEST_CASE("every command may say when it happened, and has a name of its own")
{
    std::set<std::string_view> names;
    for (const auto& noun : rules::commands_catalogue())
        for (const auto* command : noun)
        {
            CAPTURE(command->name);
            CHECK(names.insert(command->name).second);
            if (command->name != "org.found")
                CHECK(std::any_of(command->begin(), command->end(),
                                  [](const schema::field_row& row) { return row.name == "occurred_at"; }));
        }
    CHECK(names.size() == 42);
}
