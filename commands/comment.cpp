// The rules of comments, one line for each command.
#include "commands/comment.hpp"

#include "commands/limits.hpp"
#include "commands/member.hpp"
#include "commands/org.hpp"
#include "commands/project.hpp"
#include "commands/task.hpp"

namespace comment
{
namespace
{
using answer = rules::facts_or_refusal<event>;
using facts = std::vector<event>;

created first_fact(const create& c, const lanes::origin& from)
{
    return {c.id, c.task_id, c.body, c.mention_ids,
            from.member ? std::optional(member_id{*from.member}) : std::nullopt};
}

answer when(const change& c, const item& now)
{
    changed made;
    made.id = now.id;
    const changed nothing = made;
    rules::amend(made.body, c.body, now.body);
    rules::amend(made.mention_ids, c.mention_ids, now.mention_ids);
    return made == nothing ? facts{} : facts{made};
}

answer when(const archive&, const item& now) { return now.archived_at ? facts{} : facts{archived{now.id}}; }
answer when(const restore&, const item& now) { return now.archived_at ? facts{restored{now.id}} : facts{}; }

bool is_elsewhere(const command& asked, const state& now)
{
    return now.it && !std::holds_alternative<create>(asked) &&
           std::visit([&](const auto& what) { return what.task_id != now.it->task_id; }, asked);
}

// A comment is in its task, and with it in the task's project.
void look_beside(const task::state& parent, const facts& made, rules::surroundings& around)
{
    if (made.empty() || rules::only_ends<archived>(made))
        return;
    around.expect_open<task::state>(parent.it->id, "#/task_id");
    around.expect_open<project::state>(parent.it->project_id, "#/task_id");
    for (const event& each : made)
        if (const auto* born = std::get_if<created>(&each))
            around.expect_each<member::state>(born->mention_ids, {}, "#/mention_ids");
        else if (const auto* edits = std::get_if<changed>(&each); edits && edits->mention_ids.has_value())
            around.expect_each<member::state>(edits->mention_ids.value().to, edits->mention_ids.value().from,
                                              "#/mention_ids");
}
}  // namespace

answer decide(const command& asked, const state& now, const lanes::origin& from)
{
    if (is_elsewhere(asked, now))
        return rules::not_found();
    return rules::front_door<create, restore>(
        asked, now, [&](const create& c) { return first_fact(c, from); },
        [](const auto& what, const item& it) { return when(what, it); });
}

lanes::decided handle(const command& asked, lanes::view& sight, const lanes::origin& from)
{
    const auto& tenant = sight.look<org::state>(from.tenant);
    const auto& parent =
        std::visit([&](const auto& what) -> const auto& { return sight.look<task::state>(what.task_id.value); }, asked);
    auto made = decide(asked, sight.look<state>(rules::id_of(asked)), from);
    if (!parent.it)
        made = rules::not_found();

    rules::surroundings around{sight};
    if (made)
        look_beside(parent, *made, around);
    if (auto refused = rules::refused(org::closed(tenant, from), made, around))
        return *refused;

    const auto more = rules::net<archived, created, restored>(*made);
    auto decision = rules::decision_of<state>(asked, from, std::move(*made));
    if (more != 0)
        decision.quotas.push_back(limits::counted(limits::comments, more, tenant.it->plan));
    return decision;
}

// Whoever repeats it, it is the same comment.
schema::digest state::made_from(const created& fact)
{
    created sent = fact;
    sent.author_id.reset();
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
    return sizeof(state) + now.it->body.size() + now.it->mention_ids.size() * sizeof(member_id);
}

std::span<const schema::record_type* const> commands() { return schema::alternatives_of<command>; }
}  // namespace comment
