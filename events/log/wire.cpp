#include "events/log/wire.hpp"

#include "schemas/assertion.hpp"
#include "schemas/text.hpp"

#include <array>
#include <charconv>
#include <cstring>
#include <stdexcept>

namespace event_log::wire
{
namespace
{
template <class Integer>
void put(std::string& out, Integer value)
{
    std::array<char, sizeof(value)> bytes{};
    for (std::size_t i = 0; i < bytes.size(); ++i)
        bytes[i] = static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * (bytes.size() - 1 - i)));
    out.append(bytes.data(), bytes.size());
}

void put_at(std::string& out, std::size_t at, std::int32_t value)
{
    for (std::size_t i = 0; i < 4; ++i)
        out[at + i] = static_cast<char>(static_cast<std::uint32_t>(value) >> (24 - 8 * i));
}

std::string_view view(const schema::uuid& id)
{
    return {reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size()};
}

constexpr std::size_t count_at = 12;

// PostgreSQL counts from 2000-01-01.
constexpr std::int64_t us_before = 946'684'800'000'000;
constexpr std::int32_t days_before = 10'957;

[[noreturn]] void unreadable(const char* what)
{
    throw std::runtime_error{std::string{"the database answered with an unreadable "} + what};
}
}  // namespace

array::array(oid element)
{
    put<std::int32_t>(out_, 1);  // dimensions
    put<std::int32_t>(out_, 0);  // no nulls
    put(out_, element);
    put<std::int32_t>(out_, 0);  // elements: known at the end
    put<std::int32_t>(out_, 1);  // lower bound
}

array& array::int4(std::int32_t value)
{
    put<std::int32_t>(out_, 4);
    put(out_, value);
    ++count_;
    return *this;
}

array& array::int8(std::int64_t value)
{
    put<std::int32_t>(out_, 8);
    put(out_, value);
    ++count_;
    return *this;
}

array& array::text(std::string_view value)
{
    put<std::int32_t>(out_, static_cast<std::int32_t>(value.size()));
    out_ += value;
    ++count_;
    return *this;
}

array& array::uuid(const schema::uuid& id) { return text(view(id)); }

std::string array::take()
{
    put_at(out_, count_at, count_);
    return std::move(out_);
}

array::row::row(array& into, int columns) : into_(into), columns_left_(columns)
{
    put<std::int32_t>(into_.out_, 0);  // length: known at the end
    begun_at_ = into_.out_.size();
    put<std::int32_t>(into_.out_, columns);
    ++into_.count_;
}

array::row::~row()
{
    CF_ASSERT(columns_left_ == 0);
    put_at(into_.out_, begun_at_ - 4, static_cast<std::int32_t>(into_.out_.size() - begun_at_));
}

array::row& array::row::head(oid type, std::int32_t length)
{
    --columns_left_;
    put(into_.out_, type);
    put(into_.out_, length);
    return *this;
}

array::row& array::row::int2(std::int16_t value)
{
    head(int2_oid, 2);
    put(into_.out_, value);
    return *this;
}

array::row& array::row::int4(std::int32_t value)
{
    head(int4_oid, 4);
    put(into_.out_, value);
    return *this;
}

array::row& array::row::int8(std::int64_t value)
{
    head(int8_oid, 8);
    put(into_.out_, value);
    return *this;
}

array::row& array::row::int8(std::optional<std::int64_t> value) { return value ? int8(*value) : null(int8_oid); }

array::row& array::row::boolean(bool value)
{
    head(bool_oid, 1);
    into_.out_.push_back(value ? '\1' : '\0');
    return *this;
}

array::row& array::row::text(std::string_view value, oid type)
{
    head(type, static_cast<std::int32_t>(value.size()));
    into_.out_ += value;
    return *this;
}

array::row& array::row::uuid(const schema::uuid& id) { return text(view(id), uuid_oid); }

array::row& array::row::null(oid type) { return head(type, -1); }

fields& fields::boolean(bool value)
{
    put<std::int32_t>(out_, 1);
    out_.push_back(value ? '\1' : '\0');
    return *this;
}

fields& fields::int2(std::int16_t value)
{
    put<std::int32_t>(out_, 2);
    put(out_, value);
    return *this;
}

fields& fields::int4(std::int32_t value)
{
    put<std::int32_t>(out_, 4);
    put(out_, value);
    return *this;
}

fields& fields::int8(std::int64_t value)
{
    put<std::int32_t>(out_, 8);
    put(out_, value);
    return *this;
}

fields& fields::text(std::string_view value)
{
    put(out_, static_cast<std::int32_t>(value.size()));
    out_.append(value);
    return *this;
}

fields& fields::uuid(const schema::uuid& value) { return text(view(value)); }

fields& fields::timestamptz(const schema::moment& value) { return int8(value.us - us_before); }

fields& fields::date(const schema::day& value) { return int4(value.since_epoch - days_before); }

fields& fields::null()
{
    put<std::int32_t>(out_, -1);
    return *this;
}

std::string uuid_parameter(const schema::uuid& id) { return std::string{view(id)}; }

std::string int4_parameter(std::int32_t value)
{
    std::string out;
    put(out, value);
    return out;
}

bool boolean_in(std::string_view bytes)
{
    if (bytes.size() != 1)
        unreadable("boolean");
    return bytes[0] != 0;
}

std::int64_t integer_in(std::string_view bytes)
{
    if (bytes.size() != 8 && bytes.size() != 4 && bytes.size() != 2)
        unreadable("number");
    std::uint64_t made = 0;
    for (const char each : bytes)
        made = made << 8 | static_cast<unsigned char>(each);
    const auto above = static_cast<int>(64 - 8 * bytes.size());
    return static_cast<std::int64_t>(made << above) >> above;  // with its sign
}

schema::uuid uuid_in(std::string_view bytes)
{
    schema::uuid made;
    if (bytes.size() != made.bytes.size())
        unreadable("id");
    std::memcpy(made.bytes.data(), bytes.data(), bytes.size());
    return made;
}

schema::moment moment_in(std::string_view bytes)
{
    constexpr std::int64_t year_1_us = -62'135'596'800'000'000, year_10000_us = 253'402'300'800'000'000;
    const auto since_2000_us = bytes.size() == 8 ? integer_in(bytes) : year_10000_us;
    if (since_2000_us < year_1_us - us_before || since_2000_us >= year_10000_us - us_before)
        unreadable("time");
    return {since_2000_us + us_before};
}

schema::day day_in(std::string_view bytes)
{
    constexpr std::int64_t year_1 = -719'162, year_10000 = 2'932'897;
    const auto since_epoch = bytes.size() == 4 ? integer_in(bytes) + days_before : year_10000;
    if (since_epoch < year_1 || since_epoch >= year_10000)
        unreadable("day");
    return {static_cast<std::int32_t>(since_epoch)};
}

elements::elements(std::string_view array)
{
    constexpr std::size_t head = 12, dimension = 8;  // dimensions, nulls, type; then length and lower bound of each
    const auto dimensions = array.size() < head ? -1 : integer_in(array.substr(0, 4));
    if (dimensions == 0)
        return;
    if (dimensions != 1 || array.size() < head + dimension || integer_in(array.substr(4, 4)) != 0)
        unreadable("array");
    left_ = integer_in(array.substr(head, 4));
    rest_ = array.substr(head + dimension);
}

bool elements::next()
{
    if (left_ == 0)
        return false;
    const auto length = rest_.size() < 4 ? -1 : integer_in(rest_.substr(0, 4));
    if (length < 0 || static_cast<std::size_t>(length) > rest_.size() - 4)
        unreadable("array");
    value = rest_.substr(4, static_cast<std::size_t>(length));
    rest_.remove_prefix(4 + value.size());
    --left_;
    return true;
}

schema::uuid read_uuid(const char* text)
{
    const auto id = schema::uuid::parse(text);
    if (!id)
        unreadable("id");
    return *id;
}

std::string read_bytea(std::string_view text)
{
    if (!text.starts_with("\\x"))
        unreadable("bytea");
    auto bytes = schema::from_hex(text.substr(2));
    if (!bytes)
        unreadable("bytea");
    return *std::move(bytes);
}

schema::moment read_timestamptz(std::string_view text)
{
    // Ours by construction, but for the 'T' and the zone's minutes.
    std::string rfc{text};
    if (rfc.size() < 22 || rfc[10] != ' ' || !rfc.ends_with("+00"))
        unreadable("time");
    rfc[10] = 'T';
    rfc.replace(rfc.size() - 3, 3, "Z");
    const auto at = schema::moment::parse(rfc);
    if (!at)
        unreadable("time");
    return *at;
}

std::vector<std::int64_t> read_int_array(std::string_view text)
{
    std::vector<std::int64_t> out;
    if (!text.starts_with('{') || !text.ends_with('}'))
        unreadable("array");
    const char* at = text.data() + 1;
    const char* const end = text.data() + text.size() - 1;
    while (at < end)
    {
        std::int64_t value = 0;
        const auto read = std::from_chars(at, end, value);
        if (read.ec != std::errc{})
            unreadable("array");
        out.push_back(value);
        at = read.ptr == end ? end : read.ptr + 1;
    }
    return out;
}

std::vector<std::string> read_text_array(std::string_view text)
{
    std::vector<std::string> out;
    if (!text.starts_with('{') || !text.ends_with('}'))
        unreadable("array");
    text = text.substr(1, text.size() - 2);
    std::size_t at = 0;
    while (at < text.size())
    {
        std::string value;
        const bool quoted = text[at] == '"';
        at += quoted ? 1 : 0;
        while (at < text.size() && text[at] != (quoted ? '"' : ','))
        {
            at += quoted && text[at] == '\\' ? 1 : 0;
            value += text[at++];
        }
        at += quoted ? 2 : 1;
        out.push_back(std::move(value));
    }
    return out;
}
}  // namespace event_log::wire
