// The spelling of every leaf kind in PostgreSQL's text form, in both directions.
#include "projections/runner/columns.hpp"

#include "schemas/assertion.hpp"
#include "schemas/json_writer.hpp"
#include "schemas/sized_integer.hpp"

#include <charconv>
#include <cstring>
#include <stdexcept>

namespace projection
{
namespace
{
using schema::integer_at;
using schema::kind;
using schema::leaf;
using schema::set_integer;

struct unwrapped
{
    const leaf* value;
    bool is_nullable;
};

unwrapped unwrap(const leaf* type)
{
    bool is_nullable = false;
    while (type->what == kind::optional || type->what == kind::personal || type->what == kind::patch)
    {
        is_nullable = true;
        type = type->inner;
    }
    return {type, is_nullable};
}

std::string_view sql_type_of(const leaf& value, bool is_list)
{
    switch (value.what)
    {
    case kind::boolean:
        return "boolean";
    case kind::integer:
        return value.bytes == 8 ? "bigint" : value.bytes == 4 ? "integer" : "smallint";
    case kind::text:
    case kind::enumeration:
        return is_list ? "text[]" : "text";
    case kind::uuid:
    case kind::id:
        return is_list ? "uuid[]" : "uuid";
    case kind::moment:
        return "timestamp with time zone";
    case kind::day:
        return "date";
    default:
        CF_ASSERT(!"a row's column holds a plain value, a list of ids or texts, or money");
        return {};
    }
}

void append_number(std::string& out, std::int64_t n)
{
    char digits[24];
    const auto [end, fault] = std::to_chars(digits, digits + sizeof digits, n);
    CF_ASSERT(fault == std::errc{});
    out.append(digits, end);
}

// Appends a value that needs no quoting, or quotes it. Texts are always quoted: `NULL`, spaces, commas and braces.
void append_value(std::string& literal, const leaf& value, const void* from)
{
    switch (value.what)
    {
    case kind::boolean:
        literal.push_back(*static_cast<const bool*>(from) ? 't' : 'f');
        break;
    case kind::integer:
        append_number(literal, integer_at(from, value.bytes));
        break;
    case kind::text:
        append_element(literal, *static_cast<const std::string*>(from));
        break;
    case kind::uuid:
    case kind::id:
        literal.append(static_cast<const schema::uuid*>(from)->text());
        break;
    case kind::moment:
        literal.append(static_cast<const schema::moment*>(from)->text());
        break;
    case kind::day:
        literal.append(static_cast<const schema::day*>(from)->text());
        break;
    default:
        CF_ASSERT(value.what == kind::enumeration);
        literal.append(value.names[static_cast<std::size_t>(integer_at(from, value.bytes))]);
    }
}

void* room_in(const leaf* type, void* into)
{
    while (type->what == kind::optional || type->what == kind::personal || type->what == kind::patch)
    {
        into = type->reach->fill(into, 0);
        type = type->inner;
    }
    return into;
}

void append_elements(std::string& out, const leaf& list, const void* from)
{
    out.push_back('{');
    for (std::size_t i = 0, count = list.reach->count(from); i < count; ++i)
    {
        if (i > 0)
            out.push_back(',');
        append_value(out, *list.inner, list.reach->look(from, i));
    }
    out.push_back('}');
}

void append_list(std::string& literal, const leaf& list, const void* from)
{
    std::string inner;
    append_elements(inner, list, from);
    append_element(literal, inner);
}

void append_member(std::string& literal, const column& of, const void* row)
{
    const void* held = value_in(of, row);
    if (held == nullptr)
        literal.append("NULL");
    else if (of.is_list)
        append_list(literal, *of.value, held);
    else if (of.part == column_part::amount)
        append_number(literal, static_cast<const schema::money*>(held)->amount_minor);
    else if (of.part == column_part::currency)
        append_element(literal, static_cast<const schema::money*>(held)->currency);
    else
        append_value(literal, *of.value, held);
}

[[noreturn]] void not_a(const column& of)
{
    throw std::runtime_error("the column " + of.name + " of a read model holds what its kind never prints");
}

std::int64_t number(const column& of, std::string_view text)
{
    std::int64_t n = 0;
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), n);
    if (fault != std::errc{} || end != text.data() + text.size())
        not_a(of);
    return n;
}

schema::uuid uuid_of(const column& of, std::string_view text)
{
    const auto parsed = schema::uuid::parse(text);
    if (!parsed)
        not_a(of);
    return *parsed;
}

// "2026-11-21 06:38:00.5+00" is RFC 3339 but for the space and the minutes of the offset.
schema::moment moment_of(const column& of, std::string_view text)
{
    if (text.size() < 22 || text[10] != ' ' || !text.ends_with("+00"))
        not_a(of);
    std::string spelled{text.substr(0, text.size() - 3)};
    spelled[10] = 'T';
    const auto parsed = schema::moment::parse(spelled.append("Z"));
    if (!parsed)
        not_a(of);
    return *parsed;
}

void read_enumeration(const column& of, const leaf& value, std::string_view text, void* into)
{
    for (std::size_t i = 0; i < value.count; ++i)
        if (value.names[i] == text)
            return set_integer(into, value.bytes, static_cast<std::int64_t>(i));
    not_a(of);
}

void read_value(const column& of, const leaf& value, std::string_view text, void* into)
{
    switch (value.what)
    {
    case kind::boolean:
        *static_cast<bool*>(into) = text == "t";
        break;
    case kind::integer:
        set_integer(into, value.bytes, number(of, text));
        break;
    case kind::text:
        *static_cast<std::string*>(into) = text;
        break;
    case kind::uuid:
    case kind::id:
        *static_cast<schema::uuid*>(into) = uuid_of(of, text);
        break;
    case kind::moment:
        *static_cast<schema::moment*>(into) = moment_of(of, text);
        break;
    case kind::day:
        if (const auto parsed = schema::day::parse(text))
            *static_cast<schema::day*>(into) = *parsed;
        else
            not_a(of);
        break;
    default:
        read_enumeration(of, value, text, into);
    }
}

// Calls `each` with every element of an array as PostgreSQL prints it.
template <class Each>
void for_elements(const column& of, std::string_view text, Each each)
{
    if (text.size() < 2 || text.front() != '{' || text.back() != '}')
        not_a(of);
    text = text.substr(1, text.size() - 2);
    std::string unescaped;
    while (!text.empty())
    {
        std::size_t end = 0;
        if (text.front() == '"')
        {
            unescaped.clear();
            for (end = 1; end < text.size() && text[end] != '"'; ++end)
            {
                if (text[end] == '\\' && end + 1 < text.size())
                    ++end;
                unescaped.push_back(text[end]);
            }
            each(std::string_view{unescaped});
            end = std::min(end + 1, text.size());
        }
        else
        {
            end = std::min(text.find(','), text.size());
            each(text.substr(0, end));
        }
        text.remove_prefix(std::min(end + 1, text.size()));
    }
}
}  // namespace

const void* value_in(const column& of, const void* row)
{
    const void* held = of.row->member(const_cast<void*>(row));  // only looked at
    for (const leaf* type = of.row->type; held && type != of.value; type = type->inner)
        held = type->reach->look(held, 0);
    return held;
}

std::vector<column> columns_of(const schema::record_type& type)
{
    std::vector<column> columns;
    for (const auto& row : type)
    {
        const auto [value, is_nullable] = unwrap(row.type);
        const std::string name{row.name};
        if (value->what == kind::money)
        {
            columns.push_back({name + "_amount_minor", "bigint", &row, value, column_part::amount, is_nullable});
            columns.push_back({name + "_currency", "text", &row, value, column_part::currency, is_nullable});
        }
        else if (value->what == kind::list)
            columns.push_back(
                {name, sql_type_of(*value->inner, true), &row, value, column_part::whole, is_nullable, true});
        else
            columns.push_back({name, sql_type_of(*value, false), &row, value, column_part::whole, is_nullable});
    }
    for (auto& each : columns)
        each.key.append("\"").append(each.row->name).append("\":");
    return columns;
}

column_arrays::column_arrays(std::span<const column> columns) : columns_(columns), texts_(columns.size(), "{") {}

void column_arrays::add(const void* row)
{
    for (std::size_t i = 0; i < columns_.size(); ++i)
    {
        if (rows_ > 0)
            texts_[i].push_back(',');
        append_member(texts_[i], columns_[i], row);
    }
    ++rows_;
}

void append_element(std::string& literal, std::string_view text)
{
    literal.push_back('"');
    for (std::size_t from = 0;;)
    {
        const std::size_t special = text.find_first_of("\"\\", from);
        literal.append(text.substr(from, special - from));
        if (special == std::string_view::npos)
            break;
        literal.push_back('\\');
        literal.push_back(text[special]);
        from = special + 1;
    }
    literal.push_back('"');
}

std::string array_literal(std::span<const std::string> texts)
{
    std::string literal{"{"};
    for (const auto& text : texts)
    {
        if (literal.size() > 1)
            literal.push_back(',');
        append_element(literal, text);
    }
    return literal + '}';
}

void read_cells(std::span<const column> columns, std::span<const cell> cells, void* row)
{
    CF_ASSERT(columns.size() == cells.size());
    for (std::size_t i = 0; i < columns.size(); ++i)
    {
        const column& of = columns[i];
        if (!cells[i])
            continue;  // the row is fresh: nothing is what it holds
        if (of.part == column_part::currency)
            continue;  // read with its amount, which stands before it
        void* into = room_in(of.row->type, of.row->member(row));
        if (of.part == column_part::amount)
            *static_cast<schema::money*>(into) = {number(of, *cells[i]), std::string{cells[i + 1].value_or("")}};
        else if (of.is_list)
            for_elements(of, *cells[i], [&](std::string_view element) {
                read_value(of, *of.value->inner, element, of.value->reach->fill(into, 0));
            });
        else
            read_value(of, *of.value, *cells[i], into);
    }
}

namespace
{
std::optional<std::string> id_text(const leaf& value, std::string_view given)
{
    if (value.prefix.empty())
    {
        const auto plain = schema::uuid::parse(given);
        return plain ? std::optional{plain->text()} : std::nullopt;
    }
    if (given.size() != value.prefix.size() + 27 || !given.starts_with(value.prefix) ||
        given[value.prefix.size()] != '_')
        return std::nullopt;
    const auto parsed = schema::uuid::parse_base32(given.substr(value.prefix.size() + 1));
    return parsed ? std::optional{parsed->text()} : std::nullopt;
}

std::optional<std::string> number_text(std::string_view given, std::string_view sql_type)
{
    std::int64_t n = 0;
    const auto [end, fault] = std::from_chars(given.data(), given.data() + given.size(), n);
    if (given.empty() || fault != std::errc{} || end != given.data() + given.size())
        return std::nullopt;
    const std::int64_t bound = sql_type == "smallint" ? INT16_MAX : sql_type == "integer" ? INT32_MAX : INT64_MAX;
    if (n > bound || n < -bound)
        return std::nullopt;
    return std::to_string(n);
}

std::optional<std::string> enumeration_text(const leaf& value, std::string_view given)
{
    for (std::size_t i = 0; i < value.count; ++i)
        if (value.names[i] == given)
            return std::string{given};
    return std::nullopt;
}
}  // namespace

std::optional<std::string> column_text(const column& of, std::string_view given)
{
    if (of.part == column_part::amount)
        return number_text(given, of.sql_type);
    if (of.part == column_part::currency)
        return std::string{given};
    const leaf& value = of.is_list ? *of.value->inner : *of.value;
    switch (value.what)
    {
    case kind::boolean:
        return given == "true" || given == "false" ? std::optional{std::string{given}} : std::nullopt;
    case kind::integer:
        return number_text(given, of.sql_type);
    case kind::uuid:
    case kind::id:
        return id_text(value, given);
    case kind::enumeration:
        return enumeration_text(value, given);
    case kind::moment:
    {
        const auto parsed = schema::moment::parse(given);
        return parsed ? std::optional{parsed->text()} : std::nullopt;
    }
    case kind::day:
    {
        const auto parsed = schema::day::parse(given);
        return parsed ? std::optional{parsed->text()} : std::nullopt;
    }
    default:
        return std::string{given};
    }
}
}  // namespace projection
