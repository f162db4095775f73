#include "http/project.hpp"

#include "commands/project.hpp"
#include "http/server/command_route.hpp"
#include "http/server/history.hpp"
#include "http/server/query_route.hpp"
#include "projections/project.hpp"

#include <array>

namespace project
{
namespace
{
using http::change_item;
using http::create_item;
using http::verb;
using schema::schema_of;

constexpr std::array codes{
    http::domain_code{"project.archived", 409, "The project is archived; restore it first."},
    http::domain_code{"client.archived", 409, "The client is archived; restore it first."},
};

void list(http::call& c, http::query_context& with) { http::answer_page(c, with, listing()); }

void get(http::call& c, http::query_context& with) { http::answer_past_of_path<project_id, state>(c, with, listing()); }

void history(http::call& c, http::query_context& with)
{
    http::answer_history_of_path<project_id, state>(c, with, listing());
}

constexpr std::array table{
    http::page_row("/api/v1/projects", "listProjects", "Lists projects.", list, schema_of<item>, listing),
    http::create_row("/api/v1/projects", "createProject", "Creates a project.", create_item<state, command, create>,
                     schema_of<create>, schema_of<item>, codes),
    http::remembered_row("/api/v1/projects/{id}", "getProject", "Shows a project.", get, schema_of<item>),
    http::history_row("/api/v1/projects/{id}/history", "listProjectHistory", "Shows what happened to a project.",
                      history, schema_of<item>),
    http::change_row(verb::patch, "/api/v1/projects/{id}", "updateProject", "Changes a project.",
                     change_item<state, command, change>, schema_of<change>, schema_of<item>, codes),
    http::change_row(verb::delete_, "/api/v1/projects/{id}", "archiveProject", "Archives a project.",
                     change_item<state, command, archive>, schema_of<archive>, schema_of<item>, codes),
    http::change_row(verb::post, "/api/v1/projects/{id}/archive", "archiveProjectByVerb", "Archives a project.",
                     change_item<state, command, archive>, schema_of<archive>, schema_of<item>, codes),
    http::change_row(verb::post, "/api/v1/projects/{id}/restore", "restoreProject", "Restores an archived project.",
                     change_item<state, command, restore>, schema_of<restore>, schema_of<item>, codes),
    http::change_row(verb::post, "/api/v1/projects/{id}/activate", "activateProject", "Activates a project.",
                     change_item<state, command, activate>, schema_of<activate>, schema_of<item>, codes),
    http::change_row(verb::post, "/api/v1/projects/{id}/hold", "holdProject", "Puts a project on hold.",
                     change_item<state, command, hold>, schema_of<hold>, schema_of<item>, codes),
    http::change_row(verb::post, "/api/v1/projects/{id}/complete", "completeProject", "Completes a project.",
                     change_item<state, command, complete>, schema_of<complete>, schema_of<item>, codes),
    http::change_row(verb::post, "/api/v1/projects/{id}/reopen", "reopenProject", "Reopens a completed project.",
                     change_item<state, command, reopen>, schema_of<reopen>, schema_of<item>, codes),
};
}  // namespace

std::span<const http::route> routes() { return table; }
}  // namespace project
