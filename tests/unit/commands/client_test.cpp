// Clients: every command in every state.
#include "tests/unit/commands/truth_table.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace testing;

namespace
{
const auto the_client = id<client::client_id>(20);

client::create named(std::string name)
{
    client::create c;
    c.id = the_client;
    c.name = std::move(name);
    c.email = "info@nasa.test";
    c.notes = "Pays late.\nBut pays.";
    return c;
}

template <class Command>
Command to_it()
{
    Command c;
    c.id = the_client;
    return c;
}

client::change with_name(std::string name)
{
    auto c = to_it<client::change>();
    c.name = std::move(name);
    return c;
}

client::change with_email(schema::patch<std::string> email)
{
    auto c = to_it<client::change>();
    c.email = std::move(email);
    return c;
}

// The states of the table's columns: unborn, open, archived.
world in_state(std::size_t column)
{
    world w;
    if (column > 0)
        w.given(named("Nasa"));
    if (column > 1)
        w.given(to_it<client::archive>());
    return w;
}

// clang-format off
const std::vector<line<client::command>>& table()
{
    static const std::string none = "!not_found", shut = "!client.archived", taken = "!already_exists";
    static const std::string made = "client.created", edit = "client.changed", away = "client.archived",
                             back = "client.restored";
    static const std::vector<line<client::command>> lines{
        // columns: unborn, open, archived
        {"nothing to change", to_it<client::change>(),                        {none, "",    ""}},
        {"the name it has",   with_name("Nasa"),                              {none, "",    ""}},
        {"another name",      with_name("Esa"),                               {none, edit,  shut}},
        {"the e-mail it has", with_email(std::string("info@nasa.test")),      {none, "",    ""}},
        {"another e-mail",    with_email(std::string("x@nasa.test")),         {none, edit,  shut}},
        {"no e-mail",         with_email(schema::patch<std::string>::null()), {none, edit,  shut}},
        {"archive",           to_it<client::archive>(),                       {none, away,  ""}},
        {"restore",           to_it<client::restore>(),                       {none, "",    back}},
        {"create the same",   named("Nasa"),                                  {made, "",    ""}},
        {"create another",    named("Esa"),                                   {made, taken, taken}},
    };
    return lines;
}
// clang-format on
}  // namespace

TEST_CASE("every command on a client, in every state, comes to what the table says")
{
    check_every_cell(table(), in_state);
}

TEST_CASE("asking a client again for what was agreed to changes nothing")
{
    check_again_changes_nothing<client::state>(table(), in_state);
}

TEST_CASE("a client is shown as sent, and null clears what may be cleared")
{
    world w = in_state(1);
    const auto& made = *w.state_of<client::state>(the_client).it;
    CHECK(made.email == "info@nasa.test");
    CHECK(!made.phone);
    CHECK(made.notes == "Pays late.\nBut pays.");

    auto patch = with_email(schema::patch<std::string>::null());
    patch.phone = std::string("+1 202 358 0000");
    w.given(patch);
    const auto& changed = *w.state_of<client::state>(the_client).it;
    CHECK(!changed.email);
    CHECK(changed.phone == "+1 202 358 0000");
    CHECK(changed.notes == "Pays late.\nBut pays.");
}

TEST_CASE("unarchived clients are counted against the plan")
{
    world w;
    CHECK(quotas_of(w.ask(named("Nasa"))) == "+1 clients up to 10");
    CHECK(quotas_of(w.ask(to_it<client::archive>())) == "-1 clients up to 10");
    CHECK(quotas_of(w.ask(to_it<client::restore>())) == "+1 clients up to 10");
}
