// Organisations: every command in every state, the birth of a tenant, and what a suspension stops.
#include "tests/unit/commands/truth_table.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace testing;

namespace
{
template <class Command>
Command to_it()
{
    Command c;
    c.id = world::org_id();
    return c;
}

org::change with_name(std::string name)
{
    auto c = to_it<org::change>();
    c.name = std::move(name);
    return c;
}

org::change with_slug(std::string slug)
{
    auto c = to_it<org::change>();
    c.slug = std::move(slug);
    return c;
}

org::change_plan with_plan(org::plan plan)
{
    auto c = to_it<org::change_plan>();
    c.plan = plan;
    return c;
}

org::found founded_as(std::string name)
{
    auto c = world::founding();
    c.name = std::move(name);
    return c;
}

// The states of the table's columns: unborn, open, suspended.
world in_state(std::size_t column)
{
    if (column == 0)
        return world{world::empty{}};
    world w;
    if (column == 2)
        w.given(to_it<org::suspend>(), by_operator());
    return w;
}

const std::string born = "org.created, member.added, api_key.created";

// clang-format off
const std::vector<line<org::command>>& table()
{
    using org::plan;
    static const std::string none = "!not_found", taken = "!already_exists";
    static const std::vector<line<org::command>> lines{
        //                                                     unborn  open                suspended
        {"nothing to change",  to_it<org::change>(),           {none,  "",                 ""}},
        {"the name it has",    with_name("Acme"),              {none,  "",                 ""}},
        {"another name",       with_name("Ajax"),              {none,  "org.changed",      "org.changed"}},
        {"another slug",       with_slug("ajax"),              {none,  "org.changed",      "org.changed"}},
        {"the plan it has",    with_plan(plan::starter),       {none,  "",                 ""}},
        {"another plan",       with_plan(plan::business),      {none,  "org.plan_changed", "org.plan_changed"}},
        {"suspend",            to_it<org::suspend>(),          {none,  "org.suspended",    ""}},
        {"resume",             to_it<org::resume>(),           {none,  "",                 "org.resumed"}},
        {"found the same",     founded_as("Acme"),             {born,  "",                 ""}},
        {"found another",      founded_as("Ajax"),             {born,  taken,              taken}},
    };
    return lines;
}
// clang-format on

project::create some_project()
{
    project::create c;
    c.id = id<project::project_id>(10);
    c.name = "Gemini";
    return c;
}
}  // namespace

TEST_CASE("every command of an operator on an organisation, in every state, comes to what the table says")
{
    check_every_cell(table(), in_state, by_operator());
}

TEST_CASE("asking an organisation again for what was agreed to changes nothing")
{
    check_again_changes_nothing<org::state>(table(), in_state, by_operator());
}

TEST_CASE("a tenant is founded with its owner and the owner's key, in one decision")
{
    world w{world::empty{}};
    const auto decided = w.ask(world::founding(), by_operator());
    REQUIRE(decided);
    CHECK(decided->status == 201);
    CHECK(outcome(decided) == born);
    CHECK(decided->shows.category == "org");
    CHECK(decided->shows.id == world::org_id().value);
    CHECK(claims_of(decided) == "+org.slug acme of org platform-wide, +member.email ann@acme.test of member, "
                                "+api_key.digest d1 of api_key platform-wide");
    CHECK(quotas_of(decided) == "+1 owners down to 1, +1 members up to 5");

    const auto& org = *w.state_of<org::state>(world::org_id()).it;
    CHECK(org.slug == "acme");
    CHECK(org.plan == org::plan::starter);
    CHECK(org.time_zone == "UTC");
    CHECK(org.currency == "EUR");
    const auto& owner = *w.state_of<member::state>(world::owner_id()).it;
    CHECK(owner.name == "Ann");
    CHECK(owner.email == "ann@acme.test");
    CHECK(owner.role == member::role::owner);
    const auto& key = *w.state_of<api_key::state>(world::key_id()).it;
    CHECK(key.member_id == world::owner_id());
    CHECK(key.scopes == std::vector{api_key::scope::read, api_key::scope::write, api_key::scope::admin});
    CHECK(key.prefix == "cf_live_abcd");
}

TEST_CASE("a new slug is swapped for the old one, platform-wide")
{
    world w;
    CHECK(claims_of(w.ask(with_slug("ajax"))) ==
          "-org.slug acme of org platform-wide, +org.slug ajax of org platform-wide");
    CHECK(claims_of(w.ask(with_name("Ajax"))) == "");
}

TEST_CASE("a key may change settings, and nothing that is an operator's")
{
    world w;
    CHECK(outcome(w.ask(with_name("Ajax"))) == "org.changed");
    CHECK(outcome(w.ask(with_plan(org::plan::business))) == "forbidden");
    CHECK(outcome(w.ask(to_it<org::suspend>())) == "forbidden");
    CHECK(outcome(w.ask(to_it<org::resume>())) == "forbidden");
    CHECK(outcome(w.ask(world::founding())) == "forbidden");
}

TEST_CASE("a suspended organisation refuses every write of its keys until it is resumed, and none of an operator's")
{
    world w;
    w.given(some_project());
    w.given(to_it<org::suspend>(), by_operator());
    CHECK(w.state_of<org::state>(world::org_id()).it->suspended_at == noon);

    CHECK(outcome(w.ask(with_name("Ajax"))) == "org.suspended");
    CHECK(outcome(w.ask(some_project())) == "org.suspended");
    project::change nothing;
    nothing.id = some_project().id;
    CHECK(outcome(w.ask(nothing)) == "org.suspended");
    CHECK(outcome(w.ask(client::create{})) == "org.suspended");
    CHECK(outcome(w.ask(task::create{})) == "org.suspended");
    CHECK(outcome(w.ask(comment::create{})) == "org.suspended");
    CHECK(outcome(w.ask(member::add{})) == "org.suspended");
    CHECK(outcome(w.ask(api_key::create{})) == "org.suspended");
    CHECK(outcome(w.ask(with_name("Ajax"), by_operator())) == "org.changed");

    w.given(to_it<org::resume>(), by_operator());
    CHECK(!w.state_of<org::state>(world::org_id()).it->suspended_at);
    CHECK(outcome(w.ask(with_name("Acme"))) == "org.changed");
}

TEST_CASE("where there is no organisation, nothing is found")
{
    world w{world::empty{}};
    CHECK(outcome(w.ask(some_project())) == "not_found");
    CHECK(outcome(w.ask(client::create{})) == "not_found");
    CHECK(outcome(w.ask(member::add{})) == "not_found");
}

TEST_CASE("the new plan's limits count from the next command on")
{
    world w;
    w.given(with_plan(org::plan::professional), by_operator());
    CHECK(quotas_of(w.ask(some_project())) == "+1 projects up to 200");
}
