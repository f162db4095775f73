#include "events/feed/recorded_row.hpp"

#include "events/log/wire.hpp"

namespace event_feed
{
event_log::recorded read_recorded(const event_log::binary_rows& rows, std::size_t row)
{
    namespace wire = event_log::wire;
    const auto field = [&](std::size_t column) { return rows.at(row, column).value_or(std::string_view{}); };
    event_log::recorded out;
    out.at = {static_cast<std::int32_t>(wire::integer_in(field(0))), wire::integer_in(field(1))};
    out.schema_version = static_cast<std::int32_t>(wire::integer_in(field(2)));
    out.version = wire::integer_in(field(3));
    out.recorded_at = wire::moment_in(field(4));
    out.event_id = wire::uuid_in(field(5));
    out.stream = {wire::uuid_in(field(6)), std::string{field(8)}, wire::uuid_in(field(7))};
    out.type = field(9);
    out.data = field(10);
    out.meta = field(11);
    return out;
}
}  // namespace event_feed
