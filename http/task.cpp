#include "http/task.hpp"

#include "commands/task.hpp"
#include "http/server/command_route.hpp"
#include "http/server/history.hpp"
#include "http/server/query_route.hpp"
#include "projections/task.hpp"

#include <array>

namespace task
{
namespace
{
using http::change_item;
using http::create_item;
using http::verb;
using schema::schema_of;

constexpr std::array codes{
    http::domain_code{"task.archived", 409, "The task is archived; restore it first."},
    http::domain_code{"project.archived", 409, "The project is archived; restore it first."},
};

void list(http::call& c, http::query_context& with) { http::answer_page(c, with, listing()); }

void get(http::call& c, http::query_context& with) { http::answer_past_of_path<task_id, state>(c, with, listing()); }

void history(http::call& c, http::query_context& with)
{
    http::answer_history_of_path<task_id, state>(c, with, listing());
}

constexpr std::array table{
    http::page_row("/api/v1/tasks", "listTasks", "Lists tasks.", list, schema_of<item>, listing),
    http::create_row("/api/v1/tasks", "createTask", "Creates a task.", create_item<state, command, create>,
                     schema_of<create>, schema_of<item>, codes),
    http::remembered_row("/api/v1/tasks/{id}", "getTask", "Shows a task.", get, schema_of<item>),
    http::history_row("/api/v1/tasks/{id}/history", "listTaskHistory", "Shows what happened to a task.", history,
                      schema_of<item>),
    http::change_row(verb::patch, "/api/v1/tasks/{id}", "updateTask", "Changes a task.",
                     change_item<state, command, change>, schema_of<change>, schema_of<item>, codes),
    http::change_row(verb::delete_, "/api/v1/tasks/{id}", "archiveTask", "Archives a task.",
                     change_item<state, command, archive>, schema_of<archive>, schema_of<item>, codes),
    http::change_row(verb::post, "/api/v1/tasks/{id}/archive", "archiveTaskByVerb", "Archives a task.",
                     change_item<state, command, archive>, schema_of<archive>, schema_of<item>, codes),
    http::change_row(verb::post, "/api/v1/tasks/{id}/restore", "restoreTask", "Restores an archived task.",
                     change_item<state, command, restore>, schema_of<restore>, schema_of<item>, codes),
    http::change_row(verb::post, "/api/v1/tasks/{id}/start", "startTask", "Starts a task.",
                     change_item<state, command, start>, schema_of<start>, schema_of<item>, codes),
    http::change_row(verb::post, "/api/v1/tasks/{id}/wait", "waitTask", "Lets a task wait.",
                     change_item<state, command, wait>, schema_of<wait>, schema_of<item>, codes),
    http::change_row(verb::post, "/api/v1/tasks/{id}/complete", "completeTask", "Completes a task.",
                     change_item<state, command, complete>, schema_of<complete>, schema_of<item>, codes),
    http::change_row(verb::post, "/api/v1/tasks/{id}/reopen", "reopenTask", "Reopens a task.",
                     change_item<state, command, reopen>, schema_of<reopen>, schema_of<item>, codes),
    http::change_row(verb::post, "/api/v1/tasks/{id}/move", "moveTask", "Moves a task to another project.",
                     change_item<state, command, move>, schema_of<move>, schema_of<item>, codes),
};
}  // namespace

std::span<const http::route> routes() { return table; }
}  // namespace task
