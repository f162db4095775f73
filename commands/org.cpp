// The rules of organisations, one line for each command, and the birth of a tenant.
#include "commands/org.hpp"

#include "commands/api_key.hpp"
#include "commands/limits.hpp"
#include "commands/member.hpp"
#include "commands/rules.hpp"

namespace org
{
namespace
{
using answer = rules::facts_or_refusal<event>;
using facts = std::vector<event>;

created first_fact(const found& c)
{
    return {c.id, c.slug, c.name, c.plan, c.time_zone, c.currency, c.brand_colour, c.owner_id};
}

answer when(const change& c, const item& now)
{
    changed made;
    made.id = now.id;
    const changed nothing = made;
    rules::amend(made.slug, c.slug, now.slug);
    rules::amend(made.name, c.name, now.name);
    rules::amend(made.time_zone, c.time_zone, now.time_zone);
    rules::amend(made.currency, c.currency, now.currency);
    rules::amend(made.brand_colour, c.brand_colour, now.brand_colour);
    return made == nothing ? facts{} : facts{made};
}

answer when(const change_plan& c, const item& now)
{
    return c.plan == now.plan ? facts{} : facts{plan_changed{now.id, {now.plan, c.plan}}};
}

answer when(const suspend& c, const item& now)
{
    return now.suspended_at ? facts{} : facts{suspended{now.id, c.reason}};
}

answer when(const resume&, const item& now) { return now.suspended_at ? facts{resumed{now.id}} : facts{}; }

void claim_slug(bool take, std::string slug, const lanes::stream_key& owner, lanes::decision& into)
{
    into.claims.push_back({take, true, std::string(limits::org_slug), std::move(slug), false, owner});
}

// The owner and the owner's key, beside the organisation itself.
void found_people(const found& c, const lanes::origin& from, lanes::decision& into)
{
    const member::event owner = member::added{
        c.owner_id, {c.owner_email, false}, {c.owner_name, false}, member::role::owner, member::type::member};
    const lanes::stream_key owner_stream{from.tenant, std::string(member::state::category), c.owner_id.value};
    into.add(owner_stream, owner);
    member::settle(owner, owner_stream, into);
    into.quotas.push_back(limits::counted(limits::members, 1, c.plan));

    api_key::created key;
    key.id = c.first_key_id;
    key.name = c.key_name;
    key.scopes = c.key_scopes;
    key.member_id = c.owner_id;
    key.prefix = c.key_prefix;
    key.digest = c.key_digest;
    key.requests_per_minute = c.key_requests_per_minute;
    const api_key::event first_key = key;
    const lanes::stream_key key_stream{from.tenant, std::string(api_key::state::category), c.first_key_id.value};
    into.add(key_stream, first_key);
    api_key::settle(first_key, key_stream, into);
}
}  // namespace

std::optional<lanes::refusal> closed(const state& tenant, const lanes::origin& from)
{
    if (!tenant.it)
        return rules::not_found();
    if (!tenant.it->suspended_at || rules::by_platform(from))
        return std::nullopt;
    lanes::refusal made;
    made.kind = lanes::refusal_kind::forbidden;
    made.code = "org.suspended";
    made.detail = "The organisation is suspended: it can be read, not written.";
    return made;
}

answer decide(const command& asked, const state& now)
{
    return rules::front_door<found, void>(asked, now, first_fact,
                                          [](const auto& what, const item& it) { return when(what, it); });
}

lanes::decided handle(const command& asked, lanes::view& sight, const lanes::origin& from)
{
    const auto* birth = std::get_if<found>(&asked);
    const auto& now = sight.look<state>(rules::id_of(asked));
    if (birth)  // their streams are written too
    {
        sight.look<member::state>(birth->owner_id.value);
        sight.look<api_key::state>(birth->first_key_id.value);
    }
    if (!rules::by_platform(from) && !std::holds_alternative<change>(asked))
        return rules::forbidden("This is done by operators of the platform.");

    auto made = decide(asked, now);
    auto refused = rules::refused(birth ? std::nullopt : closed(now, from), made, rules::surroundings{sight});
    if (refused)
        return *refused;

    auto decision = rules::decision_of<state>(asked, from, *made);
    for (const event& fact : *made)
        settle(fact, decision.shows, decision);
    if (birth && !made->empty())
        found_people(*birth, from, decision);
    return decision;
}

void settle(const event& happened, const lanes::stream_key& stream, lanes::decision& into)
{
    if (const auto* born = std::get_if<created>(&happened))
        claim_slug(true, born->slug, stream, into);
    const auto* edits = std::get_if<changed>(&happened);
    if (!edits || !edits->slug.has_value())
        return;
    const auto& [from, to] = edits->slug.value();
    if (schema::same_folded(from, to))
        return;
    claim_slug(false, from, stream, into);
    claim_slug(true, to, stream, into);
}

schema::digest state::made_from(const created& fact) { return rules::digest_of(fact); }

state evolve(state now, const event& happened, const event_log::stamp& at)
{
    return rules::evolved<created>(std::move(now), happened, at);
}

std::string render(const state& now) { return rules::rendered(now); }

std::size_t bytes(const state& now)
{
    if (!now.it)
        return sizeof(state);
    return sizeof(state) + now.it->slug.size() + now.it->name.size() + now.it->time_zone.size();
}

std::span<const schema::record_type* const> commands() { return schema::alternatives_of<command>; }
}  // namespace org
