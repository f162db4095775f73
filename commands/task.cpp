// The rules of tasks, one line for each command in each state.
#include "commands/task.hpp"

#include "commands/limits.hpp"
#include "commands/member.hpp"
#include "commands/org.hpp"
#include "commands/project.hpp"

namespace task
{
namespace
{
using answer = rules::facts_or_refusal<event>;
using facts = std::vector<event>;

constexpr std::optional<status> no;

// clang-format off
constexpr rules::life<verb, status> life{{{
    //                todo                 in_progress          waiting              done
    /* start    */ {{status::in_progress, status::in_progress, status::in_progress, no}},
    /* wait     */ {{status::waiting,     status::waiting,     status::waiting,     no}},
    /* complete */ {{status::done,        status::done,        status::done,        status::done}},
    /* reopen   */ {{status::todo,        status::todo,        status::todo,        status::todo}},
}}};
// clang-format on

event stepped(verb by, const item& t, status next)
{
    switch (by)
    {
    case verb::start:
        return started{t.id, {t.status, next}};
    case verb::wait:
        return waited{t.id, {t.status, next}};
    case verb::complete:
        return completed{t.id, {t.status, next}};
    case verb::reopen:
        break;
    }
    return reopened{t.id, {t.status, next}};
}

answer step(verb by, const item& t)
{
    const auto next = life.after(by, t.status);
    if (!next)
        return life.refuse(t.status);
    return *next == t.status ? facts{} : facts{stepped(by, t, *next)};
}

answer step_to(status wanted, const item& t)
{
    if (wanted == t.status)
        return facts{};
    const auto by = life.towards(wanted, t.status);
    return by ? step(*by, t) : life.refuse(t.status);
}

facts go(project_id to, const item& t) { return to == t.project_id ? facts{} : facts{moved{t.id, {t.project_id, to}}}; }

created first_fact(const create& c)
{
    return {c.id,           c.project_id,       c.title,  c.description, c.status, c.priority, c.due_on,
            c.assignee_ids, c.estimate_minutes, c.labels, c.parent_id};
}

facts differences(const change& c, const item& t)
{
    changed made;
    made.id = t.id;
    const changed nothing = made;
    rules::amend(made.title, c.title, t.title);
    rules::amend(made.description, c.description, t.description);
    rules::amend(made.priority, c.priority, t.priority);
    rules::amend(made.due_on, c.due_on, t.due_on);
    rules::amend(made.assignee_ids, c.assignee_ids, t.assignee_ids);
    rules::amend(made.estimate_minutes, c.estimate_minutes, t.estimate_minutes);
    rules::amend(made.labels, c.labels, t.labels);
    rules::amend(made.parent_id, c.parent_id, t.parent_id);
    return made == nothing ? facts{} : facts{made};
}

answer when(const change& c, const item& t)
{
    facts made = differences(c, t);
    if (c.project_id.has_value())
        rules::append(made, go(c.project_id.value(), t));
    if (!c.status.has_value())
        return made;

    auto steps = step_to(c.status.value(), t);
    if (!steps)
        return steps;
    rules::append(made, std::move(*steps));
    return made;
}

answer when(const archive&, const item& t) { return t.archived_at ? facts{} : facts{archived{t.id}}; }
answer when(const restore&, const item& t) { return t.archived_at ? facts{restored{t.id}} : facts{}; }
answer when(const start&, const item& t) { return step(verb::start, t); }
answer when(const wait&, const item& t) { return step(verb::wait, t); }
answer when(const complete&, const item& t) { return step(verb::complete, t); }
answer when(const reopen&, const item& t) { return step(verb::reopen, t); }
answer when(const move& c, const item& t) { return go(c.project_id, t); }

// No task is its own ancestor, and nobody has to climb for ever to know.
void judge_parent(const task_id& id, const task_id& parent, rules::surroundings& around)
{
    around.expect_open<state>(parent, "#/parent_id");
    std::optional<task_id> above = parent;
    for (int level = 0; above && level < ancestors_max; ++level)
    {
        if (*above == id)
            return around.fault("#/parent_id", "cycle", "A task cannot be a part of itself.");
        const state& ancestor = around.sight().look<state>(above->value);
        above = ancestor.it ? ancestor.it->parent_id : std::nullopt;
    }
    if (above)
        around.fault("#/parent_id", "too_deep", "There are too many tasks above this one.");
}

// What a fact speaks of must be there.
void look_beside(const created& fact, rules::surroundings& around)
{
    around.expect_open<project::state>(fact.project_id, "#/project_id");
    around.expect_each<member::state>(fact.assignee_ids, {}, "#/assignee_ids");
    if (fact.parent_id)
        judge_parent(fact.id, *fact.parent_id, around);
}

void look_beside(const changed& fact, rules::surroundings& around)
{
    if (fact.assignee_ids.has_value())
        around.expect_each<member::state>(fact.assignee_ids.value().to, fact.assignee_ids.value().from,
                                          "#/assignee_ids");
    if (fact.parent_id.has_value() && fact.parent_id.value().to)
        judge_parent(fact.id, *fact.parent_id.value().to, around);
}

void look_beside(const moved& fact, rules::surroundings& around)
{
    around.expect_open<project::state>(fact.project_id.to, "#/project_id");
}

template <class OfItselfOnly>
void look_beside(const OfItselfOnly&, rules::surroundings&)
{}

void look_beside(const item* before, const facts& made, rules::surroundings& around)
{
    if (before && !made.empty() && !rules::only_ends<archived>(made))
    {
        around.expect_open<project::state>(before->project_id, "#/project_id");
        if (before->parent_id)
            around.expect_open<state>(*before->parent_id, "#/parent_id");
    }
    for (const event& each : made)
        std::visit([&](const auto& fact) { look_beside(fact, around); }, each);
}
}  // namespace

answer decide(const command& asked, const state& now)
{
    return rules::front_door<create, restore>(asked, now, first_fact,
                                              [](const auto& what, const item& t) { return when(what, t); });
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
        decision.quotas.push_back(limits::counted(limits::tasks, more, tenant.it->plan));
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
    std::size_t labels = 0;
    for (const std::string& label : now.it->labels)
        labels += sizeof(label) + label.size();
    return sizeof(state) + now.it->title.size() + (now.it->description ? now.it->description->size() : 0) + labels +
           now.it->assignee_ids.size() * sizeof(member_id);
}

std::span<const schema::record_type* const> commands() { return schema::alternatives_of<command>; }
}  // namespace task
