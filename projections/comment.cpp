// The rows behind /tasks/{id}/comments. Counted: comments that are not archived, and creations
// for ever.
#include "projections/comment.hpp"

#include "events/comment.hpp"
#include "projections/runner/quarter_hour.hpp"

namespace comment
{
namespace
{
void shares(const item& it, std::vector<projection::share>& out)
{
    out.push_back({"comment.created", projection::quarter_hour_of(it.created_at)});
    if (!it.archived_at)
        out.push_back({"comment.open", ""});
}
}  // namespace

const projection::definition& read_model()
{
    static constexpr auto made =
        projection::stream_projection<item, event, shares>("comment", 2, "comment", "read.comment");
    return made;
}

const projection::list_shape& listing()
{
    static const projection::list_shape shape{
        read_model(), {"author_id", "mention_ids", "created_at", "updated_at"}, {"created_at", "updated_at"}, {"body"}};
    return shape;
}
}  // namespace comment
