// The rows behind /time-entries.
#include "projections/time_entry.hpp"

#include "events/time_entry.hpp"

namespace time_entry
{
const projection::definition& read_model()
{
    static constexpr auto made =
        projection::stream_projection<item, event>("time_entry", 1, "time_entry", "read.time_entry");
    return made;
}

const projection::list_shape& listing()
{
    static const projection::list_shape shape{
        read_model(),
        {"project_id", "task_id", "member_id", "minutes", "spent_on", "billable", "created_at", "updated_at"},
        {"created_at", "updated_at", "spent_on", "minutes"},
        {"note"}};
    return shape;
}
}  // namespace time_entry
