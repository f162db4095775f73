// Time entries: every command in every state, and the project, task and member they speak of.
#include "tests/unit/commands/truth_table.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace testing;

namespace
{
const auto the_project = id<project::project_id>(10);
const auto other_project = id<project::project_id>(11);
const auto the_task = id<task::task_id>(40);
const auto other_task = id<task::task_id>(41);  // of the other project
const auto the_entry = id<time_entry::entry_id>(70);

time_entry::create booking(std::int64_t minutes)
{
    time_entry::create c;
    c.id = the_entry;
    c.project_id = the_project;
    c.minutes = minutes;
    c.spent_on = *schema::day::parse("2026-11-26");
    return c;
}

template <class Command>
Command to_it()
{
    Command c;
    c.id = the_entry;
    return c;
}

template <class Edit>
time_entry::change changing(Edit edit)
{
    auto c = to_it<time_entry::change>();
    edit(c);
    return c;
}

time_entry::change to_minutes(std::int64_t minutes)
{
    return changing([&](auto& c) { c.minutes = minutes; });
}
time_entry::change to_task(task::task_id task)
{
    return changing([&](auto& c) { c.task_id = task; });
}
time_entry::change to_project(project::project_id project)
{
    return changing([&](auto& c) { c.project_id = project; });
}
time_entry::change to_member(member::member_id member)
{
    return changing([&](auto& c) { c.member_id = member; });
}

world with_tasks()
{
    world w;
    for (const auto& [project, task] : {std::pair{the_project, the_task}, std::pair{other_project, other_task}})
    {
        project::create p;
        p.id = project;
        p.name = "Gemini";
        w.given(p);
        task::create t;
        t.id = task;
        t.project_id = project;
        t.title = "Dock";
        w.given(t);
    }
    return w;
}

// The states of the table's columns: unborn, open, archived.
world in_state(std::size_t column)
{
    world w = with_tasks();
    if (column > 0)
        w.given(booking(30));
    if (column > 1)
        w.given(to_it<time_entry::archive>());
    return w;
}

// clang-format off
const std::vector<line<time_entry::command>>& table()
{
    static const std::string none = "!not_found", shut = "!time_entry.archived", taken = "!already_exists",
                             bad = "!invalid";
    static const std::string made = "time_entry.created", edit = "time_entry.changed", away = "time_entry.archived",
                             back = "time_entry.restored";
    static const std::vector<line<time_entry::command>> lines{
        // columns: unborn, open, archived
        {"nothing to change",       to_it<time_entry::change>(),  {none, "",    ""}},
        {"as many minutes",         to_minutes(30),               {none, "",    ""}},
        {"more minutes",            to_minutes(60),               {none, edit,  shut}},
        {"its project",             to_project(the_project),      {none, "",    ""}},
        {"another project",         to_project(other_project),    {none, edit,  shut}},
        {"a task of the project",   to_task(the_task),            {none, edit,  shut}},
        {"a task of another",       to_task(other_task),          {none, bad,   shut}},
        {"a member",                to_member(world::owner_id()), {none, edit,  shut}},
        {"nobody we know",          to_member({nth(99)}),         {none, bad,   shut}},
        {"archive",                 to_it<time_entry::archive>(), {none, away,  ""}},
        {"restore",                 to_it<time_entry::restore>(), {none, "",    back}},
        {"create the same",         booking(30),                  {made, "",    ""}},
        {"create another",          booking(60),                  {made, taken, taken}},
    };
    return lines;
}
// clang-format on
}  // namespace

TEST_CASE("every command on a time entry, in every state, comes to what the table says")
{
    check_every_cell(table(), in_state);
}

TEST_CASE("asking a time entry again for what was agreed to changes nothing")
{
    check_again_changes_nothing<time_entry::state>(table(), in_state);
}

TEST_CASE("time is the member's behind the key, unless the command says whose it is")
{
    world w = with_tasks();
    w.given(booking(30), by_member(world::owner_id()));
    CHECK(w.state_of<time_entry::state>(the_entry).it->member_id == world::owner_id());
    auto again = w.ask(booking(30), by_member(world::owner_id()));
    REQUIRE(again);
    CHECK(again->replayed);
    w.given(to_member(world::owner_id()));
    auto by_another = w.ask(booking(30), by_key());  // whoever repeats it, it is the same
    REQUIRE(by_another);
    CHECK(by_another->replayed);

    world other = with_tasks();
    other.given(booking(30));
    CHECK_FALSE(other.state_of<time_entry::state>(the_entry).it->member_id);
}

TEST_CASE("project and task change together, and a task that moved away later leaves the entry where it was")
{
    world w = with_tasks();
    auto both = booking(30);
    both.task_id = the_task;
    w.given(both);
    CHECK(faults_of(w.ask(to_project(other_project))) == "#/task_id elsewhere");
    w.given(changing([](auto& c) {
        c.project_id = other_project;
        c.task_id = other_task;
    }));
    task::move away;
    away.id = other_task;
    away.project_id = the_project;
    w.given(away);
    CHECK(outcome(w.ask(to_minutes(45))) == "time_entry.changed");
    CHECK(outcome(w.ask(to_project(the_project))) == "time_entry.changed");
}

TEST_CASE("nothing but an end is booked under an archived project or task")
{
    world w = with_tasks();
    auto both = booking(30);
    both.task_id = the_task;
    w.given(both);
    task::archive shut;
    shut.id = the_task;
    w.given(shut);
    CHECK(outcome(w.ask(to_minutes(60))) == "task.archived");
    w.given(to_it<time_entry::archive>());
    CHECK(outcome(w.ask(to_it<time_entry::restore>())) == "task.archived");

    world other = in_state(1);
    project::archive closed;
    closed.id = the_project;
    other.given(closed);
    CHECK(outcome(other.ask(to_minutes(60))) == "project.archived");
    other.given(to_it<time_entry::archive>());
}
