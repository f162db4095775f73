// The row behind GET /org; its time zone forms the months of the dashboard.
#include "projections/org.hpp"

#include "events/org.hpp"

namespace org
{
const projection::definition& read_model()
{
    static constexpr auto made = projection::stream_projection<item, event>("org", 1, "org", "read.org");
    return made;
}

const projection::list_shape& listing()
{
    static const projection::list_shape shape{
        read_model(), {"slug", "name", "plan", "created_at", "updated_at"}, {"created_at", "name"}};
    return shape;
}
}  // namespace org
