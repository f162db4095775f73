// An event out of a read whose columns are all text.
#pragma once

#include "events/log/envelope.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace projection
{
// What `event_in` wants, in its order, of a relation called `e` that has the columns of es.event.
inline constexpr std::string_view event_columns =
    "e.event_id::text, e.category, e.stream_id::text, e.version::text, e.type, e.schema_version::text,"
    " e.recorded_at::text, e.data::text, e.meta::text";
inline constexpr std::size_t event_columns_count = 9;

// What an event of a relation `x` weighs, as the event feed weighs them: of a compressed value the size in the table
// does not tell what it becomes.
inline constexpr std::string_view event_weight =
    "(case when pg_column_compression(x.data) is null then pg_column_size(x.data)"
    " else octet_length(x.data::text) end + pg_column_size(x.meta))::bigint";

// REQUIRES: there is an event in these cells.
event_log::recorded event_in(std::span<const std::optional<std::string>> cells, const schema::uuid& tenant,
                             const event_log::position& at);
}  // namespace projection
