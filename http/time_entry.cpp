#include "http/time_entry.hpp"

#include "commands/time_entry.hpp"
#include "http/server/command_route.hpp"
#include "http/server/history.hpp"
#include "http/server/query_route.hpp"
#include "projections/time_entry.hpp"

#include <array>

namespace time_entry
{
namespace
{
using http::change_item;
using http::create_item;
using http::verb;
using schema::schema_of;

constexpr std::array codes{
    http::domain_code{"time_entry.archived", 409, "The time entry is archived; restore it first."},
    http::domain_code{"project.archived", 409, "The project is archived; restore it first."},
    http::domain_code{"task.archived", 409, "The task is archived; restore it first."},
};

void list(http::call& c, http::query_context& with) { http::answer_page(c, with, listing()); }

void get(http::call& c, http::query_context& with) { http::answer_past_of_path<entry_id, state>(c, with, listing()); }

void history(http::call& c, http::query_context& with)
{
    http::answer_history_of_path<entry_id, state>(c, with, listing());
}

constexpr std::string_view all = "/api/v1/time-entries";
constexpr std::string_view one = "/api/v1/time-entries/{id}";

constexpr std::array table{
    http::page_row(all, "listTimeEntries", "Lists time entries.", list, schema_of<item>, listing),
    http::create_row(all, "createTimeEntry", "Books time on a project.", create_item<state, command, create>,
                     schema_of<create>, schema_of<item>, codes),
    http::remembered_row(one, "getTimeEntry", "Shows a time entry.", get, schema_of<item>),
    http::history_row("/api/v1/time-entries/{id}/history", "listTimeEntryHistory",
                      "Shows what happened to a time entry.", history, schema_of<item>),
    http::change_row(verb::patch, one, "updateTimeEntry", "Changes a time entry.", change_item<state, command, change>,
                     schema_of<change>, schema_of<item>, codes),
    http::change_row(verb::delete_, one, "archiveTimeEntry", "Archives a time entry.",
                     change_item<state, command, archive>, schema_of<archive>, schema_of<item>, codes),
    http::change_row(verb::post, "/api/v1/time-entries/{id}/archive", "archiveTimeEntryByVerb",
                     "Archives a time entry.", change_item<state, command, archive>, schema_of<archive>,
                     schema_of<item>, codes),
    http::change_row(verb::post, "/api/v1/time-entries/{id}/restore", "restoreTimeEntry",
                     "Restores an archived time entry.", change_item<state, command, restore>, schema_of<restore>,
                     schema_of<item>, codes),
};
}  // namespace

std::span<const http::route> routes() { return table; }
}  // namespace time_entry
