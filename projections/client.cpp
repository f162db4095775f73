// The rows behind /clients. Counted: clients that are not archived, and creations for ever. Found by their names alone:
// e-mail, phone and notes are a person's, and stand in no index of words.
#include "projections/client.hpp"

#include "events/client.hpp"
#include "projections/runner/quarter_hour.hpp"

namespace client
{
namespace
{
void shares(const item& it, std::vector<projection::share>& out)
{
    out.push_back({"client.created", projection::quarter_hour_of(it.created_at)});
    if (!it.archived_at)
        out.push_back({"client.open", ""});
}

std::optional<projection::searchable> find_by(const item& it)
{
    return it.archived_at ? std::nullopt : std::optional{projection::searchable{it.name, {}, it.created_at}};
}
}  // namespace

const projection::definition& read_model()
{
    static constexpr auto made =
        projection::stream_projection<item, event, shares, find_by>("client", 2, "client", "read.client");
    return made;
}

const projection::list_shape& listing()
{
    static const projection::list_shape shape{read_model(),
                                              {"name", "email", "created_at", "updated_at"},
                                              {"created_at", "updated_at", "name"},
                                              {"name", "email"},
                                              {"email"}};
    return shape;
}
}  // namespace client
