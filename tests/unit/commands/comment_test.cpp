// Comments: every command in every state, and the task they live under.
#include "tests/unit/commands/truth_table.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace testing;

namespace
{
const auto the_project = id<project::project_id>(10);
const auto the_task = id<task::task_id>(40);
const auto other_task = id<task::task_id>(41);
const auto the_comment = id<comment::comment_id>(60);

comment::create saying(std::string body)
{
    comment::create c;
    c.id = the_comment;
    c.task_id = the_task;
    c.body = std::move(body);
    return c;
}

template <class Command>
Command to_it()
{
    Command c;
    c.id = the_comment;
    c.task_id = the_task;
    return c;
}

template <class Command>
Command elsewhere()
{
    auto c = to_it<Command>();
    c.task_id = other_task;
    return c;
}

comment::change to_say(std::string body)
{
    auto c = to_it<comment::change>();
    c.body = std::move(body);
    return c;
}

comment::change mentioning(std::vector<member::member_id> who)
{
    auto c = to_it<comment::change>();
    c.mention_ids = std::move(who);
    return c;
}

world with_tasks()
{
    world w;
    project::create p;
    p.id = the_project;
    p.name = "Gemini";
    w.given(p);
    task::create t;
    t.id = the_task;
    t.project_id = the_project;
    t.title = "Dock";
    w.given(t);
    t.id = other_task;
    w.given(t);
    return w;
}

// The states of the table's columns: unborn, open, archived.
world in_state(std::size_t column)
{
    world w = with_tasks();
    if (column > 0)
        w.given(saying("Go"));
    if (column > 1)
        w.given(to_it<comment::archive>());
    return w;
}

// clang-format off
const std::vector<line<comment::command>>& table()
{
    static const std::string none = "!not_found", shut = "!comment.archived", taken = "!already_exists";
    static const std::string made = "comment.created", edit = "comment.changed", away = "comment.archived",
                             back = "comment.restored";
    static const std::vector<line<comment::command>> lines{
        // columns: unborn, open, archived
        {"nothing to change", to_it<comment::change>(),        {none, "",    ""}},
        {"what it says",      to_say("Go"),                    {none, "",    ""}},
        {"something else",    to_say("Stop"),                  {none, edit,  shut}},
        {"a mention",         mentioning({world::owner_id()}), {none, edit,  shut}},
        {"no mention",        mentioning({}),                  {none, "",    ""}},
        {"archive",           to_it<comment::archive>(),       {none, away,  ""}},
        {"restore",           to_it<comment::restore>(),       {none, "",    back}},
        {"create the same",   saying("Go"),                    {made, "",    ""}},
        {"create another",    saying("Stop"),                  {made, taken, taken}},
        {"change elsewhere",  elsewhere<comment::change>(),    {none, none,  none}},
        {"archive elsewhere", elsewhere<comment::archive>(),   {none, none,  none}},
        {"restore elsewhere", elsewhere<comment::restore>(),   {none, none,  none}},
    };
    return lines;
}
// clang-format on
}  // namespace

TEST_CASE("every command on a comment, in every state, comes to what the table says")
{
    check_every_cell(table(), in_state);
}

TEST_CASE("asking a comment again for what was agreed to changes nothing")
{
    check_again_changes_nothing<comment::state>(table(), in_state);
}

TEST_CASE("a comment's author is the member behind the key, or nobody, and stays")
{
    world w = with_tasks();
    w.given(saying("Go"), by_member(world::owner_id()));
    CHECK(w.state_of<comment::state>(the_comment).it->author_id == world::owner_id());
    w.given(to_say("Stop"));
    CHECK(w.state_of<comment::state>(the_comment).it->author_id == world::owner_id());

    auto again = w.ask(saying("Go"), by_key());
    REQUIRE(again);
    CHECK(again->replayed);

    world other = in_state(1);
    CHECK(!other.state_of<comment::state>(the_comment).it->author_id);
}

TEST_CASE("a comment under a task that is not there is not found")
{
    world w;
    CHECK(outcome(w.ask(saying("Go"))) == "not_found");
}

TEST_CASE("mentions must be members")
{
    world w = with_tasks();
    auto c = saying("Go");
    c.mention_ids = {id<member::member_id>(99), world::owner_id()};
    CHECK(faults_of(w.ask(c)) == "#/mention_ids/0 not_found");
    w.given(saying("Go"));
    CHECK(faults_of(w.ask(mentioning({id<member::member_id>(99)}))) == "#/mention_ids/0 not_found");
}

TEST_CASE("nothing but an end is written under an archived task, nor under a task of an archived project")
{
    world w = in_state(1);
    task::archive shut;
    shut.id = the_task;
    w.given(shut);
    CHECK(outcome(w.ask(to_say("Stop"))) == "task.archived");
    CHECK(outcome(w.ask(to_say("Go"))) == "");
    w.given(to_it<comment::archive>());
    CHECK(outcome(w.ask(to_it<comment::restore>())) == "task.archived");

    world other = in_state(1);
    project::archive closed;
    closed.id = the_project;
    other.given(closed);
    CHECK(outcome(other.ask(to_say("Stop"))) == "project.archived");
    auto more = saying("More");
    more.id = id<comment::comment_id>(61);
    CHECK(outcome(other.ask(more)) == "project.archived");
    other.given(to_it<comment::archive>());
    CHECK(outcome(other.ask(to_it<comment::restore>())) == "project.archived");
}

TEST_CASE("unarchived comments are counted against the plan")
{
    world w = with_tasks();
    CHECK(quotas_of(w.ask(saying("Go"))) == "+1 comments up to 500");
    CHECK(quotas_of(w.ask(to_it<comment::archive>())) == "-1 comments up to 500");
    CHECK(quotas_of(w.ask(to_it<comment::restore>())) == "+1 comments up to 500");
}
