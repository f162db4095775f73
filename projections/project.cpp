// The rows behind /projects. Counted while not archived: projects by status, and budgets by currency; creations
// for ever.
#include "projections/project.hpp"

#include "events/project.hpp"
#include "projections/runner/quarter_hour.hpp"

namespace project
{
namespace
{
using projection::quarter_hour_of;

void shares(const item& it, std::vector<projection::share>& out)
{
    out.push_back({"project.created", quarter_hour_of(it.created_at)});
    if (it.archived_at)
        return;
    out.push_back({"project.status", std::string{schema::name_of(it.status)}});
    if (it.budget)
        out.push_back({"project.budget",
                       it.budget->currency + (it.status == status::completed ? "/completed" : "/open"),
                       it.budget->amount_minor});
}

std::optional<projection::searchable> find_by(const item& it)
{
    if (it.archived_at)
        return std::nullopt;
    return projection::searchable{it.name, it.description ? std::string_view{*it.description} : "", it.created_at};
}
}  // namespace

const projection::definition& read_model()
{
    static constexpr auto made =
        projection::stream_projection<item, event, shares, find_by>("project", 2, "project", "read.project");
    return made;
}

const projection::list_shape& listing()
{
    static const projection::list_shape shape{
        read_model(),
        {"client_id", "status", "name", "starts_on", "due_on", "member_ids", "created_at", "updated_at"},
        {"created_at", "updated_at", "name", "status", "starts_on", "due_on"},
        {"name"}};
    return shape;
}
}  // namespace project
