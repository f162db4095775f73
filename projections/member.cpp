// The rows behind /members. Counted: members that were not removed, and additions for ever.
#include "projections/member.hpp"

#include "events/member.hpp"
#include "projections/runner/quarter_hour.hpp"

namespace member
{
namespace
{
void shares(const item& it, std::vector<projection::share>& out)
{
    out.push_back({"member.created", projection::quarter_hour_of(it.created_at)});
    if (!it.archived_at)
        out.push_back({"member.open", ""});
}
}  // namespace

const projection::definition& read_model()
{
    static constexpr auto made =
        projection::stream_projection<item, event, shares>("member", 2, "member", "read.member");
    return made;
}

const projection::list_shape& listing()
{
    static const projection::list_shape shape{read_model(),
                                              {"email", "name", "role", "type", "created_at", "updated_at"},
                                              {"created_at", "updated_at", "name", "email", "role"},
                                              {"name", "email"},
                                              {"email"}};
    return shape;
}
}  // namespace member
