// The rules of clients, one line for each command.
#include "commands/client.hpp"

#include "commands/limits.hpp"
#include "commands/org.hpp"

namespace client
{
namespace
{
using answer = rules::facts_or_refusal<event>;
using facts = std::vector<event>;

created first_fact(const create& c)
{
    return {c.id, c.name, rules::personal(c.email), rules::personal(c.phone), rules::personal(c.notes)};
}

answer when(const change& c, const item& now)
{
    changed made;
    made.id = now.id;
    const changed nothing = made;
    rules::amend(made.name, c.name, now.name);
    rules::amend(made.email, c.email, now.email);
    rules::amend(made.phone, c.phone, now.phone);
    rules::amend(made.notes, c.notes, now.notes);
    return made == nothing ? facts{} : facts{made};
}

answer when(const archive&, const item& now) { return now.archived_at ? facts{} : facts{archived{now.id}}; }
answer when(const restore&, const item& now) { return now.archived_at ? facts{restored{now.id}} : facts{}; }
}  // namespace

answer decide(const command& asked, const state& now)
{
    return rules::front_door<create, restore>(asked, now, first_fact,
                                              [](const auto& what, const item& it) { return when(what, it); });
}

lanes::decided handle(const command& asked, lanes::view& sight, const lanes::origin& from)
{
    const auto& tenant = sight.look<org::state>(from.tenant);
    auto made = decide(asked, sight.look<state>(rules::id_of(asked)));
    if (auto refused = rules::refused(org::closed(tenant, from), made, rules::surroundings{sight}))
        return *refused;

    const auto more = rules::net<archived, created, restored>(*made);
    auto decision = rules::decision_of<state>(asked, from, std::move(*made));
    if (more != 0)
        decision.quotas.push_back(limits::counted(limits::clients, more, tenant.it->plan));
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
    const auto size = [](const std::optional<std::string>& text) { return text ? text->size() : 0; };
    return sizeof(state) + now.it->name.size() + size(now.it->email) + size(now.it->phone) + size(now.it->notes);
}

std::span<const schema::record_type* const> commands() { return schema::alternatives_of<command>; }
}  // namespace client
