// Walks a struct's leaves: fixed sizes for ids and times, zigzag varints for integers, a length before texts and lists.
#include "schemas/row_codec.hpp"

#include "schemas/assertion.hpp"
#include "schemas/sized_integer.hpp"

#include <cstring>

namespace schema
{
namespace
{
void put_varint(std::string& out, std::uint64_t n)
{
    for (; n >= 0x80; n >>= 7)
        out.push_back(static_cast<char>(n | 0x80));
    out.push_back(static_cast<char>(n));
}

void put_integer(std::string& out, std::int64_t n)
{
    put_varint(out, static_cast<std::uint64_t>(n) << 1 ^ static_cast<std::uint64_t>(n >> 63));
}

void put_text(std::string& out, std::string_view text)
{
    put_varint(out, text.size());
    out.append(text);
}

void encode(const leaf&, const void* from, std::string& out);

void encode_map(const leaf& type, const void* from, std::string& out)
{
    struct walk
    {
        const leaf& inner;
        std::string& out;
    } context{*type.inner, out};
    put_varint(out, type.entries->count(from));
    type.entries->each(from, &context, [](void* at, std::string_view key, const void* value) {
        auto& walking = *static_cast<walk*>(at);
        put_text(walking.out, key);
        encode(walking.inner, value, walking.out);
    });
}

void encode_container(const leaf& type, const void* from, std::string& out)
{
    switch (type.what)
    {
    case kind::list:
    {
        const std::size_t count = type.reach->count(from);
        put_varint(out, count);
        for (std::size_t i = 0; i < count; ++i)
            encode(*type.inner, type.reach->look(from, i), out);
        break;
    }
    case kind::optional:
    case kind::patch:
    case kind::personal:
    {
        const void* held = type.reach->look(from, 0);
        out.push_back(held ? 1 : 0);
        if (held)
            encode(*type.inner, held, out);
        break;
    }
    case kind::one_of:
    {
        const std::size_t which = type.reach->count(from);
        put_varint(out, which);
        encode_row(*type.alternatives[which], type.reach->look(from, 0), out);
        break;
    }
    default:
        encode_map(type, from, out);
    }
}

void encode(const leaf& type, const void* from, std::string& out)
{
    switch (type.what)
    {
    case kind::boolean:
        out.push_back(*static_cast<const bool*>(from) ? 1 : 0);
        break;
    case kind::integer:
    case kind::enumeration:
        put_integer(out, integer_at(from, type.bytes));
        break;
    case kind::text:
        put_text(out, *static_cast<const std::string*>(from));
        break;
    case kind::uuid:
    case kind::id:
        out.append(static_cast<const char*>(from), sizeof(uuid));
        break;
    case kind::moment:
        put_integer(out, static_cast<const moment*>(from)->us);
        break;
    case kind::day:
        put_integer(out, static_cast<const day*>(from)->since_epoch);
        break;
    case kind::money:
        put_integer(out, static_cast<const money*>(from)->amount_minor);
        put_text(out, static_cast<const money*>(from)->currency);
        break;
    case kind::record:
        encode_row(*type.record, from, out);
        break;
    default:
        encode_container(type, from, out);
    }
}

// Reads forward through bytes that may be anything; after the first fault all reads are empty and `well` is false.
struct cursor
{
    std::string_view left;
    bool well = true;

    std::string_view take(std::uint64_t count)
    {
        if (count > left.size())
        {
            well = false;
            left = {};
            return {};
        }
        const auto taken = left.substr(0, count);
        left.remove_prefix(count);
        return taken;
    }

    std::uint64_t varint()
    {
        std::uint64_t n = 0;
        for (int shift = 0; shift < 64; shift += 7)
        {
            const auto byte = take(1);
            if (byte.empty())
                return 0;
            n |= static_cast<std::uint64_t>(byte[0] & 0x7f) << shift;
            if ((byte[0] & 0x80) == 0)
                return n;
        }
        well = false;
        return 0;
    }

    std::int64_t integer()
    {
        const std::uint64_t n = varint();
        return static_cast<std::int64_t>(n >> 1) ^ -static_cast<std::int64_t>(n & 1);
    }

    std::string text() { return std::string{take(varint())}; }
};

void decode(const leaf&, void* into, cursor&);

void decode_members(const record_type& type, void* row, cursor& from)
{
    for (const auto& member : type)
        decode(*member.type, member.member(row), from);
}

void decode_container(const leaf& type, void* into, cursor& from)
{
    switch (type.what)
    {
    case kind::list:
        type.reach->clear(into);
        for (std::uint64_t count = from.varint(); count > 0 && from.well; --count)
            decode(*type.inner, type.reach->fill(into, 0), from);
        break;
    case kind::optional:
    case kind::patch:
    case kind::personal:
        if (const auto held = from.take(1); !held.empty() && held[0] != 0)
            decode(*type.inner, type.reach->fill(into, 0), from);
        else
            type.reach->clear(into);
        break;
    case kind::one_of:
        if (const std::uint64_t which = from.varint(); which < type.count)
            decode_members(*type.alternatives[which], type.reach->fill(into, which), from);
        else
            from.well = false;
        break;
    default:
        type.entries->clear(into);
        for (std::uint64_t count = from.varint(); count > 0 && from.well; --count)
        {
            void* value = type.entries->insert(into, from.text());
            if (value == nullptr)
                from.well = false;
            else
                decode(*type.inner, value, from);
        }
    }
}

void decode_enumeration(const leaf& type, void* into, cursor& from)
{
    const std::int64_t value = from.integer();
    if (value < 0 || static_cast<std::size_t>(value) >= type.count)
        from.well = false;
    else
        set_integer(into, type.bytes, value);
}

void decode(const leaf& type, void* into, cursor& from)
{
    switch (type.what)
    {
    case kind::boolean:
        *static_cast<bool*>(into) = from.take(1) == std::string_view{"\1", 1};
        break;
    case kind::integer:
        set_integer(into, type.bytes, from.integer());
        break;
    case kind::enumeration:
        decode_enumeration(type, into, from);
        break;
    case kind::text:
        *static_cast<std::string*>(into) = from.text();
        break;
    case kind::uuid:
    case kind::id:
        if (const auto bytes = from.take(sizeof(uuid)); from.well)
            std::memcpy(into, bytes.data(), bytes.size());
        break;
    case kind::moment:
        static_cast<moment*>(into)->us = from.integer();
        break;
    case kind::day:
        static_cast<day*>(into)->since_epoch = static_cast<std::int32_t>(from.integer());
        break;
    case kind::money:
        static_cast<money*>(into)->amount_minor = from.integer();
        static_cast<money*>(into)->currency = from.text();
        break;
    case kind::record:
        decode_members(*type.record, into, from);
        break;
    default:
        decode_container(type, into, from);
    }
}

// FNV-1a over everything that decides the bytes' form.
struct shape_digest
{
    std::uint64_t value = 14695981039346656037U;

    void add(std::string_view text)
    {
        for (const char c : text)
            value = (value ^ static_cast<unsigned char>(c)) * 1099511628211U;
        value = (value ^ 0xff) * 1099511628211U;
    }
};

void add_shape(const record_type&, shape_digest&);

void add_shape(const leaf& type, shape_digest& to)
{
    to.add(std::to_string(static_cast<int>(type.what)));
    to.add(type.prefix);
    for (std::size_t i = 0; type.what == kind::enumeration && i < type.count; ++i)
        to.add(type.names[i]);
    for (std::size_t i = 0; type.what == kind::one_of && i < type.count; ++i)
        add_shape(*type.alternatives[i], to);
    if (type.what == kind::record)
        add_shape(*type.record, to);
    if (type.inner)
        add_shape(*type.inner, to);
}

void add_shape(const record_type& type, shape_digest& to)
{
    to.add(type.name);
    for (const auto& member : type)
    {
        to.add(member.name);
        add_shape(*member.type, to);
    }
}
}  // namespace

void encode_value(const leaf& type, const void* from, std::string& out) { encode(type, from, out); }

bool decode_value(const leaf& type, void* into, std::string_view& from)
{
    cursor reading{from};
    decode(type, into, reading);
    from = reading.left;
    return reading.well;
}

void encode_row(const record_type& type, const void* row, std::string& out)
{
    for (const auto& member : type)
        encode(*member.type, member.member(const_cast<void*>(row)), out);  // only looked at
}

bool decode_row(const record_type& type, void* row, std::string_view bytes)
{
    cursor from{bytes};
    decode_members(type, row, from);
    return from.well && from.left.empty();
}

std::uint64_t shape_of(const record_type& type)
{
    shape_digest made;
    add_shape(type, made);
    return made.value;
}

std::uint64_t shape_of(const leaf& type)
{
    shape_digest made;
    add_shape(type, made);
    return made.value;
}
}  // namespace schema
