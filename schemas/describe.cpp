#include "schemas/describe.hpp"

#include "schemas/formats.hpp"

#include <algorithm>
#include <limits>

namespace schema
{
namespace
{
constexpr auto no_min = std::numeric_limits<std::int64_t>::min();
constexpr auto no_max = std::numeric_limits<std::int64_t>::max();

struct describer
{
    json_writer& out;
    described_as view;

    void record(const record_type&, std::string_view tag);
    void members(const record_type&, std::string_view tag);
    void required(const record_type&, std::string_view tag);
    void member(const field_row&);
    void value(const leaf&, const field_row&, bool nullable);  // members of an object already begun
    void nested(const leaf&, const field_row&, bool nullable);
    void item(const leaf&, const field_row&);

    void type(std::string_view name, bool nullable);
    void text(const field_row&, bool is_item, bool nullable);
    void pattern(std::string_view begin, std::string_view end, bool nullable);
    void spelled(std::string_view form, bool nullable);
    void integer(const leaf&, const field_row&, bool nullable);
    void money(const field_row&, bool nullable);
    void enumeration(const leaf&, bool nullable);
    void alternatives(const leaf&, bool nullable);
    void bound(std::string_view name, std::int64_t given, std::int64_t unset);
};

void describer::type(std::string_view name, bool nullable)
{
    out.key("type");
    if (nullable)
        out.begin_array().string(name).string("null").end_array();
    else
        out.string(name);
}

void describer::bound(std::string_view name, std::int64_t given, std::int64_t unset)
{
    if (given != unset)
        out.key(name).integer(given);
}

void describer::text(const field_row& row, bool is_item, bool nullable)
{
    type("string", nullable);
    bound("minLength", is_item && row.each_max ? std::max<std::int64_t>(row.min, 1) : row.min, no_min);
    const std::int64_t max = is_item && row.each_max ? std::min<std::int64_t>(row.max, row.each_max) : row.max;
    bound("maxLength", row.form == format::email ? std::min<std::int64_t>(max, email_max) : max, no_max);
    if (row.form == format::none)
        return;
    const format_rule& rule = rule_of(row.form);
    if (!rule.json_schema_name.empty())
        out.member("format", rule.json_schema_name);
    if (!rule.pattern.empty())
        out.member("pattern", rule.pattern);
    out.member("x-format", rule.name);
}

void describer::pattern(std::string_view begin, std::string_view end, bool nullable)
{
    type("string", nullable);
    out.member("pattern", std::string{begin}.append(end));
}

void describer::spelled(std::string_view form, bool nullable)
{
    type("string", nullable);
    out.member("format", form);
}

void describer::integer(const leaf& given, const field_row& row, bool nullable)
{
    const std::int64_t natural = given.bytes == 2   ? std::numeric_limits<std::int16_t>::max()
                                 : given.bytes == 4 ? std::numeric_limits<std::int32_t>::max()
                                                    : integer_max;
    type("integer", nullable);
    out.key("minimum").integer(std::max(row.min, given.bytes == 8 ? -natural : -natural - 1));
    out.key("maximum").integer(std::min(row.max, natural));
}

void describer::money(const field_row& row, bool nullable)
{
    type("object", nullable);
    out.key("properties").begin_object();
    out.key("amount_minor").begin_object();
    integer(leaf_of<std::int64_t>, row, false);
    out.member("description", "In the currency's minor unit.").end_object();
    out.key("currency").begin_object();
    text(schema_of<schema::money>.rows[1], false, false);
    out.end_object().end_object();
    out.key("required").begin_array().string("amount_minor").string("currency").end_array();
    out.key("additionalProperties").boolean(false);
}

void describer::enumeration(const leaf& given, bool nullable)
{
    type("string", nullable);
    out.key("enum").begin_array();
    for (std::size_t i = 0; i < given.count; ++i)
        out.string(given.names[i]);
    if (nullable)
        out.null();
    out.end_array();
}

void describer::alternatives(const leaf& given, bool nullable)
{
    out.key("oneOf").begin_array();
    for (std::size_t i = 0; i < given.count; ++i)
    {
        out.begin_object();
        record(*given.alternatives[i], "type");
        out.end_object();
    }
    if (nullable)
        out.begin_object().member("type", "null").end_object();
    out.end_array();
}

void describer::item(const leaf& given, const field_row& row)
{
    out.begin_object();
    if (given.what == kind::text)
        text(row, true, false);
    else
        value(given, row, false);
    out.end_object();
}

void describer::nested(const leaf& given, const field_row& row, bool nullable)
{
    if (given.what == kind::list)
    {
        type("array", nullable);
        out.key("maxItems").integer(row.items_max ? row.items_max : items_default_max);
        out.key("uniqueItems").boolean(true);
        out.key("items");
        item(*given.inner, row);
    }
    else
    {
        type("object", nullable);
        out.key("maxProperties").integer(row.items_max ? row.items_max : items_default_max);
        out.key("additionalProperties");
        item(*given.inner, row);
    }
}

void describer::value(const leaf& given, const field_row& row, bool nullable)
{
    switch (given.what)
    {
    case kind::boolean:
        return type("boolean", nullable);
    case kind::integer:
        return integer(given, row, nullable);
    case kind::text:
        return text(row, false, nullable);
    case kind::uuid:
        return spelled("uuid", nullable);
    case kind::id:
        return pattern("^" + std::string{given.prefix}, "_[0-7][0-9a-hjkmnp-tv-z]{25}$", nullable);
    case kind::moment:
        return spelled("date-time", nullable);
    case kind::day:
        return spelled("date", nullable);
    case kind::money:
        return money(row, nullable);
    case kind::enumeration:
        return enumeration(given, nullable);
    case kind::record:
        type("object", nullable);
        return members(*given.record, {});
    case kind::list:
    case kind::map:
        return nested(given, row, nullable);
    case kind::one_of:
        return alternatives(given, nullable);
    case kind::optional:
    case kind::patch:
    case kind::personal:
        return value(*given.inner, row, !row.not_null);
    }
}

void describer::member(const field_row& row)
{
    out.key(row.name).begin_object();
    value(*row.type, row, false);
    if (row.note)
        out.member("description", row.note);
    if (row.unit)
        out.member("x-unit", row.unit);
    if (row.read_only)
        out.key("readOnly").boolean(true);
    if (row.personal)
        out.key("x-personal").boolean(true);
    if (row.secret)
        out.key("x-secret").boolean(true);
    out.end_object();
}

void describer::required(const record_type& given, std::string_view tag)
{
    out.key("required").begin_array();
    if (!tag.empty())
        out.string(tag);
    for (const field_row& row : given)
        if (view == described_as::answer ? row.type->what != kind::patch : row.required && !row.read_only)
            out.string(row.name);
    out.end_array();
}

void describer::members(const record_type& given, std::string_view tag)
{
    out.key("properties").begin_object();
    if (!tag.empty())
        out.key(tag).begin_object().member("const", given.name).end_object();
    for (const field_row& row : given)
        if (view == described_as::answer || !row.read_only)
            member(row);
    out.end_object();
    required(given, tag);
    if (view == described_as::request)
        out.key("additionalProperties").boolean(false);
}

void describer::record(const record_type& given, std::string_view tag)
{
    out.member("title", given.name);
    type("object", false);
    members(given, tag);
}
}  // namespace

void describe(const record_type& given, json_writer& out, described_as view)
{
    out.begin_object();
    describer{out, view}.record(given, {});
    out.end_object();
}

std::string json_schema(const record_type& given, described_as view)
{
    std::string text;
    json_writer out{text};
    out.begin_object();
    out.member("$schema", "https://json-schema.org/draft/2020-12/schema");
    out.member("$id", std::string{given.name} + '@' + std::to_string(given.version));
    describer{out, view}.record(given, {});
    out.end_object();
    return text;
}
}  // namespace schema
