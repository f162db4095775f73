// The rows behind /members. Counted: members that were not removed.
#include "projections/member.hpp"

#include "events/member.hpp"

namespace member
{
namespace
{
void shares(const item& it, std::vector<projection::share>& out)
{
    if (!it.archived_at)
        out.push_back({"member.open", ""});
}
}  // namespace

const projection::definition& read_model()
{
    static constexpr auto made =
        projection::stream_projection<item, event, shares>("member", 1, "member", "read.member");
    return made;
}

const projection::list_shape& listing()
{
    static const projection::list_shape shape{read_model(),
                                              {"email", "name", "role", "type", "created_at", "updated_at"},
                                              {"created_at", "updated_at", "name", "email", "role"},
                                              {"name", "email"}};
    return shape;
}
}  // namespace member
