// The rules of API keys, one line for each command, and the form of the secret.
#include "commands/api_key.hpp"

#include "commands/limits.hpp"
#include "commands/member.hpp"
#include "commands/org.hpp"

#include <algorithm>

namespace api_key
{
namespace
{
using answer = rules::facts_or_refusal<event>;
using facts = std::vector<event>;

constexpr std::int64_t day_us = 86'400'000'000;
constexpr std::size_t random_digits = 27;  // 62^27 > 2^160
constexpr std::size_t checksum_digits = 6;
constexpr std::string_view organisation_prefix = "cf_live_";
constexpr std::string_view operators_prefix = "cf_ops_";

std::string checksum(std::string_view before)
{
    return schema::base62(std::uint64_t{schema::crc32(before)}, checksum_digits);
}

bool is_operators(scope each) { return each >= scope::ops_read; }

// An expiry counts from now, also for a key said to be made in the past.
created first_fact(const create& c, const lanes::origin& from)
{
    created made;
    made.id = c.id;
    made.name = c.name;
    made.scopes = c.scopes.empty() ? std::vector{scope::read} : c.scopes;
    made.expires_in_days = c.expires_in_days;
    if (c.expires_in_days)
        made.expires_at = schema::moment{from.now.us + *c.expires_in_days * day_us};
    if (c.member_id)
        made.member_id = c.member_id;
    else if (from.member)
        made.member_id = member_id{*from.member};
    made.prefix = c.prefix;
    made.digest = c.digest;
    made.requests_per_minute = c.requests_per_minute;
    return made;
}

// A key without scopes reads, however it came by none.
schema::patch<std::vector<scope>> or_read(const schema::patch<std::vector<scope>>& asked)
{
    const bool none = !asked.is_absent() && (!asked.has_value() || asked.value().empty());
    return none ? schema::patch<std::vector<scope>>{std::vector{scope::read}} : asked;
}

// The first fact names a member in any case; one that was sent must be that one.
bool names_another_member(const command& asked, const state& now)
{
    const auto* again = std::get_if<create>(&asked);
    return again && now.it && again->member_id && again->member_id != now.it->member_id;
}

answer when(const change& c, const item& now)
{
    changed made;
    made.id = now.id;
    const changed nothing = made;
    rules::amend(made.name, c.name, now.name);
    rules::amend(made.scopes, or_read(c.scopes), now.scopes);
    return made == nothing ? facts{} : facts{made};
}

answer when(const set_rate& c, const item& now)
{
    if (c.requests_per_minute == now.requests_per_minute)
        return facts{};
    return facts{rate_changed{now.id, {now.requests_per_minute, c.requests_per_minute}}};
}

answer when(const revoke& asked, const item& now)
{
    return now.archived_at ? facts{} : facts{revoked{now.id, asked.reason}};
}

// What no row can say of a body.
void judge_scopes(const std::vector<scope>& scopes, bool of_platform, rules::surroundings& around)
{
    for (std::size_t i = 0; i < scopes.size(); ++i)
        if (is_operators(scopes[i]) != of_platform)
            around.fault("#/scopes/" + std::to_string(i), "not_one_of", "This scope is not for keys of this kind.");
}

void judge(const created& fact, bool of_platform, rules::surroundings& around)
{
    judge_scopes(fact.scopes, of_platform, around);
    if (fact.expires_in_days &&
        std::find(lifetimes_days.begin(), lifetimes_days.end(), *fact.expires_in_days) == lifetimes_days.end())
        around.fault("#/expires_in_days", "not_one_of", "A key lives 30, 90 or 365 days, or for ever.");
    if (fact.member_id && !of_platform)
        around.expect_present<member::state>(*fact.member_id, "#/member_id");
}

void judge(const changed& fact, bool of_platform, rules::surroundings& around)
{
    if (fact.scopes.has_value())
        judge_scopes(fact.scopes.value().to, of_platform, around);
}

template <class OfItselfOnly>
void judge(const OfItselfOnly&, bool, rules::surroundings&)
{}

std::optional<lanes::refusal> closed(bool of_platform, lanes::view& sight, const lanes::origin& from, bool sets_rate)
{
    if ((of_platform || sets_rate) && !rules::by_platform(from))
        return rules::forbidden("This is done by operators of the platform.");
    if (of_platform)
        return std::nullopt;
    return org::closed(sight.look<org::state>(from.tenant), from);
}
}  // namespace

minted mint(audience whom, const std::array<std::uint8_t, 20>& random)
{
    minted made;
    made.key = whom == audience::operators ? operators_prefix : organisation_prefix;
    made.key += schema::base62(random, random_digits);
    made.key += '_';
    made.key += checksum(made.key);
    made.digest = digest_of_key(made.key);
    made.prefix = made.key.substr(0, prefix_characters);
    return made;
}

bool well_formed(std::string_view key)
{
    const auto prefix = key.starts_with(operators_prefix) ? operators_prefix : organisation_prefix;
    if (!key.starts_with(prefix) || key.size() != prefix.size() + random_digits + 1 + checksum_digits)
        return false;
    const auto before = key.substr(0, key.size() - checksum_digits);
    return before.ends_with('_') && schema::same_secret(key.substr(before.size()), checksum(before));
}

std::string digest_of_key(std::string_view key) { return schema::hex(schema::sha256(key)); }

bool usable(const state& now, schema::moment at)
{
    return now.it && !now.it->archived_at && (!now.it->expires_at || at < *now.it->expires_at);
}

answer decide(const command& asked, const state& now, const lanes::origin& from)
{
    if (names_another_member(asked, now))
        return rules::made_from_other_members();
    return rules::front_door<create, void>(
        asked, now, [&](const create& c) { return first_fact(c, from); },
        [](const auto& what, const item& it) { return when(what, it); });
}

lanes::decided handle(const command& asked, lanes::view& sight, const lanes::origin& from)
{
    const bool of_platform = from.tenant == event_log::platform_tenant;
    const bool sets_rate = std::holds_alternative<set_rate>(asked);
    auto made = decide(asked, sight.look<state>(rules::id_of(asked)), from);

    rules::surroundings around{sight};
    if (made)
        for (const event& each : *made)
            std::visit([&](const auto& fact) { judge(fact, of_platform, around); }, each);
    if (auto refused = rules::refused(closed(of_platform, sight, from, sets_rate), made, around))
        return *refused;

    auto decision = rules::decision_of<state>(asked, from, *made);
    for (const event& fact : *made)
        settle(fact, decision.shows, decision);
    return decision;
}

// Taken for ever: a revoked key stays known, and is never made again.
void settle(const event& happened, const lanes::stream_key& stream, lanes::decision& into)
{
    if (const auto* born = std::get_if<created>(&happened))
        into.claims.push_back({true, true, std::string(limits::api_key_digest), born->digest, true, stream});
}

// By the members that were sent; the secret and what follows from time or asker differ in every repeat.
schema::digest state::made_from(const created& fact)
{
    created sent = fact;
    sent.expires_at.reset();
    sent.member_id.reset();
    sent.digest.clear();
    sent.prefix.clear();
    return rules::digest_of(sent);
}

state evolve(state now, const event& happened, const event_log::stamp& at)
{
    return rules::evolved<created>(std::move(now), happened, at);
}

std::string render(const state& now) { return rules::rendered(now); }

std::size_t bytes(const state& now)
{
    if (!now.it)
        return sizeof(state);
    return sizeof(state) + now.it->name.size() + now.it->prefix.size() + now.it->scopes.size() * sizeof(scope);
}

std::span<const schema::record_type* const> commands() { return schema::alternatives_of<command>; }
}  // namespace api_key
