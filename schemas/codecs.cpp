// The codecs of single values.
#include "schemas/assertion.hpp"
#include "schemas/formats.hpp"
#include "schemas/text.hpp"
#include "schemas/walk.hpp"

#include <algorithm>
#include <cstring>

namespace schema
{
namespace
{
using json::node;
using json::node_type;

// True when the value is of the type asked; notes the fault otherwise.
bool expect(reader& in, const node& given, node_type wanted, const char* sentence)
{
    const node_type found = json::type_of(given);
    if (found == wanted)
        return true;
    if (found == node_type::null)
        in.refuse("null", "Must not be null.");
    else
        in.refuse("mistyped", sentence);
    return false;
}

// Reads a value that is spelled as text.
template <class T, class Parse>
void read_spelled(reader& in, const node& given, void* into, const char* sentence, Parse parse)
{
    if (!expect(in, given, node_type::text, sentence))
        return;
    if (const std::optional<T> value = parse(json::text_of(given)))
        *static_cast<T*>(into) = *value;
    else
        in.refuse("format", sentence);
}

template <class T>
const T& as(const void* from)
{
    return *static_cast<const T*>(from);
}

std::int64_t load_integer(const void* from, std::uint8_t bytes)
{
    if (bytes == 2)
        return as<std::int16_t>(from);
    return bytes == 4 ? as<std::int32_t>(from) : as<std::int64_t>(from);
}

void store_integer(void* into, std::uint8_t bytes, std::int64_t value)
{
    if (bytes == 2)
        *static_cast<std::int16_t*>(into) = static_cast<std::int16_t>(value);
    else if (bytes == 4)
        *static_cast<std::int32_t*>(into) = static_cast<std::int32_t>(value);
    else
        *static_cast<std::int64_t*>(into) = value;
}

// The bounds that an integer of so many bytes has before any row speaks.
std::pair<std::int64_t, std::int64_t> natural_bounds(std::uint8_t bytes, bool strict)
{
    if (bytes == 2)
        return {std::numeric_limits<std::int16_t>::min(), std::numeric_limits<std::int16_t>::max()};
    if (bytes == 4)
        return {std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max()};
    if (strict)
        return {-integer_max, integer_max};
    return {std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()};
}

bool is_within(reader& in, const field_row& row, std::uint8_t bytes, std::int64_t value)
{
    auto [min, max] = natural_bounds(bytes, in.strict);
    if (in.strict)
    {
        min = std::max(min, row.min);
        max = std::min(max, row.max);
    }
    if (value < min)
        in.refuse("too_small", "Must be at least " + std::to_string(min) + '.');
    else if (value > max)
        in.refuse("too_large", "Must be at most " + std::to_string(max) + '.');
    return value >= min && value <= max;
}

bool has_good_length(reader& in, const field_row& row, std::string_view text)
{
    const bool is_item = row.each_max != 0;
    const std::int64_t min = is_item ? std::max<std::int64_t>(row.min, 1) : row.min;
    const std::int64_t max = is_item ? std::min<std::int64_t>(row.max, row.each_max) : row.max;
    const auto count = static_cast<std::int64_t>(code_points(text));
    if (count < min)
        in.refuse("too_short", "Must have at least " + counted(min, "character") + '.');
    else if (count > max)
        in.refuse("too_long", "Must have at most " + counted(max, "character") + '.');
    return count >= min && count <= max;
}
}  // namespace

std::string counted(std::int64_t number, std::string_view noun)
{
    std::string out = std::to_string(number) + ' ' + std::string{noun};
    return number == 1 ? out : out + 's';
}

bool keep_text(reader& in, const field_row& row, std::string_view given, std::string& kept)
{
    if (!in.strict)
    {
        kept.assign(given);
        return true;
    }
    if (has_control_character(given, row.multiline))
    {
        in.refuse("control_character", row.multiline ? "Must have no control characters but newline and tab."
                                                     : "Must have no control characters.");
        return false;
    }
    if (is_ascii(given))
        kept.assign(trim(given));
    else
        kept = nfc(trim(given));
    if (!has_good_length(in, row, kept))
        return false;
    if (row.form != format::none && !rule_of(row.form).holds(kept))
    {
        in.refuse("format", std::string{rule_of(row.form).sentence});
        return false;
    }
    return true;
}

namespace codec
{
void read_boolean(reader& in, const leaf&, node given, const field_row&, void* into)
{
    if (expect(in, given, node_type::boolean, "Must be true or false."))
        *static_cast<bool*>(into) = json::boolean_of(given);
}

void write_boolean(writer& out, const leaf&, const field_row&, const void* from) { out.to.boolean(as<bool>(from)); }

void read_integer(reader& in, const leaf& type, node given, const field_row& row, void* into)
{
    if (!expect(in, given, node_type::integer, "Must be a whole number, written without fraction or exponent."))
        return;
    const std::int64_t value = json::integer_of(given);
    if (is_within(in, row, type.bytes, value))
        store_integer(into, type.bytes, value);
}

void write_integer(writer& out, const leaf& type, const field_row&, const void* from)
{
    out.to.integer(load_integer(from, type.bytes));
}

void read_text(reader& in, const leaf&, node given, const field_row& row, void* into)
{
    if (expect(in, given, node_type::text, "Must be a text."))
        keep_text(in, row, json::text_of(given), *static_cast<std::string*>(into));
}

void write_text(writer& out, const leaf&, const field_row&, const void* from) { out.to.string(as<std::string>(from)); }

void read_uuid(reader& in, const leaf&, node given, const field_row&, void* into)
{
    read_spelled<uuid>(in, given, into, "Must be a UUID.", uuid::parse);
}

void write_uuid(writer& out, const leaf&, const field_row&, const void* from) { out.to.string(as<uuid>(from).text()); }

// Every type_id holds exactly a uuid; its prefix is in the leaf.
void read_id(reader& in, const leaf& type, node given, const field_row&, void* into)
{
    static_assert(sizeof(type_id<"any">) == sizeof(uuid));
    const auto sentence = [&] { return "Must be an id that begins with " + std::string{type.prefix} + "_."; };
    if (json::type_of(given) != node_type::text)
    {
        expect(in, given, node_type::text, sentence().c_str());
        return;
    }
    const std::string_view text = json::text_of(given);
    const std::size_t size = type.prefix.size();
    std::optional<uuid> value;
    if (text.size() > size && text.starts_with(type.prefix) && text[size] == '_')
        value = uuid::parse_base32(text.substr(size + 1));
    if (value)
        *static_cast<uuid*>(into) = *value;
    else
        in.refuse("format", sentence());
}

void write_id(writer& out, const leaf& type, const field_row&, const void* from)
{
    auto& text = out.to.value().text();
    text += '"';
    text += type.prefix;
    text += '_';
    text += as<uuid>(from).base32();
    text += '"';
}

void read_moment(reader& in, const leaf&, node given, const field_row&, void* into)
{
    read_spelled<moment>(in, given, into, "Must be a time as in RFC 3339, such as 2026-01-31T09:30:00Z.",
                         moment::parse);
}

void write_moment(writer& out, const leaf&, const field_row&, const void* from)
{
    auto& text = out.to.value().text();
    text += '"';
    append_text(text, as<moment>(from));
    text += '"';
}

void read_day(reader& in, const leaf&, node given, const field_row&, void* into)
{
    read_spelled<day>(in, given, into, "Must be a date as YYYY-MM-DD.", day::parse);
}

void write_day(writer& out, const leaf&, const field_row&, const void* from)
{
    auto& text = out.to.value().text();
    text += '"';
    append_text(text, as<day>(from));
    text += '"';
}

// A money is a record of two rows, whose amount has the bounds of the row that holds the money.
void read_money(reader& in, const leaf&, node given, const field_row& row, void* into)
{
    if (!expect(in, given, node_type::object, "Must be an object of amount_minor and currency."))
        return;
    const std::size_t faults_before = in.found().size();
    read_rows(in, schema_of<money>, given, into);
    if (in.found().size() != faults_before)
        return;
    const inside amount{in, "amount_minor"};
    is_within(in, row, sizeof(std::int64_t), as<money>(into).amount_minor);
}

void write_money(writer& out, const leaf&, const field_row&, const void* from)
{
    write_rows(out, schema_of<money>, from);
}

void read_enumeration(reader& in, const leaf& type, node given, const field_row&, void* into)
{
    if (!expect(in, given, node_type::text, "Must be a text."))
        return;
    const std::string_view text = json::text_of(given);
    for (std::size_t i = 0; i < type.count; ++i)
    {
        if (type.names[i] != text)
            continue;
        const std::uint64_t value = i;  // little-endian: the first bytes are the enumeration
        std::memcpy(into, &value, std::min<std::size_t>(type.bytes, sizeof(value)));
        return;
    }
    std::string sentence = "Must be one of: ";
    for (std::size_t i = 0; i < type.count; ++i)
        sentence.append(i == 0 ? "" : ", ").append(type.names[i]);
    in.refuse("not_one_of", sentence + '.');
}

void write_enumeration(writer& out, const leaf& type, const field_row&, const void* from)
{
    std::uint64_t value = 0;
    std::memcpy(&value, from, std::min<std::size_t>(type.bytes, sizeof(value)));
    CF_ASSERT(value < type.count);
    out.to.string(type.names[value]);
}
}  // namespace codec
}  // namespace schema
