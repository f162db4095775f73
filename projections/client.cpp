// The rows behind /clients. Counted: clients that are not archived.
#include "projections/client.hpp"

#include "events/client.hpp"

namespace client
{
namespace
{
void shares(const item& it, std::vector<projection::share>& out)
{
    if (!it.archived_at)
        out.push_back({"client.open", ""});
}
}  // namespace

const projection::definition& read_model()
{
    static constexpr auto made =
        projection::stream_projection<item, event, shares>("client", 1, "client", "read.client");
    return made;
}

const projection::list_shape& listing()
{
    static const projection::list_shape shape{read_model(),
                                              {"name", "email", "created_at", "updated_at"},
                                              {"created_at", "updated_at", "name"},
                                              {"name", "email"}};
    return shape;
}
}  // namespace client
