#include "projections/runner/binary_columns.hpp"

#include "events/log/wire.hpp"
#include "schemas/assertion.hpp"
#include "schemas/json_writer.hpp"
#include "schemas/sized_integer.hpp"

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace projection
{
namespace
{
namespace wire = event_log::wire;
using schema::integer_at;
using schema::kind;
using schema::leaf;

std::string_view name_of(const leaf& enumeration, const void* from)
{
    return enumeration.names[static_cast<std::size_t>(integer_at(from, enumeration.bytes))];
}

void append_binary_integer(wire::fields& into, const leaf& value, std::int64_t n)
{
    if (value.bytes == 8)
        into.int8(n);
    else if (value.bytes == 4)
        into.int4(static_cast<std::int32_t>(n));
    else
        into.int2(static_cast<std::int16_t>(n));
}

void append_binary_value(wire::fields& into, const leaf& value, const void* from)
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

void append_binary_list(wire::fields& into, const leaf& list, const void* from)
{
    const leaf& value = *list.inner;
    const bool of_ids = value.what == kind::uuid || value.what == kind::id;
    wire::array all{of_ids ? wire::uuid_oid : wire::text_oid};
    for (std::size_t i = 0, count = list.reach->count(from); i < count; ++i)
        if (const void* each = list.reach->look(from, i); of_ids)
            all.uuid(*static_cast<const schema::uuid*>(each));
        else
            all.text(value.what == kind::text ? std::string_view{*static_cast<const std::string*>(each)}
                                              : name_of(value, each));
    into.text(all.take());
}

void append_json_id(const leaf& value, const schema::uuid& id, std::string& out)
{
    out.push_back('"');
    if (value.prefix.empty())
        out.append(id.text());
    else
        out.append(value.prefix).append("_").append(id.base32());
    out.push_back('"');
}

void append_number(std::int64_t n, std::string& out)
{
    char digits[24];
    const auto [end, fault] = std::to_chars(digits, digits + sizeof digits, n);
    CF_ASSERT(fault == std::errc{});
    out.append(digits, end);
}

template <class Time>
void append_json_time(const Time& value, std::string& out)
{
    out.push_back('"');
    schema::append_text(out, value);
    out.push_back('"');
}

void append_json_value(const leaf& value, std::string_view bytes, std::string& out)
{
    switch (value.what)
    {
    case kind::boolean:
        out.append(wire::boolean_in(bytes) ? "true" : "false");
        break;
    case kind::integer:
        append_number(wire::integer_in(bytes), out);
        break;
    case kind::uuid:
    case kind::id:
        append_json_id(value, wire::uuid_in(bytes), out);
        break;
    case kind::moment:
        append_json_time(wire::moment_in(bytes), out);
        break;
    case kind::day:
        append_json_time(wire::day_in(bytes), out);
        break;
    default:
        schema::append_quoted(out, bytes);
    }
}

void append_json_list(const leaf& of, std::string_view bytes, std::string& out)
{
    out.push_back('[');
    bool comma = false;
    for (wire::elements walk{bytes}; walk.next();)
    {
        if (std::exchange(comma, true))
            out.push_back(',');
        append_json_value(of, walk.value, out);
    }
    out.push_back(']');
}

void append_json_money(std::string_view amount, std::string_view currency, std::string& out)
{
    append_number(wire::integer_in(amount), out.append("{\"amount_minor\":"));
    schema::append_quoted(out.append(",\"currency\":"), currency);
    out.push_back('}');
}
}  // namespace

void append_binary(const column& of, const void* row, std::string& out)
{
    wire::fields into{out};
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

void append_json(std::span<const column> columns, std::span<const cell> bytes, std::string& out)
{
    CF_ASSERT(columns.size() == bytes.size());
    out.push_back('{');
    for (std::size_t i = 0; i < columns.size(); ++i)
    {
        const column& of = columns[i];
        if (of.part == column_part::currency)
            continue;  // written with its amount, which stands before it
        if (i > 0)
            out.push_back(',');
        out.append(of.key);
        if (!bytes[i])
            out.append("null");
        else if (of.part == column_part::amount)
            append_json_money(*bytes[i], bytes[i + 1].value_or(""), out);
        else if (of.is_list)
            append_json_list(*of.value->inner, *bytes[i], out);
        else
            append_json_value(*of.value, *bytes[i], out);
    }
    out.push_back('}');
}

std::string text_of(const column& of, std::string_view bytes)
{
    CF_ASSERT(!of.is_list);
    if (of.part == column_part::amount)
        return std::to_string(wire::integer_in(bytes));
    if (of.part == column_part::currency)
        return std::string{bytes};
    switch (of.value->what)
    {
    case kind::boolean:
        return wire::boolean_in(bytes) ? "t" : "f";
    case kind::integer:
        return std::to_string(wire::integer_in(bytes));
    case kind::uuid:
    case kind::id:
        return wire::uuid_in(bytes).text();
    case kind::moment:
        return wire::moment_in(bytes).text();
    case kind::day:
        return wire::day_in(bytes).text();
    default:
        return std::string{bytes};
    }
}
}  // namespace projection
