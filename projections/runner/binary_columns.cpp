#include "projections/runner/binary_columns.hpp"

#include "events/log/wire.hpp"
#include "schemas/assertion.hpp"
#include "schemas/sized_integer.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace projection
{
namespace
{
using schema::integer_at;
using schema::kind;
using schema::leaf;

std::string_view name_of(const leaf& enumeration, const void* from)
{
    return enumeration.names[static_cast<std::size_t>(integer_at(from, enumeration.bytes))];
}

void append_binary_integer(event_log::wire::fields& into, const leaf& value, std::int64_t n)
{
    if (value.bytes == 8)
        into.int8(n);
    else if (value.bytes == 4)
        into.int4(static_cast<std::int32_t>(n));
    else
        into.int2(static_cast<std::int16_t>(n));
}

void append_binary_value(event_log::wire::fields& into, const leaf& value, const void* from)
{
    switch (value.what)
    {
    case kind::boolean:
        into.boolean(*static_cast<const bool*>(from));
        break;
    case kind::integer:
        append_binary_integer(into, value, integer_at(from, value.bytes));
        break;
    case kind::text:
        into.text(*static_cast<const std::string*>(from));
        break;
    case kind::uuid:
    case kind::id:
        into.uuid(*static_cast<const schema::uuid*>(from));
        break;
    case kind::moment:
        into.timestamptz(*static_cast<const schema::moment*>(from));
        break;
    case kind::day:
        into.date(*static_cast<const schema::day*>(from));
        break;
    default:
        CF_ASSERT(value.what == kind::enumeration);
        into.text(name_of(value, from));
    }
}

void append_binary_list(event_log::wire::fields& into, const leaf& list, const void* from)
{
    const leaf& value = *list.inner;
    const bool of_ids = value.what == kind::uuid || value.what == kind::id;
    event_log::wire::array all{of_ids ? event_log::wire::uuid_oid : event_log::wire::text_oid};
    for (std::size_t i = 0, count = list.reach->count(from); i < count; ++i)
        if (const void* each = list.reach->look(from, i); of_ids)
            all.uuid(*static_cast<const schema::uuid*>(each));
        else
            all.text(value.what == kind::text ? std::string_view{*static_cast<const std::string*>(each)}
                                              : name_of(value, each));
    into.text(all.take());
}
}  // namespace

void append_binary(const column& of, const void* row, std::string& out)
{
    event_log::wire::fields into{out};
    const void* held = value_in(of, row);
    if (held == nullptr)
        into.null();
    else if (of.is_list)
        append_binary_list(into, *of.value, held);
    else if (of.part == column_part::amount)
        into.int8(static_cast<const schema::money*>(held)->amount_minor);
    else if (of.part == column_part::currency)
        into.text(static_cast<const schema::money*>(held)->currency);
    else
        append_binary_value(into, *of.value, held);
}
}  // namespace projection
