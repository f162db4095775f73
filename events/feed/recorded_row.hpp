// An event out of a result, for the statements of this folder.
#pragma once

#include "events/log/binary_rows.hpp"
#include "events/log/envelope.hpp"

#include <cstddef>

namespace event_feed
{
// The columns that `read_recorded` wants first, in its order, of a relation called `e`.
inline constexpr const char* recorded_columns =
    "e.lane, e.seq, e.schema_version, e.version, e.recorded_at, e.event_id, e.tenant_id, e.stream_id, e.category, "
    "e.type, e.data, e.meta";
inline constexpr std::size_t recorded_columns_count = 12;

// What an event of a relation `e` weighs in a batch. The size in the table costs no reading of the value, but of a
// compressed one it does not tell what it becomes.
inline constexpr const char* recorded_weight =
    "(case when pg_column_compression(e.data) is null then pg_column_size(e.data)"
    "      else octet_length(e.data::text) end + pg_column_size(e.meta))";

event_log::recorded read_recorded(const event_log::binary_rows&, std::size_t row);
}  // namespace event_feed
