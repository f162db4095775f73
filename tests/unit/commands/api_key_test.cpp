// API keys: every command in every state, what no field row can say, and the form of the secret.
#include "tests/unit/commands/truth_table.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace testing;

namespace
{
using api_key::scope;

const auto the_key = id<api_key::key_id>(70);

api_key::create named(std::string name)
{
    api_key::create c;
    c.id = the_key;
    c.name = std::move(name);
    c.scopes = {scope::read, scope::write};
    c.digest = "d2";
    c.prefix = "cf_live_wxyz";
    return c;
}

template <class Command>
Command to_it()
{
    Command c;
    c.id = the_key;
    return c;
}

api_key::change with_name(std::string name)
{
    auto c = to_it<api_key::change>();
    c.name = std::move(name);
    return c;
}

api_key::change with_scopes(std::vector<scope> scopes)
{
    auto c = to_it<api_key::change>();
    c.scopes = std::move(scopes);
    return c;
}

api_key::set_rate with_rate(std::optional<std::int64_t> rate)
{
    auto c = to_it<api_key::set_rate>();
    c.requests_per_minute = rate;
    return c;
}

// The states of the table's columns: unborn, working, revoked.
world in_state(std::size_t column)
{
    world w;
    if (column > 0)
        w.given(named("CI"));
    if (column > 1)
        w.given(to_it<api_key::revoke>());
    return w;
}

// clang-format off
const std::vector<line<api_key::command>>& table()
{
    static const std::string none = "!not_found", gone = "!api_key.archived", taken = "!already_exists";
    static const std::string edit = "api_key.changed", rate = "api_key.rate_changed";
    static const std::string made = "api_key.created", away = "api_key.revoked";
    static const std::vector<line<api_key::command>> lines{
        // columns: unborn, working, revoked
        {"nothing to change", to_it<api_key::change>(),                 {none, "",    ""}},
        {"the name it has",   with_name("CI"),                          {none, "",    ""}},
        {"another name",      with_name("Bot"),                         {none, edit,  gone}},
        {"the scopes it has", with_scopes({scope::read, scope::write}), {none, "",    ""}},
        {"other scopes",      with_scopes({scope::read}),               {none, edit,  gone}},
        {"the usual rate",    with_rate(std::nullopt),                  {none, "",    ""}},
        {"no limit",          with_rate(0),                             {none, rate,  gone}},
        {"revoke",            to_it<api_key::revoke>(),                 {none, away,  ""}},
        {"create the same",   named("CI"),                              {made, "",    ""}},
        {"create another",    named("Bot"),                             {made, taken, taken}},
    };
    return lines;
}
// clang-format on
}  // namespace

TEST_CASE("every command on a key, in every state, comes to what the table says")
{
    check_every_cell(table(), in_state, by_operator());
}

TEST_CASE("asking a key again for what was agreed to changes nothing")
{
    check_again_changes_nothing<api_key::state>(table(), in_state, by_operator());
}

TEST_CASE("a fresh secret does not make a repeated create another one")
{
    world w = in_state(1);
    auto again = named("CI");
    again.digest = "d3";
    again.prefix = "cf_live_else";
    const auto replayed = w.ask(again);
    REQUIRE(replayed);
    CHECK(replayed->replayed);
    CHECK(claims_of(replayed) == "");
}

TEST_CASE("a key acts for the member who asks, unless it says for whom")
{
    world w;
    w.given(named("CI"), by_member(world::owner_id()));
    CHECK(w.state_of<api_key::state>(the_key).it->member_id == world::owner_id());

    auto stranger = named("CI");
    stranger.id = id<api_key::key_id>(71);
    stranger.member_id = id<member::member_id>(99);
    CHECK(faults_of(w.ask(stranger)) == "#/member_id not_found");

    world nobody = in_state(1);
    CHECK(!nobody.state_of<api_key::state>(the_key).it->member_id);
}

TEST_CASE("a key reads when no scope is named, and may not have an operator's scopes")
{
    world w;
    auto c = named("CI");
    c.scopes = {};
    w.given(c);
    CHECK(w.state_of<api_key::state>(the_key).it->scopes == std::vector{scope::read});

    CHECK(faults_of(w.ask(with_scopes({scope::read, scope::ops_read}))) == "#/scopes/1 not_one_of");
    c.id = id<api_key::key_id>(71);
    c.scopes = {scope::audit_read};
    CHECK(faults_of(w.ask(c)) == "#/scopes/0 not_one_of");
}

TEST_CASE("a key that loses its last scope reads, as one made without any")
{
    world w = in_state(1);
    w.given(with_scopes({}));
    CHECK(w.state_of<api_key::state>(the_key).it->scopes == std::vector{scope::read});
    CHECK(outcome(w.ask(with_scopes({}))) == "");
    auto cleared = to_it<api_key::change>();
    cleared.scopes.clear();
    CHECK(outcome(w.ask(cleared)) == "");
}

TEST_CASE("a repeat that names another member is no repeat")
{
    world w;
    w.given(named("CI"), by_member(world::owner_id()));
    auto again = named("CI");
    CHECK(outcome(w.ask(again)) == "");
    again.member_id = world::owner_id();
    CHECK(outcome(w.ask(again)) == "");
    again.member_id = id<member::member_id>(99);
    CHECK(outcome(w.ask(again)) == "already_exists");
}

TEST_CASE("a key lives 30, 90 or 365 days from now, or for ever")
{
    constexpr std::int64_t day_us = 86'400'000'000;
    for (const std::int32_t days : {30, 90, 365})
    {
        world w;
        auto c = named("CI");
        c.expires_in_days = days;
        auto from = by_key();
        from.occurred_at = schema::moment{0};
        w.given(c, from);
        const auto& key = w.state_of<api_key::state>(the_key);
        CHECK(key.it->expires_at == schema::moment{noon.us + days * day_us});
        CHECK(api_key::usable(key, schema::moment{key.it->expires_at->us - 1}));
        CHECK(!api_key::usable(key, *key.it->expires_at));
    }
    world w;
    auto c = named("CI");
    c.expires_in_days = 31;
    CHECK(faults_of(w.ask(c)) == "#/expires_in_days not_one_of");
}

TEST_CASE("a key works until it is revoked")
{
    CHECK(!api_key::usable(in_state(0).state_of<api_key::state>(the_key), noon));
    CHECK(api_key::usable(in_state(1).state_of<api_key::state>(the_key), noon));
    CHECK(!api_key::usable(in_state(2).state_of<api_key::state>(the_key), noon));
}

TEST_CASE("the digest is claimed platform-wide, and stays claimed")
{
    world w;
    CHECK(claims_of(w.ask(named("CI"))) == "+api_key.digest d2 of api_key platform-wide");
    CHECK(claims_of(w.ask(to_it<api_key::revoke>())) == "");
}

TEST_CASE("only operators set rates, and only they have keys of the platform")
{
    world w = in_state(1);
    CHECK(outcome(w.ask(with_rate(5))) == "forbidden");

    auto c = named("Ops");
    c.scopes = {scope::ops_read, scope::audit_read};
    auto from = by_operator();
    from.tenant = event_log::platform_tenant;
    world platform{world::empty{}};
    CHECK(outcome(platform.ask(c, from)) == "api_key.created");
    c.id = id<api_key::key_id>(71);
    c.scopes = {scope::read};
    CHECK(faults_of(platform.ask(c, from)) == "#/scopes/0 not_one_of");
    from.by.type = event_log::actor_type::key;
    CHECK(outcome(platform.ask(c, from)) == "forbidden");
}

TEST_CASE("a minted key has a prefix, 27 digits and a checksum, and tells mistyped ones apart")
{
    std::array<std::uint8_t, 20> random{};
    random.fill(0xff);
    const auto made = api_key::mint(api_key::audience::organisation, random);
    CHECK(made.key.starts_with("cf_live_"));
    CHECK(made.key.size() == 8 + 27 + 1 + 6);
    CHECK(made.prefix == made.key.substr(0, 12));
    CHECK(made.digest == api_key::digest_of_key(made.key));
    CHECK(made.digest.size() == 64);
    CHECK(api_key::well_formed(made.key));

    auto typo = made.key;
    typo[10] = typo[10] == 'a' ? 'b' : 'a';
    CHECK(!api_key::well_formed(typo));
    CHECK(!api_key::well_formed(made.key + "0"));
    CHECK(!api_key::well_formed(made.key.substr(1)));
    CHECK(!api_key::well_formed(""));
    CHECK(!api_key::well_formed("cf_live_"));

    const auto of_operators = api_key::mint(api_key::audience::operators, {});
    CHECK(of_operators.key.starts_with("cf_ops_000000000000000000000000000_"));
    CHECK(api_key::well_formed(of_operators.key));
}
