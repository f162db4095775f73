#include "projections/event_cells.hpp"

#include "events/log/wire.hpp"
#include "schemas/assertion.hpp"

namespace projection
{
namespace
{
schema::uuid uuid_in(const std::optional<std::string>& cell)
{
    const auto parsed = schema::uuid::parse(cell.value_or(""));
    CF_ASSERT(parsed.has_value());
    return *parsed;
}
}  // namespace

event_log::recorded event_in(std::span<const std::optional<std::string>> cells, const schema::uuid& tenant,
                             const event_log::position& at)
{
    CF_ASSERT(cells.size() >= event_columns_count);
    event_log::recorded made;
    made.at = at;
    made.event_id = uuid_in(cells[0]);
    made.stream = {tenant, *cells[1], uuid_in(cells[2])};
    made.version = std::stoll(*cells[3]);
    made.type = *cells[4];
    made.schema_version = std::stoi(*cells[5]);
    made.recorded_at = event_log::wire::read_timestamptz(*cells[6]);
    made.data = cells[7].value_or("null");
    made.meta = cells[8].value_or("null");
    return made;
}
}  // namespace projection
