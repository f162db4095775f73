// Projects: every command in every state, and what stands beside them.
#include "tests/unit/commands/truth_table.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace testing;

namespace
{
const auto the_project = id<project::project_id>(10);
const auto the_client = id<client::client_id>(20);
const auto other_client = id<client::client_id>(21);

project::create gemini()
{
    project::create c;
    c.id = the_project;
    c.name = "Gemini";
    return c;
}

project::create gemini_as(project::status status)
{
    auto c = gemini();
    c.status = status;
    return c;
}

template <class Command>
Command to_it()
{
    Command c;
    c.id = the_project;
    return c;
}

project::change with_status(project::status status)
{
    auto c = to_it<project::change>();
    c.status = status;
    return c;
}

project::change with_name(std::string name)
{
    auto c = to_it<project::change>();
    c.name = std::move(name);
    return c;
}

world with_project(project::status status, bool archived)
{
    world w;
    w.given(gemini_as(status));
    if (archived)
        w.given(to_it<project::archive>());
    return w;
}

// The states of the table's columns.
world in_state(std::size_t column)
{
    using project::status;
    switch (column)
    {
    case 0:
        return world{};
    case 1:
        return with_project(status::planned, false);
    case 2:
        return with_project(status::active, false);
    case 3:
        return with_project(status::on_hold, false);
    case 4:
        return with_project(status::completed, false);
    case 5:
        return with_project(status::planned, true);
    default:
        return with_project(status::completed, true);
    }
}

// clang-format off
const std::vector<line<project::command>>& table()
{
    using project::status;
    static const std::string none = "!not_found", no = "!state_conflict", shut = "!project.archived",
                             taken = "!already_exists";
    static const std::string made = "project.created", edit = "project.changed", away = "project.archived",
                             back = "project.restored", on = "project.activated", hold = "project.held",
                             end = "project.completed", open = "project.reopened";
    static const std::vector<line<project::command>> lines{
        // columns: unborn, planned, active, on_hold, completed, archived while planned, archived while completed
        {"nothing to change",   to_it<project::change>(),       {none, "",    "",    "",    "",    "",    ""}},
        {"the name it has",     with_name("Gemini"),            {none, "",    "",    "",    "",    "",    ""}},
        {"another name",        with_name("Apollo"),            {none, edit,  edit,  edit,  edit,  shut,  shut}},
        {"activate",            to_it<project::activate>(),     {none, on,    "",    on,    no,    shut,  shut}},
        {"hold",                to_it<project::hold>(),         {none, no,    hold,  "",    no,    shut,  shut}},
        {"complete",            to_it<project::complete>(),     {none, end,   end,   end,   "",    shut,  ""}},
        {"reopen",              to_it<project::reopen>(),       {none, no,    "",    no,    open,  shut,  shut}},
        {"status planned",      with_status(status::planned),   {none, "",    no,    no,    no,    "",    shut}},
        {"status active",       with_status(status::active),    {none, on,    "",    on,    open,  shut,  shut}},
        {"status on_hold",      with_status(status::on_hold),   {none, no,    hold,  "",    no,    shut,  shut}},
        {"status completed",    with_status(status::completed), {none, end,   end,   end,   "",    shut,  ""}},
        {"archive",             to_it<project::archive>(),      {none, away,  away,  away,  away,  "",    ""}},
        {"restore",             to_it<project::restore>(),      {none, "",    "",    "",    "",    back,  back}},
        {"create as planned",   gemini_as(status::planned),     {made, "",    taken, taken, taken, "",    taken}},
        {"create as completed", gemini_as(status::completed),   {made, taken, taken, taken, "",    taken, ""}},
    };
    return lines;
}
// clang-format on
}  // namespace

TEST_CASE("every command on a project, in every state, comes to what the table says")
{
    check_every_cell(table(), in_state);
}

TEST_CASE("asking a project again for what was agreed to changes nothing")
{
    check_again_changes_nothing<project::state>(table(), in_state);
}

TEST_CASE("a refused verb names the state and the verbs that would be allowed")
{
    world w = with_project(project::status::planned, false);
    const auto refused = w.ask(to_it<project::hold>());
    REQUIRE(!refused);
    CHECK(refused.error().state == "planned");
    CHECK(allowed_by(refused) == "activate, complete");
    CHECK(allowed_by(with_project(project::status::active, false).ask(with_status(project::status::planned))) ==
          "hold, complete");
    CHECK(allowed_by(with_project(project::status::on_hold, false).ask(to_it<project::reopen>())) ==
          "activate, complete");
    CHECK(allowed_by(with_project(project::status::completed, false).ask(to_it<project::hold>())) == "reopen");
}

TEST_CASE("a created project answers 201 with every member as sent")
{
    world w;
    client::create client;
    client.id = the_client;
    client.name = "Nasa";
    w.given(client);

    auto c = gemini();
    c.client_id = the_client;
    c.description = "To the moon";
    c.budget = schema::money{125'000, "EUR"};
    c.starts_on = schema::day{1};
    c.due_on = schema::day{2};
    c.member_ids = {world::owner_id()};
    const auto decided = w.ask(c);
    REQUIRE(decided);
    CHECK(decided->status == 201);
    CHECK(!decided->replayed);
    CHECK(decided->shows.id == the_project.value);
    CHECK(decided->shows.category == "project");

    const auto& it = *w.state_of<project::state>(the_project).it;
    CHECK(it.id == the_project);
    CHECK(it.version == 1);
    CHECK(it.created_at == noon);
    CHECK(it.updated_at == noon);
    CHECK(!it.archived_at);
    CHECK(it.name == "Gemini");
    CHECK(it.client_id == the_client);
    CHECK(it.description == "To the moon");
    CHECK(it.status == project::status::planned);
    CHECK(it.budget == schema::money{125'000, "EUR"});
    CHECK(it.starts_on == schema::day{1});
    CHECK(it.due_on == schema::day{2});
    CHECK(it.member_ids == std::vector{world::owner_id()});
}

TEST_CASE("a repeated create is replayed with what the project has become, not with what it was")
{
    world w;
    w.given(gemini());
    w.given(with_name("Apollo"));
    const auto again = w.ask(gemini());
    REQUIRE(again);
    CHECK(again->replayed);
    CHECK(again->status == 200);
    CHECK(w.state_of<project::state>(the_project).it->name == "Apollo");

    auto other = gemini();
    other.name = "Apollo";
    CHECK(outcome(w.ask(other)) == "already_exists");
    CHECK(faults_of(w.ask(other)) == "#/id already_exists");
}

TEST_CASE("a repeated create that names another time is another create")
{
    world w;
    auto c = gemini();
    c.occurred_at = noon;
    w.given(c);
    CHECK(outcome(w.ask(c)) == "");
    c.occurred_at = schema::moment{noon.us - 1};
    CHECK(outcome(w.ask(c)) == "already_exists");
}

TEST_CASE("one PATCH may change members and the status, and null clears what may be cleared")
{
    world w;
    auto c = gemini();
    c.description = "To the moon";
    c.budget = schema::money{1, "EUR"};
    c.due_on = schema::day{2};
    c.member_ids = {world::owner_id()};
    w.given(c);

    auto patch = with_status(project::status::active);
    patch.description = schema::patch<std::string>::null();
    patch.budget = schema::patch<schema::money>::null();
    patch.due_on = schema::patch<schema::day>::null();
    patch.member_ids = schema::patch<std::vector<member::member_id>>::null();
    CHECK(outcome(w.ask(patch)) == "project.changed, project.activated");

    const auto& it = *w.state_of<project::state>(the_project).it;
    CHECK(it.version == 3);
    CHECK(it.name == "Gemini");
    CHECK(!it.description);
    CHECK(!it.budget);
    CHECK(!it.due_on);
    CHECK(it.member_ids.empty());
    CHECK(it.status == project::status::active);
}

TEST_CASE("a refused status refuses the whole PATCH")
{
    world w = with_project(project::status::active, false);
    auto patch = with_status(project::status::planned);
    patch.name = std::string("Apollo");
    CHECK(outcome(w.ask(patch)) == "state_conflict");
    CHECK(w.state_of<project::state>(the_project).it->name == "Gemini");
}

TEST_CASE("what a project refers to must be visible, and everything missing is told at once")
{
    world w;
    auto c = gemini();
    c.client_id = the_client;
    c.member_ids = {world::owner_id(), id<member::member_id>(99), id<member::member_id>(98)};
    CHECK(outcome(w.ask(c)) == "invalid");
    CHECK(faults_of(w.ask(c)) == "#/client_id not_found, #/member_ids/1 not_found, #/member_ids/2 not_found");
}

TEST_CASE("a member who has left may stay in a list, but not come into one")
{
    world w;
    member::add ben;
    ben.id = id<member::member_id>(30);
    ben.email = "ben@acme.test";
    ben.name = "Ben";
    w.given(ben);
    auto c = gemini();
    c.member_ids = {ben.id};
    w.given(c);
    member::remove leave;
    leave.id = ben.id;
    w.given(leave);

    auto patch = to_it<project::change>();
    patch.member_ids = std::vector{world::owner_id(), ben.id};
    CHECK(outcome(w.ask(patch)) == "project.changed");

    auto other = gemini();
    other.id = id<project::project_id>(11);
    other.member_ids = {ben.id};
    CHECK(faults_of(w.ask(other)) == "#/member_ids/0 not_found");
}

TEST_CASE("nothing but an end is written under an archived client, before or after a change")
{
    world w;
    client::create nasa;
    nasa.id = the_client;
    nasa.name = "Nasa";
    w.given(nasa);
    nasa.id = other_client;
    w.given(nasa);
    auto c = gemini();
    c.client_id = the_client;
    w.given(c);
    client::archive away;
    away.id = the_client;
    w.given(away);

    CHECK(outcome(w.ask(with_name("Apollo"))) == "client.archived");
    CHECK(outcome(w.ask(to_it<project::activate>())) == "client.archived");
    CHECK(outcome(w.ask(with_name("Gemini"))) == "");
    w.given(to_it<project::archive>());
    CHECK(outcome(w.ask(to_it<project::restore>())) == "client.archived");

    auto second = gemini();
    second.id = id<project::project_id>(11);
    second.client_id = the_client;
    CHECK(outcome(w.ask(second)) == "client.archived");
    second.client_id = other_client;
    CHECK(outcome(w.ask(second)) == "project.created");
    project::change over;
    over.id = second.id;
    over.client_id = the_client;
    CHECK(outcome(w.ask(over)) == "client.archived");

    client::restore back;
    back.id = the_client;
    w.given(back);
    w.given(to_it<project::restore>());
    CHECK(outcome(w.ask(with_name("Apollo"))) == "project.changed");
}

TEST_CASE("unarchived projects are counted against the plan; a fall is never refused")
{
    world w;
    CHECK(quotas_of(w.ask(gemini())) == "+1 projects up to 5");
    CHECK(quotas_of(w.ask(with_name("Apollo"))) == "");
    CHECK(quotas_of(w.ask(to_it<project::archive>())) == "-1 projects up to 5");
    CHECK(quotas_of(w.ask(to_it<project::archive>())) == "");
    CHECK(quotas_of(w.ask(to_it<project::restore>())) == "+1 projects up to 5");

    world business{org::plan::business};
    CHECK(quotas_of(business.ask(gemini())) == "+1 projects");
}

TEST_CASE("an importer may tell of the past, also before the last event of the stream")
{
    world w;
    w.given(gemini());
    auto past = by_key();
    past.occurred_at = schema::moment{noon.us - 1'000'000};
    w.given(to_it<project::activate>(), past);
    const auto& it = *w.state_of<project::state>(the_project).it;
    CHECK(it.version == 2);
    CHECK(it.updated_at == past.occurred_at);
    CHECK(it.created_at == noon);
}
