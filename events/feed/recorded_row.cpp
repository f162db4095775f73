#include "events/feed/recorded_row.hpp"

#include "events/log/wire.hpp"

#include <pqxx/pqxx>

#include <charconv>
#include <cstdint>
#include <string>

namespace event_feed
{
namespace
{
namespace wire = event_log::wire;

std::int64_t integer(const pqxx::field& from)
{
    std::int64_t value = 0;
    const char* const text = from.c_str();
    std::from_chars(text, text + from.size(), value);
    return value;
}

std::string text(const pqxx::field& from) { return {from.c_str(), from.size()}; }
}  // namespace

event_log::recorded read_recorded(const pqxx::row& row)
{
    event_log::recorded out;
    out.at = {static_cast<std::int32_t>(integer(row[0])), integer(row[1])};
    out.schema_version = static_cast<std::int32_t>(integer(row[2]));
    out.version = integer(row[3]);
    out.recorded_at = wire::read_timestamptz({row[4].c_str(), row[4].size()});
    out.event_id = wire::read_uuid(row[5].c_str());
    out.stream = {wire::read_uuid(row[6].c_str()), text(row[8]), wire::read_uuid(row[7].c_str())};
    out.type = text(row[9]);
    out.data = text(row[10]);
    out.meta = text(row[11]);
    return out;
}
}  // namespace event_feed
