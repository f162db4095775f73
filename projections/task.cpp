// The rows behind /tasks. Counted while not archived: tasks by status, and done ones by member; creations for ever.
#include "projections/task.hpp"

#include "events/task.hpp"
#include "projections/runner/quarter_hour.hpp"

namespace task
{
namespace
{
using projection::quarter_hour_of;

void shares(const item& it, std::vector<projection::share>& out)
{
    out.push_back({"task.created", quarter_hour_of(it.created_at)});
    if (it.archived_at)
        return;
    out.push_back({"task.status", std::string{schema::name_of(it.status)}});
    if (it.status == status::done)
        for (const auto& assignee : it.assignee_ids)
            out.push_back({"task.done_by", assignee.value.text()});
}

std::optional<projection::searchable> find_by(const item& it)
{
    if (it.archived_at)
        return std::nullopt;
    return projection::searchable{it.title, it.description ? std::string_view{*it.description} : "", it.created_at};
}
}  // namespace

const projection::definition& read_model()
{
    static constexpr auto made =
        projection::stream_projection<item, event, shares, find_by>("task", 1, "task", "read.task");
    return made;
}

const projection::list_shape& listing()
{
    static const projection::list_shape shape{
        read_model(),
        {"project_id", "status", "priority", "due_on", "assignee_ids", "labels", "parent_id", "title",
         "estimate_minutes", "completed_at", "created_at", "updated_at"},
        {"created_at", "updated_at", "title", "status", "priority", "due_on", "estimate_minutes", "completed_at"},
        {"title"}};
    return shape;
}
}  // namespace task
