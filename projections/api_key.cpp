// The rows behind /api-keys: never a secret. A key is checked against its stream, not against this.
#include "projections/api_key.hpp"

#include "events/api_key.hpp"

namespace api_key
{
const projection::definition& read_model()
{
    static constexpr auto made = projection::stream_projection<item, event>("api_key", 1, "api_key", "read.api_key");
    return made;
}

const projection::list_shape& listing()
{
    static const projection::list_shape shape{read_model(),
                                              {"name", "member_id", "expires_at", "created_at", "updated_at"},
                                              {"created_at", "name", "expires_at"},
                                              {"name"}};
    return shape;
}
}  // namespace api_key
