// The rules of members, one line for each command.
#include "commands/member.hpp"

#include "commands/limits.hpp"
#include "commands/org.hpp"

namespace member
{
namespace
{
using answer = rules::facts_or_refusal<event>;
using facts = std::vector<event>;

added first_fact(const add& c) { return {c.id, {c.email, false}, {c.name, false}, c.role, c.type}; }

answer when(const change& c, const item& now)
{
    changed made;
    made.id = now.id;
    const changed nothing = made;
    rules::amend(made.email, c.email, now.email);
    rules::amend(made.name, c.name, now.name);
    rules::amend(made.role, c.role, now.role);
    rules::amend(made.type, c.type, now.type);
    return made == nothing ? facts{} : facts{made};
}

answer when(const remove&, const item& now)
{
    return now.archived_at ? facts{} : facts{removed{now.id, rules::personal(now.email), now.role}};
}

void claim_email(bool take, std::string email, const lanes::stream_key& owner, lanes::decision& into)
{
    into.claims.push_back({take, false, std::string(limits::member_email), std::move(email), false, owner});
}

void count_owners(std::int64_t delta, lanes::decision& into)
{
    if (delta != 0)
        into.quotas.push_back(limits::owners_changed(delta));
}

void settle_fact(const added& fact, const lanes::stream_key& stream, lanes::decision& into)
{
    if (!fact.email.forgotten)
        claim_email(true, fact.email.value, stream, into);
    count_owners(fact.role == role::owner, into);
}

void settle_fact(const changed& fact, const lanes::stream_key& stream, lanes::decision& into)
{
    if (fact.email.has_value() && !fact.email.value().forgotten)
    {
        const auto& [from, to] = fact.email.value().value;
        const bool same = from && to && schema::same_folded(*from, *to);
        if (from && !same)
            claim_email(false, *from, stream, into);
        if (to && !same)
            claim_email(true, *to, stream, into);
    }
    if (fact.role.has_value())
        count_owners(std::int64_t{fact.role.value().to == role::owner} - (fact.role.value().from == role::owner), into);
}

void settle_fact(const removed& fact, const lanes::stream_key& stream, lanes::decision& into)
{
    if (const auto email = event_log::known(fact.email))
        claim_email(false, *email, stream, into);
    count_owners(-std::int64_t{fact.role == role::owner}, into);
}
}  // namespace

answer decide(const command& asked, const state& now)
{
    return rules::front_door<add, void>(asked, now, first_fact,
                                        [](const auto& what, const item& it) { return when(what, it); });
}

lanes::decided handle(const command& asked, lanes::view& sight, const lanes::origin& from)
{
    const auto& tenant = sight.look<org::state>(from.tenant);
    auto made = decide(asked, sight.look<state>(rules::id_of(asked)));
    if (auto refused = rules::refused(org::closed(tenant, from), made, rules::surroundings{sight}))
        return *refused;

    auto decision = rules::decision_of<state>(asked, from, *made);
    for (const event& fact : *made)
        settle(fact, decision.shows, decision);
    if (const auto more = rules::net<removed, added>(*made); more != 0)
        decision.quotas.push_back(limits::counted(limits::members, more, tenant.it->plan));
    return decision;
}

void settle(const event& happened, const lanes::stream_key& stream, lanes::decision& into)
{
    std::visit([&](const auto& fact) { settle_fact(fact, stream, into); }, happened);
}

schema::digest state::made_from(const added& fact) { return rules::digest_of(fact); }

state evolve(state now, const event& happened, const event_log::stamp& at)
{
    return rules::evolved<added>(std::move(now), happened, at);
}

std::string render(const state& now) { return rules::rendered(now); }

std::size_t bytes(const state& now)
{
    if (!now.it)
        return sizeof(state);
    const auto size = [](const std::optional<std::string>& text) { return text ? text->size() : 0; };
    return sizeof(state) + size(now.it->email) + size(now.it->name);
}

std::span<const schema::record_type* const> commands() { return schema::alternatives_of<command>; }
}  // namespace member
