// The rules of time entries, one line for each command.
#include "commands/time_entry.hpp"

#include "commands/member.hpp"
#include "commands/org.hpp"
#include "commands/project.hpp"
#include "commands/task.hpp"

#include <utility>
#include <vector>

namespace time_entry
{
namespace
{
using answer = rules::facts_or_refusal<event>;
using facts = std::vector<event>;

// A create that names nobody is the same whoever repeats it.
created first_fact(const create& c, const state& now, const lanes::origin& from)
{
    const auto sender = from.member ? std::optional(member::member_id{*from.member}) : std::nullopt;
    const auto behind_the_key = now.it ? now.born_member : sender;
    return {c.id,      c.project_id, c.task_id, c.member_id ? c.member_id : behind_the_key,
            c.minutes, c.spent_on,   c.note,    c.billable};
}

answer when(const change& c, const item& now)
{
    changed made;
    made.id = now.id;
    const changed nothing = made;
    rules::amend(made.project_id, c.project_id, now.project_id);
    rules::amend(made.task_id, c.task_id, now.task_id);
    rules::amend(made.member_id, c.member_id, now.member_id);
    rules::amend(made.minutes, c.minutes, now.minutes);
    rules::amend(made.spent_on, c.spent_on, now.spent_on);
    rules::amend(made.note, c.note, now.note);
    rules::amend(made.billable, c.billable, now.billable);
    return made == nothing ? facts{} : facts{made};
}

answer when(const archive&, const item& now) { return now.archived_at ? facts{} : facts{archived{now.id}}; }
answer when(const restore&, const item& now) { return now.archived_at ? facts{restored{now.id}} : facts{}; }

// Where an entry is booked once these facts are true, and whether they book it anew.
struct booking
{
    project::project_id project_id;
    std::optional<task::task_id> task_id;
    std::optional<member::member_id> member_id;
    bool is_moved = false;
    bool has_other_member = false;
};

booking booking_after(const item* before, const facts& made)
{
    booking now;
    if (before)
        now = {before->project_id, before->task_id, before->member_id};
    for (const event& each : made)
        if (const auto* born = std::get_if<created>(&each))
            now = {born->project_id, born->task_id, born->member_id, true, true};
        else if (const auto* edits = std::get_if<changed>(&each))
        {
            now.is_moved = edits->project_id.has_value() || edits->task_id.has_value();
            now.has_other_member = edits->member_id.has_value();
            event_log::take(now.project_id, edits->project_id);
            event_log::take(now.task_id, edits->task_id);
            event_log::take(now.member_id, edits->member_id);
        }
    return now;
}

void look_beside(const item* before, const facts& made, rules::surroundings& around)
{
    if (made.empty() || rules::only_ends<archived>(made))
        return;
    const booking now = booking_after(before, made);
    around.expect_open<project::state>(now.project_id, "#/project_id");
    if (now.task_id)
    {
        around.expect_open<task::state>(*now.task_id, "#/task_id");
        const auto& booked = around.sight().look<task::state>(now.task_id->value);
        if (now.is_moved && booked.it && booked.it->project_id != now.project_id)
            around.fault("#/task_id", "elsewhere", "The task is in another project.");
    }
    if (now.has_other_member && now.member_id)
        around.expect_present<member::state>(*now.member_id, "#/member_id");
}
}  // namespace

answer decide(const command& asked, const state& now, const lanes::origin& from)
{
    return rules::front_door<create, restore>(
        asked, now, [&](const create& c) { return first_fact(c, now, from); },
        [](const auto& what, const item& it) { return when(what, it); });
}

lanes::decided handle(const command& asked, lanes::view& sight, const lanes::origin& from)
{
    const auto& tenant = sight.look<org::state>(from.tenant);
    const auto& now = sight.look<state>(rules::id_of(asked));
    auto made = decide(asked, now, from);

    rules::surroundings around{sight};
    if (made)
        look_beside(now.it ? &*now.it : nullptr, *made, around);
    if (auto refused = rules::refused(org::closed(tenant, from), made, around))
        return *refused;
    return rules::decision_of<state>(asked, from, std::move(*made));
}

schema::digest state::made_from(const created& fact) { return rules::digest_of(fact); }

state evolve(state now, const event& happened, const event_log::stamp& at)
{
    if (const auto* born = std::get_if<created>(&happened))
        now.born_member = born->member_id;
    return rules::evolved<created>(std::move(now), happened, at);
}

std::string render(const state& now) { return rules::rendered(now); }

std::size_t bytes(const state& now) { return sizeof(state) + (now.it && now.it->note ? now.it->note->size() : 0); }

std::span<const schema::record_type* const> commands() { return schema::alternatives_of<command>; }
}  // namespace time_entry
