#include "http/comment.hpp"

#include "commands/comment.hpp"
#include "commands/lanes/refusals.hpp"
#include "http/server/command_route.hpp"
#include "http/server/history.hpp"
#include "http/server/query_route.hpp"
#include "projections/comment.hpp"
#include "projections/task.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <utility>

namespace comment
{
namespace
{
using http::verb;
using schema::schema_of;

constexpr std::array codes{
    http::domain_code{"comment.archived", 409, "The comment is archived; restore it first."},
    http::domain_code{"task.archived", 409, "The task is archived; restore it first."},
    http::domain_code{"project.archived", 409, "The project is archived; restore it first."},
};

// A comment is reached through its task: the first id of the path is the task's.
bool create_under_task(http::call& c, lanes::submission& asked)
{
    create command{};
    if (!http::read_path_id(c, 0, command.task_id) || !http::read_birth(c, command, asked))
        return false;
    const auto id = command.id.value;
    return http::submit_as<state, comment::command>(asked, std::move(command), id);
}

// If-Match speaks of a comment that is in this task: one of another task is not there, whatever its version.
std::function<lanes::decided(lanes::view&)> match_under_task(std::function<lanes::decided(lanes::view&)> decide,
                                                             lanes::if_match match, comment_id id, task::task_id under)
{
    return [decide = std::move(decide), match = std::move(match), id, under](lanes::view& sight) -> lanes::decided {
        const state& now = sight.look<state>(id.value);
        const auto& wanted = match.versions;
        const bool is_here = now.it && now.it->task_id == under;
        if (is_here && !match.any && std::find(wanted.begin(), wanted.end(), now.it->version) == wanted.end())
            return lanes::version_mismatch(now.it->version);
        return decide(sight);
    };
}

template <class Command>
bool change_under_task(http::call& c, lanes::submission& asked)
{
    Command command{};
    if (!http::read_path_id(c, 0, command.task_id) || !http::read_path_id(c, 1, command.id) ||
        !http::read_command(c, command, asked))
        return false;
    const auto id = command.id;
    const auto under = command.task_id;
    const auto match = std::exchange(asked.match, std::nullopt);
    http::submit_as<state, comment::command>(asked, std::move(command), id.value);
    if (match)
        asked.decide = match_under_task(std::move(asked.decide), *match, id, under);
    return true;
}

void list(http::call& c, http::query_context& with)
{
    task::task_id of;
    if (http::read_path_id(c, 0, of) && http::expect_row(c, with, task::listing(), of.value))
        http::answer_page(c, with, listing(), projection::under{"task_id", of.value});
}

using answer_function = void (*)(http::call&, http::query_context&, const http::past_of&);

void with_comment(http::call& c, http::query_context& with, answer_function answer)
{
    task::task_id of;
    comment_id id;
    if (http::read_path_id(c, 0, of) && http::read_path_id(c, 1, id))
        answer(c, with, {lanes::aggregate_of<state>(), listing(), id.value, projection::under{"task_id", of.value}});
}

void get(http::call& c, http::query_context& with) { with_comment(c, with, http::answer_past); }

void history(http::call& c, http::query_context& with) { with_comment(c, with, http::answer_history); }

constexpr std::string_view all = "/api/v1/tasks/{task_id}/comments";
constexpr std::string_view one = "/api/v1/tasks/{task_id}/comments/{id}";
constexpr std::string_view past = "/api/v1/tasks/{task_id}/comments/{id}/history";

constexpr std::array table{
    http::page_row(all, "listComments", "Lists a task's comments.", list, schema_of<item>, listing),
    http::create_row(all, "createComment", "Comments on a task.", create_under_task, schema_of<create>, schema_of<item>,
                     codes),
    http::remembered_row(one, "getComment", "Shows a comment.", get, schema_of<item>),
    http::history_row(past, "listCommentHistory", "Shows what happened to a comment.", history, schema_of<item>),
    http::change_row(verb::patch, one, "updateComment", "Changes a comment.", change_under_task<change>,
                     schema_of<change>, schema_of<item>, codes),
    http::change_row(verb::delete_, one, "archiveComment", "Archives a comment.", change_under_task<archive>,
                     schema_of<archive>, schema_of<item>, codes),
    http::change_row(verb::post, "/api/v1/tasks/{task_id}/comments/{id}/archive", "archiveCommentByVerb",
                     "Archives a comment.", change_under_task<archive>, schema_of<archive>, schema_of<item>, codes),
    http::change_row(verb::post, "/api/v1/tasks/{task_id}/comments/{id}/restore", "restoreComment",
                     "Restores an archived comment.", change_under_task<restore>, schema_of<restore>, schema_of<item>,
                     codes),
};
}  // namespace

std::span<const http::route> routes() { return table; }
}  // namespace comment
