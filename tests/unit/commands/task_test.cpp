// Tasks: every command in every state, parents, moves, and what stands beside them.
#include "tests/unit/commands/truth_table.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace testing;

namespace
{
const auto home = id<project::project_id>(10);
const auto abroad = id<project::project_id>(11);
const auto the_task = id<task::task_id>(40);

project::create project_at(const project::project_id& where)
{
    project::create c;
    c.id = where;
    c.name = "Gemini";
    return c;
}

task::create numbered(std::uint8_t n)
{
    task::create c;
    c.id = id<task::task_id>(n);
    c.project_id = home;
    c.title = "Dock";
    return c;
}

task::create dock(task::status status)
{
    auto c = numbered(40);
    c.status = status;
    return c;
}

template <class Command>
Command to_it()
{
    Command c;
    c.id = the_task;
    return c;
}

task::change with_status(task::status status)
{
    auto c = to_it<task::change>();
    c.status = status;
    return c;
}

task::change with_title(std::string title)
{
    auto c = to_it<task::change>();
    c.title = std::move(title);
    return c;
}

task::change with_parent(std::uint8_t child, std::uint8_t parent)
{
    task::change c;
    c.id = id<task::task_id>(child);
    c.parent_id = id<task::task_id>(parent);
    return c;
}

task::change with_project(const project::project_id& to)
{
    auto c = to_it<task::change>();
    c.project_id = to;
    return c;
}

task::move move_to(const project::project_id& to)
{
    auto c = to_it<task::move>();
    c.project_id = to;
    return c;
}

world with_projects()
{
    world w;
    w.given(project_at(home));
    w.given(project_at(abroad));
    return w;
}

world with_task(task::status status, bool archived)
{
    world w = with_projects();
    w.given(dock(status));
    if (archived)
        w.given(to_it<task::archive>());
    return w;
}

// The states of the table's columns.
world in_state(std::size_t column)
{
    using task::status;
    switch (column)
    {
    case 0:
        return with_projects();
    case 1:
        return with_task(status::todo, false);
    case 2:
        return with_task(status::in_progress, false);
    case 3:
        return with_task(status::waiting, false);
    case 4:
        return with_task(status::done, false);
    case 5:
        return with_task(status::todo, true);
    default:
        return with_task(status::done, true);
    }
}

// clang-format off
const std::vector<line<task::command>>& table()
{
    using task::status;
    static const std::string none = "!not_found", no = "!state_conflict", shut = "!task.archived",
                             taken = "!already_exists";
    static const std::string edit = "task.changed", go = "task.moved", start = "task.started", wait = "task.waited",
                             end = "task.completed", open = "task.reopened";
    static const std::string made = "task.created", away = "task.archived", back = "task.restored";
    static const std::vector<line<task::command>> lines{
        // columns: unborn, todo, in_progress, waiting, done, archived while todo, archived while done
        {"nothing to change",  to_it<task::change>(),            {none, "",    "",    "",    "",    "",    ""}},
        {"the title it has",   with_title("Dock"),               {none, "",    "",    "",    "",    "",    ""}},
        {"another title",      with_title("Undock"),             {none, edit,  edit,  edit,  edit,  shut,  shut}},
        {"start",              to_it<task::start>(),             {none, start, "",    start, no,    shut,  shut}},
        {"wait",               to_it<task::wait>(),              {none, wait,  wait,  "",    no,    shut,  shut}},
        {"complete",           to_it<task::complete>(),          {none, end,   end,   end,   "",    shut,  ""}},
        {"reopen",             to_it<task::reopen>(),            {none, "",    open,  open,  open,  "",    shut}},
        {"status todo",        with_status(status::todo),        {none, "",    open,  open,  open,  "",    shut}},
        {"status in_progress", with_status(status::in_progress), {none, start, "",    start, no,    shut,  shut}},
        {"status waiting",     with_status(status::waiting),     {none, wait,  wait,  "",    no,    shut,  shut}},
        {"status done",        with_status(status::done),        {none, end,   end,   end,   "",    shut,  ""}},
        {"move home",          move_to(home),                    {none, "",    "",    "",    "",    "",    ""}},
        {"move abroad",        move_to(abroad),                  {none, go,    go,    go,    go,    shut,  shut}},
        {"project abroad",     with_project(abroad),             {none, go,    go,    go,    go,    shut,  shut}},
        {"archive",            to_it<task::archive>(),           {none, away,  away,  away,  away,  "",    ""}},
        {"restore",            to_it<task::restore>(),           {none, "",    "",    "",    "",    back,  back}},
        {"create as todo",     dock(status::todo),               {made, "",    taken, taken, taken, "",    taken}},
        {"create as done",     dock(status::done),               {made, taken, taken, taken, "",    taken, ""}},
    };
    return lines;
}
// clang-format on

const task::item& it_of(world& w) { return *w.state_of<task::state>(the_task).it; }
}  // namespace

TEST_CASE("every command on a task, in every state, comes to what the table says")
{
    check_every_cell(table(), in_state);
}

TEST_CASE("asking a task again for what was agreed to changes nothing")
{
    check_again_changes_nothing<task::state>(table(), in_state);
}

TEST_CASE("a refused verb of a done task allows only reopen")
{
    auto refused = with_task(task::status::done, false).ask(to_it<task::start>());
    REQUIRE(!refused);
    CHECK(refused.error().state == "done");
    CHECK(allowed_by(refused) == "reopen");
}

TEST_CASE("completed_at is when the task came to be done, and nothing while it is not")
{
    world w = with_task(task::status::todo, false);
    CHECK(!it_of(w).completed_at);
    auto later = by_key();
    later.occurred_at = schema::moment{noon.us + 5};
    w.given(to_it<task::complete>(), later);
    CHECK(it_of(w).completed_at == later.occurred_at);
    w.given(to_it<task::reopen>());
    CHECK(!it_of(w).completed_at);

    world born_done = with_task(task::status::done, false);
    CHECK(it_of(born_done).completed_at == noon);
}

TEST_CASE("one PATCH may change members, move and take a status")
{
    world w = with_task(task::status::todo, false);
    auto patch = with_status(task::status::in_progress);
    patch.project_id = abroad;
    patch.priority = task::priority::urgent;
    patch.labels = std::vector<std::string>{"hull", "door"};
    patch.estimate_minutes = std::int64_t{90};
    patch.assignee_ids = std::vector{world::owner_id()};
    CHECK(outcome(w.ask(patch)) == "task.changed, task.moved, task.started");
    CHECK(it_of(w).version == 4);
    CHECK(it_of(w).project_id == abroad);
    CHECK(it_of(w).priority == task::priority::urgent);
    CHECK(it_of(w).labels == std::vector<std::string>{"hull", "door"});
    CHECK(it_of(w).estimate_minutes == 90);
    CHECK(it_of(w).assignee_ids == std::vector{world::owner_id()});
    CHECK(it_of(w).status == task::status::in_progress);
}

TEST_CASE("what a task refers to must be visible, and everything missing is told at once")
{
    world w = with_projects();
    auto c = numbered(40);
    c.project_id = id<project::project_id>(99);
    c.assignee_ids = {world::owner_id(), id<member::member_id>(98)};
    c.parent_id = id<task::task_id>(97);
    CHECK(outcome(w.ask(c)) == "invalid");
    CHECK(faults_of(w.ask(c)) == "#/project_id not_found, #/assignee_ids/1 not_found, #/parent_id not_found");

    w.given(numbered(40));
    CHECK(faults_of(w.ask(move_to(id<project::project_id>(99)))) == "#/project_id not_found");
    CHECK(faults_of(w.ask(with_parent(40, 97))) == "#/parent_id not_found");
}

TEST_CASE("nothing but an end is written under an archived project, neither from nor to it")
{
    world w = with_task(task::status::todo, false);
    project::archive shut;
    shut.id = home;
    w.given(shut);
    CHECK(outcome(w.ask(with_title("Undock"))) == "project.archived");
    CHECK(outcome(w.ask(to_it<task::complete>())) == "project.archived");
    CHECK(outcome(w.ask(move_to(abroad))) == "project.archived");
    CHECK(outcome(w.ask(numbered(41))) == "project.archived");
    CHECK(outcome(w.ask(with_title("Dock"))) == "");
    CHECK(outcome(w.ask(dock(task::status::todo))) == "");
    w.given(to_it<task::archive>());
    CHECK(outcome(w.ask(to_it<task::restore>())) == "project.archived");

    world other = with_task(task::status::todo, false);
    shut.id = abroad;
    other.given(shut);
    CHECK(outcome(other.ask(move_to(abroad))) == "project.archived");
    CHECK(outcome(other.ask(with_title("Undock"))) == "task.changed");
}

TEST_CASE("a subtask may live in another project, and is not written while its parent is archived")
{
    world w = with_task(task::status::todo, false);
    auto child = numbered(41);
    child.project_id = abroad;
    child.parent_id = the_task;
    w.given(child);
    w.given(to_it<task::archive>());

    task::complete end;
    end.id = child.id;
    CHECK(outcome(w.ask(end)) == "task.archived");
    auto second = numbered(42);
    second.parent_id = the_task;
    CHECK(outcome(w.ask(second)) == "task.archived");
    task::archive away;
    away.id = child.id;
    w.given(away);
    CHECK(w.state_of<task::state>(child.id).it->archived_at);
    task::restore back;
    back.id = child.id;
    CHECK(outcome(w.ask(back)) == "task.archived");

    w.given(to_it<task::restore>());
    w.given(back);
    CHECK(outcome(w.ask(end)) == "task.completed");
}

TEST_CASE("no task is its own ancestor")
{
    world w = with_projects();
    for (std::uint8_t n = 40; n < 44; ++n)
        w.given(numbered(n));
    CHECK(faults_of(w.ask(with_parent(40, 40))) == "#/parent_id cycle");
    w.given(with_parent(41, 40));
    w.given(with_parent(42, 41));
    CHECK(faults_of(w.ask(with_parent(40, 41))) == "#/parent_id cycle");
    CHECK(faults_of(w.ask(with_parent(40, 42))) == "#/parent_id cycle");
    CHECK(outcome(w.ask(with_parent(40, 43))) == "task.changed");

    task::change free;
    free.id = id<task::task_id>(41);
    free.parent_id = schema::patch<task::task_id>::null();
    w.given(free);
    CHECK(outcome(w.ask(with_parent(40, 41))) == "task.changed");

    auto self = numbered(50);
    self.parent_id = self.id;
    CHECK(outcome(w.ask(self)) == "invalid");
}

TEST_CASE("a task has at most so many tasks above it")
{
    world w = with_projects();
    w.given(numbered(40));
    std::uint8_t deepest = 40;
    for (int level = 0; level < task::ancestors_max; ++level)
    {
        auto child = numbered(static_cast<std::uint8_t>(deepest + 1));
        child.parent_id = id<task::task_id>(deepest);
        w.given(child);
        ++deepest;
    }
    auto one_more = numbered(static_cast<std::uint8_t>(deepest + 1));
    one_more.parent_id = id<task::task_id>(deepest);
    CHECK(faults_of(w.ask(one_more)) == "#/parent_id too_deep");
}

TEST_CASE("unarchived tasks are counted against the plan")
{
    world w = with_projects();
    CHECK(quotas_of(w.ask(numbered(40))) == "+1 tasks up to 200");
    CHECK(quotas_of(w.ask(to_it<task::complete>())) == "");
    CHECK(quotas_of(w.ask(to_it<task::archive>())) == "-1 tasks up to 200");
    CHECK(quotas_of(w.ask(to_it<task::restore>())) == "+1 tasks up to 200");
}
