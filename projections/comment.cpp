// The rows behind /tasks/{id}/comments. Counted: comments that are not archived.
#include "projections/comment.hpp"

#include "events/comment.hpp"

namespace comment
{
namespace
{
void shares(const item& it, std::vector<projection::share>& out)
{
    if (!it.archived_at)
        out.push_back({"comment.open", ""});
}
}  // namespace

const projection::definition& read_model()
{
    static constexpr auto made =
        projection::stream_projection<item, event, shares>("comment", 1, "comment", "read.comment");
    return made;
}

const projection::list_shape& listing()
{
    static const projection::list_shape shape{
        read_model(), {"author_id", "mention_ids", "created_at", "updated_at"}, {"created_at", "updated_at"}, {"body"}};
    return shape;
}
}  // namespace comment
