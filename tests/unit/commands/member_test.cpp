// Members: every command in every state, the claim on the e-mail and the count of owners.
#include "tests/unit/commands/truth_table.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace testing;

namespace
{
const auto ben = id<member::member_id>(30);

member::add add_ben(member::role role = member::role::member)
{
    member::add c;
    c.id = ben;
    c.email = "Ben@acme.test";
    c.name = "Ben";
    c.role = role;
    return c;
}

template <class Command>
Command to_ben()
{
    Command c;
    c.id = ben;
    return c;
}

member::change with_role(member::role role)
{
    auto c = to_ben<member::change>();
    c.role = role;
    return c;
}

member::change with_type(member::type type)
{
    auto c = to_ben<member::change>();
    c.type = type;
    return c;
}

member::change with_email(std::string email)
{
    auto c = to_ben<member::change>();
    c.email = std::move(email);
    return c;
}

member::change with_name(std::string name)
{
    auto c = to_ben<member::change>();
    c.name = std::move(name);
    return c;
}

// The states of the table's columns: unborn, member, owner, removed.
world in_state(std::size_t column)
{
    world w;
    if (column > 0)
        w.given(add_ben(column == 2 ? member::role::owner : member::role::member));
    if (column > 2)
        w.given(to_ben<member::remove>());
    return w;
}

// clang-format off
const std::vector<line<member::command>>& table()
{
    using member::role;
    static const std::string none = "!not_found", gone = "!member.archived", taken = "!already_exists";
    static const std::string edit = "member.changed";
    static const std::string made = "member.added", away = "member.removed";
    static const std::vector<line<member::command>> lines{
        // columns: unborn, member, owner, removed
        {"nothing to change", to_ben<member::change>(),       {none, "",    "",    ""}},
        {"the name he has",   with_name("Ben"),               {none, "",    "",    ""}},
        {"another name",      with_name("Benjamin"),          {none, edit,  edit,  gone}},
        {"the e-mail he has", with_email("Ben@acme.test"),    {none, "",    "",    ""}},
        {"another e-mail",    with_email("b@acme.test"),      {none, edit,  edit,  gone}},
        {"to member",         with_role(role::member),        {none, "",    edit,  ""}},
        {"to owner",          with_role(role::owner),         {none, edit,  "",    gone}},
        {"to client",         with_role(role::client),        {none, edit,  edit,  gone}},
        {"to guest",          with_type(member::type::guest), {none, edit,  edit,  gone}},
        {"remove",            to_ben<member::remove>(),       {none, away,  away,  ""}},
        {"add as member",     add_ben(role::member),          {made, "",    taken, ""}},
        {"add as owner",      add_ben(role::owner),           {made, taken, "",    taken}},
    };
    return lines;
}
// clang-format on
}  // namespace

TEST_CASE("every command on a member, in every state, comes to what the table says")
{
    check_every_cell(table(), in_state);
}

TEST_CASE("asking a member again for what was agreed to changes nothing")
{
    check_again_changes_nothing<member::state>(table(), in_state);
}

TEST_CASE("an e-mail is claimed when a member comes, swapped when it changes, freed when the member goes")
{
    world w;
    CHECK(claims_of(w.ask(add_ben())) == "+member.email Ben@acme.test of member");
    CHECK(claims_of(w.ask(with_email("b@acme.test"))) ==
          "-member.email Ben@acme.test of member, +member.email b@acme.test of member");
    CHECK(claims_of(w.ask(with_name("Benjamin"))) == "");
    CHECK(claims_of(w.ask(to_ben<member::remove>())) == "-member.email b@acme.test of member");
    CHECK(claims_of(w.ask(to_ben<member::remove>())) == "");
}

TEST_CASE("another spelling of the same e-mail is a change without a new claim")
{
    world w = in_state(1);
    const auto respelt = w.ask(with_email("BEN@acme.test"));
    CHECK(outcome(respelt) == "member.changed");
    CHECK(claims_of(respelt) == "");
    CHECK(w.state_of<member::state>(ben).it->email == "BEN@acme.test");
}

TEST_CASE("members are counted against the plan, and owners never below one")
{
    world w;
    CHECK(quotas_of(w.ask(add_ben())) == "+1 members up to 5");
    CHECK(quotas_of(w.ask(with_role(member::role::admin))) == "");
    CHECK(quotas_of(w.ask(with_role(member::role::owner))) == "+1 owners down to 1");
    CHECK(quotas_of(w.ask(with_role(member::role::admin))) == "-1 owners down to 1");
    CHECK(quotas_of(w.ask(to_ben<member::remove>())) == "-1 members up to 5");

    world owners;
    CHECK(quotas_of(owners.ask(add_ben(member::role::owner))) == "+1 owners down to 1, +1 members up to 5");
    CHECK(quotas_of(owners.ask(to_ben<member::remove>())) == "-1 owners down to 1, -1 members up to 5");
}

TEST_CASE("a removed member is still shown, with the time of leaving")
{
    world w = in_state(3);
    const auto& gone = *w.state_of<member::state>(ben).it;
    CHECK(gone.archived_at == noon);
    CHECK(gone.name == "Ben");
    CHECK(gone.email == "Ben@acme.test");
}
