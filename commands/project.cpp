// The rules of projects, one line for each command in each state.
#include "commands/project.hpp"

#include "commands/client.hpp"
#include "commands/limits.hpp"
#include "commands/member.hpp"
#include "commands/org.hpp"

namespace project
{
namespace
{
using answer = rules::facts_or_refusal<event>;
using facts = std::vector<event>;

constexpr std::optional<status> no;

// clang-format off
constexpr rules::life<verb, status> life{{{
    //                planned            active             on_hold            completed
    /* activate */ {{status::active,    status::active,    status::active,    no}},
    /* hold     */ {{no,                status::on_hold,   status::on_hold,   no}},
    /* complete */ {{status::completed, status::completed, status::completed, status::completed}},
    /* reopen   */ {{no,                status::active,    no,                status::active}},
}}};
// clang-format on

event stepped(verb by, const item& p, status next)
{
    switch (by)
    {
    case verb::activate:
        return activated{p.id, {p.status, next}};
    case verb::hold:
        return held{p.id, {p.status, next}};
    case verb::complete:
        return completed{p.id, {p.status, next}};
    case verb::reopen:
        break;
    }
    return reopened{p.id, {p.status, next}};
}

answer step(verb by, const item& p)
{
    const auto next = life.after(by, p.status);
    if (!next)
        return life.refuse(p.status);
    return *next == p.status ? facts{} : facts{stepped(by, p, *next)};
}

answer step_to(status wanted, const item& p)
{
    if (wanted == p.status)
        return facts{};
    const auto by = life.towards(wanted, p.status);
    return by ? step(*by, p) : life.refuse(p.status);
}

created first_fact(const create& c)
{
    return {c.id, c.name, c.client_id, c.description, c.status, c.budget, c.starts_on, c.due_on, c.member_ids};
}

facts differences(const change& c, const item& p)
{
    changed made;
    made.id = p.id;
    const changed nothing = made;
    rules::amend(made.name, c.name, p.name);
    rules::amend(made.client_id, c.client_id, p.client_id);
    rules::amend(made.description, c.description, p.description);
    rules::amend(made.budget, c.budget, p.budget);
    rules::amend(made.starts_on, c.starts_on, p.starts_on);
    rules::amend(made.due_on, c.due_on, p.due_on);
    rules::amend(made.member_ids, c.member_ids, p.member_ids);
    return made == nothing ? facts{} : facts{made};
}

answer when(const change& c, const item& p)
{
    facts made = differences(c, p);
    if (!c.status.has_value())
        return made;

    auto steps = step_to(c.status.value(), p);
    if (!steps)
        return steps;
    rules::append(made, std::move(*steps));
    return made;
}

answer when(const archive&, const item& p) { return p.archived_at ? facts{} : facts{archived{p.id}}; }
answer when(const restore&, const item& p) { return p.archived_at ? facts{restored{p.id}} : facts{}; }
answer when(const activate&, const item& p) { return step(verb::activate, p); }
answer when(const hold&, const item& p) { return step(verb::hold, p); }
answer when(const complete&, const item& p) { return step(verb::complete, p); }
answer when(const reopen&, const item& p) { return step(verb::reopen, p); }

// What a fact speaks of must be there.
void look_beside(const created& fact, rules::surroundings& around)
{
    if (fact.client_id)
        around.expect_open<client::state>(*fact.client_id, "#/client_id");
    around.expect_each<member::state>(fact.member_ids, {}, "#/member_ids");
}

void look_beside(const changed& fact, rules::surroundings& around)
{
    if (fact.client_id.has_value() && fact.client_id.value().to)
        around.expect_open<client::state>(*fact.client_id.value().to, "#/client_id");
    if (fact.member_ids.has_value())
        around.expect_each<member::state>(fact.member_ids.value().to, fact.member_ids.value().from, "#/member_ids");
}

template <class OfItselfOnly>
void look_beside(const OfItselfOnly&, rules::surroundings&)
{}

void look_beside(const item* before, const facts& made, rules::surroundings& around)
{
    if (before && before->client_id && !made.empty() && !rules::only_ends<archived>(made))
        around.expect_open<client::state>(*before->client_id, "#/client_id");
    for (const event& each : made)
        std::visit([&](const auto& fact) { look_beside(fact, around); }, each);
}
}  // namespace

answer decide(const command& asked, const state& now)
{
    return rules::front_door<create, restore>(asked, now, first_fact,
                                              [](const auto& what, const item& p) { return when(what, p); });
}

lanes::decided handle(const command& asked, lanes::view& sight, const lanes::origin& from)
{
    const auto& tenant = sight.look<org::state>(from.tenant);
    const auto& now = sight.look<state>(rules::id_of(asked));
    auto made = decide(asked, now);

    rules::surroundings around{sight};
    if (made)
        look_beside(now.it ? &*now.it : nullptr, *made, around);
    if (auto refused = rules::refused(org::closed(tenant, from), made, around))
        return *refused;

    const auto more = rules::net<archived, created, restored>(*made);
    auto decision = rules::decision_of<state>(asked, from, std::move(*made));
    if (more != 0)
        decision.quotas.push_back(limits::counted(limits::projects, more, tenant.it->plan));
    return decision;
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
    return sizeof(state) + now.it->name.size() + (now.it->description ? now.it->description->size() : 0) +
           now.it->member_ids.size() * sizeof(member_id);
}

std::span<const schema::record_type* const> commands() { return schema::alternatives_of<command>; }
}  // namespace project
